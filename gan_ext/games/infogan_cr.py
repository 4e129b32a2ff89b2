r"""InfoGAN-CR: changing one code must change something that no other code changes.

References: InfoGAN-CR and ModelCentrality (Lin et al., 2020), https://arxiv.org/abs/1906.06034
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from typing_extensions import Self, Unpack

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, opponents_held
from gan_ext.games.infogan import InfoGANGame, InfoGANOptions
from gan_ext.latents import Prior, Product, Uniform
from gan_ext.terms import Term

__all__ = ["InfoGANCR"]


@checked
class InfoGANCR(InfoGANGame):
    r"""InfoGAN with a third player, who sees two samples and tells which coordinate of the code they share.

    .. math::
        L_C &= E_{i, z, c, c'}[-\log q_i(G(z, c), G(z, c'))], \quad c'_i = c_i, \quad |c'_j - c_j| \ge \text{gap}
               \text{ for } j \ne i \\
        L_G &= L_G^\text{InfoGAN} + \alpha L_C

    with i uniform over the coordinates of one uniform code.  The two samples have the same noise and, besides that
    code, the same codes; the other coordinates are uniform over all pairs as far apart as `gap` asks.

    In the published schedule :math:`\alpha` is 0 for most of the run, then the contrast network starts anew and
    :math:`\alpha` is set.  Play :class:`~gan_ext.games.InfoGANGame` first and this game afterwards, over the same
    networks in an :class:`~gan_ext.engine.Engine` of its own: then no pair is made in vain.  Within one run, a
    schedule of ``"contrast_weight"`` does it.

    References: InfoGAN-CR and ModelCentrality (Lin et al., 2020), https://arxiv.org/abs/1906.06034

    Args:
        generator: as in :class:`~gan_ext.games.InfoGANGame`.
        discriminator: as in :class:`~gan_ext.games.InfoGANGame`.
        codes: what the generator must use.
        noise: the rest of its input.
        contrast: maps two samples, joined along axis 1 (the channels of images, the columns of tables), to logits
            [B, k], one for each coordinate.
        code: name of the code whose k >= 2 coordinates must differ; the first uniform one if None.
        gap: least distance of coordinates that are not shared, in units of the code.
        contrast_weight: :math:`\alpha`, dimensionless, a 0-dim buffer; 2 as published for dSprites (1 for CelebA).
        options: what else :class:`~gan_ext.games.InfoGANGame` takes.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        codes: Product,
        noise: Prior,
        contrast: nn.Module,
        *,
        code: str | None = None,
        gap: float = 0.0,
        contrast_weight: float = 2.0,
        **options: Unpack[InfoGANOptions],
    ) -> None:
        super().__init__(generator, discriminator, codes, noise, **options)
        self.code, self.box = _box(codes, code)
        if not 0 <= gap < self.box.high - self.box.low:
            raise ValueError(f"gap must be in [0, {self.box.high - self.box.low}) for code {self.code!r}, got {gap}.")
        if not contrast_weight >= 0:
            raise ValueError(f"contrast_weight must be >= 0, got {contrast_weight}.")
        self.contrast, self.gap = contrast, gap
        self.register_buffer("contrast_weight", torch.tensor(float(contrast_weight)))
        self.contrast_weight: Tensor

    @classmethod
    def joining(
        cls,
        game: InfoGANGame,
        contrast: nn.Module,
        *,
        code: str | None = None,
        gap: float = 0.0,
        contrast_weight: float = 2.0,
    ) -> Self:
        """Return the game that goes on, with the contrast network as third player, over the networks of another.

        Codes and all weights but `contrast_weight` are those of that game, too.

        Args:
            game: what was played before.
            contrast: as above, and so is all that follows.
            code: name of the code.
            gap: least distance.
            contrast_weight: of the new term.
        """
        return cls(
            game.generator, game.discriminator, game.codes, game.noise, contrast, code=code, gap=gap,
            contrast_weight=contrast_weight, weights={name: float(game.information[name]) for name in game.codes.names},
            terms=[term for term in game.terms.values() if isinstance(term, Term)], category=game.category,
            adversarial=game.adversarial, mode_seeking=game.mode_seeking, r1=game.r1,
        )  # fmt: skip

    def players(self) -> dict[str, Player]:
        return super().players() | {"contrast": Player((self.contrast,), self.contrast_loss)}

    def draw_pairs(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw n pairs of inputs of the generator, each [n, noise.dim + codes.dim], and what they share [n] (int64)."""
        latents, _ = self.draw(n)
        columns = self.codes.columns()[self.code]
        start, stop = self.noise.dim + columns.start, self.noise.dim + columns.stop
        before, own, after = latents[:, :start], latents[:, start:stop], latents[:, stop:]
        shared = torch.randint(self.box.dim, (n,), device=latents.device)
        same = F.one_hot(shared, self.box.dim).bool()
        first, second = (
            torch.cat([before, torch.where(same, own, value), after], dim=1) for value in self._two_apart(own)
        )
        return first, second, shared

    def contrast_loss(self, batch: Any) -> Loss:
        with opponents_held():
            pairs, shared = self._pairs(len(batch[-1]))
        return self._judged(pairs, shared)

    def generator_loss(self, batch: Any) -> Loss:
        loss, terms = super().generator_loss(batch)
        contrast, more = self._judged(*self._pairs(len(batch[-1])))
        return loss + self.contrast_weight * contrast, terms | more

    def _pairs(self, n: int) -> tuple[Tensor, Tensor]:
        first, second, shared = self.draw_pairs(n)
        samples = self.generator(torch.cat([first, second]))  # one pass: both halves share batch statistics
        return torch.cat(samples.chunk(2), dim=1), shared

    def _judged(self, pairs: Tensor, shared: Tensor) -> Loss:
        logits = self.contrast(pairs).float()
        loss = F.cross_entropy(logits, shared)
        accuracy = (logits.argmax(1) == shared).float().mean()
        return loss, {"contrast": loss.detach(), "contrast/accuracy": accuracy}

    def _two_apart(self, like: Tensor) -> tuple[Tensor, Tensor]:
        # Pairs in the square whose distance is at least `gap`: pairs in a smaller square, the greater one moved up.
        first, second = (torch.empty_like(like).uniform_(self.box.low, self.box.high - self.gap) for _ in range(2))
        ahead = first > second
        return first + self.gap * ahead, second + self.gap * ~ahead


def _box(codes: Product, name: str | None) -> tuple[str, Uniform]:
    boxes = {key: code for key, code in codes.codes().items() if isinstance(code, Uniform) and code.dim > 1}
    wanted = next(iter(boxes), None) if name is None else name
    if wanted not in boxes:
        raise ValueError(
            f"InfoGANCR needs a uniform code of at least 2 coordinates, got code={name!r} and such codes in "
            f"{list(boxes)}; write for example Product(style=Uniform(5, -1, 1))."
        )
    return wanted, boxes[wanted]
