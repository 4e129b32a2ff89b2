"""Unconditional GANs: a generator against a discriminator, with any adversarial loss and any stabilizers.

References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661; losses, penalties
and views name their own.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.games.standard import RealBatch
from gan_ext.latents import Prior
from gan_ext.losses import (
    AdversarialLoss,
    HistoricalAveraging,
    Judged,
    NonSaturating,
    Penalty,
    Relativistic,
    Wasserstein,
    best_gradients,
    pack,
    values_and_input_gradient,
)

__all__ = ["Adversarial", "AdversarialOptions"]


class AdversarialOptions(TypedDict, total=False):
    """What games with a loss and penalties of their own hand on to :class:`Adversarial`."""

    view: nn.Module | None
    packing: int
    historical: Mapping[str, HistoricalAveraging] | None
    top: float | None


@checked
class Adversarial(TwoPlayerGame):
    r"""Any adversarial loss, with penalties for the discriminator and a view of the data.

    .. math::
        L_D &= \ell_D\big(d(v(x)), d(v(G(z)))\big) + \sum_i w_i R_i \\
        L_G &= \ell_G\big(d(v(G(z))), d(v(x))\big)

    Real and generated data are judged in one pass, unless a layer of the discriminator looks at several samples (batch
    normalization, or one whose attribute `mixes_samples` is true): then each has a pass of its own.  With a penalty on
    input gradients at real or generated data, these are taken in the same pass and in the run's precision (bfloat16 is
    enough, as R3GAN's authors found; float16 is not).  The logs have the loss, the mean logits of real and generated
    data, and each penalty without its weight.

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to logits [B]; with packing m, data [B / m, m c, ...] to logits [B / m].
        prior: the distribution of z.
        loss: the pair of losses.
        penalties: terms of the discriminator's loss, each kind once; kept as ``penalties.<name>``.
        view: v, a module applied to real and generated data before the discriminator, for both players; such as noise
            or augmentation from :mod:`gan_ext.data`.  If it has a method ``draw(x)`` and takes ``view(x, draw)``, real
            and generated data share one draw where the loss compares them in pairs.  If it has ``observe(logits)``, it
            is told the logits of real data once in each loss of the discriminator.
        packing: m, samples that the discriminator sees at once (:func:`~gan_ext.losses.pack`).
        historical: :class:`~gan_ext.losses.HistoricalAveraging` for players by name.
        top: share in (0, 1] of the generated samples, those judged best, that the generator learns from; kept as the
            0-dim buffer `top`, so that it can be annealed (:func:`~gan_ext.losses.best_gradients`).

    Raises:
        ValueError: a penalty that comes twice, gradient penalties with batch normalization in the discriminator,
            packing below 1 or one that does not divide the batch, an unknown player in `historical`, or a share outside
            (0, 1].
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        loss: AdversarialLoss | None = None,
        penalties: Sequence[Penalty] = (),
        *,
        view: nn.Module | None = None,
        packing: int = 1,
        historical: Mapping[str, HistoricalAveraging] | None = None,
        top: float | None = None,
    ) -> None:
        super().__init__(generator, discriminator)
        _check(loss, penalties, view)
        if packing < 1:
            raise ValueError(f"packing must be at least 1, got {packing}; 1 shows samples one by one.")
        self.prior, self.packing = prior, packing
        self.view: Any = view  # a module, with `draw` and `observe` or without
        self.loss = NonSaturating() if loss is None else loss
        self.penalties = _by_name(penalties)
        self.historical = self._attached(historical or {})
        self._apart = any(_mixes(module) for module in discriminator.modules())
        self._gradients = _input_gradients(penalties, discriminator)
        self.register_buffer("top", None if top is None else torch.tensor(_share(top)))
        self.top: Tensor | None

    def discriminator_loss(self, batch: RealBatch) -> Loss:
        with opponents_held():
            fake = self.generator(self.prior.sample(len(batch.x))).to(batch.x.dtype)
        judged = self._judged(*self._seen(batch.x, fake))
        loss = self.loss.discriminator(judged.real_logits, judged.fake_logits)
        terms = {"adversarial": loss.detach()}
        for logits, name in ((judged.real_logits, "real_logit"), (judged.fake_logits, "fake_logit")):
            terms[name] = logits.detach().float().mean()
        for name, penalty in self.penalties.items():
            assert isinstance(penalty, Penalty)
            measured = penalty.measure(judged)
            terms[name] = measured.detach()
            loss = loss + penalty.weighted(measured)
        if self.training and hasattr(self.view, "observe"):
            self.view.observe(judged.real_logits.detach())
        return self._averaged("discriminator", loss, terms)

    def generator_loss(self, batch: RealBatch) -> Loss:
        fake = self.generator(self.prior.sample(len(batch.x)))
        if self.loss.pairs:
            shown, made = self._seen(batch.x, fake.to(batch.x.dtype))
            real, judged = self.discriminator(shown), self.discriminator(made)
        else:
            real, judged = None, self.discriminator(pack(self._viewed(fake), self.packing))
        loss = self.loss.generator(judged if self.top is None else best_gradients(judged, self.top), real)
        return self._averaged("generator", loss, {"adversarial": loss.detach()})

    def _viewed(self, x: Tensor) -> Tensor:
        return x if self.view is None else self.view(x)

    def _seen(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return real and generated data as the discriminator sees them."""
        if self.loss.pairs and hasattr(self.view, "draw"):
            draw = self.view.draw(real)
            real, fake = self.view(real, draw), self.view(fake, draw)
        else:
            real, fake = self._viewed(real), self._viewed(fake)
        return pack(real, self.packing), pack(fake, self.packing)

    def _judged(self, real: Tensor, fake: Tensor) -> Judged:
        at_real, at_fake = self._gradients
        if self._apart or at_real != at_fake:
            real_logits, real_gradient = self._judge(real, at_real)
            fake_logits, fake_gradient = self._judge(fake, at_fake)
        else:
            logits, gradient = self._judge(torch.cat([real, fake]), at_real)
            real_logits, fake_logits = logits.chunk(2)
            real_gradient, fake_gradient = (None, None) if gradient is None else gradient.chunk(2)
        gradients = real_gradient, fake_gradient
        return Judged(self.discriminator, real, fake, real_logits, fake_logits, *gradients, self.packing)

    def _judge(self, x: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor | None]:
        if not with_gradient:
            return self.discriminator(x), None
        return values_and_input_gradient(self.discriminator, x)

    def _averaged(self, player: str, loss: Tensor, terms: dict[str, Tensor]) -> Loss:
        """Add the player's historical averaging, if it has one."""
        if player not in self.historical:
            return loss, terms
        averaging = self.historical[player]
        assert isinstance(averaging, HistoricalAveraging)
        measured = averaging.measure(getattr(self, player))
        return loss + averaging.weight * measured, terms | {"historical": measured.detach()}

    def _attached(self, historical: Mapping[str, HistoricalAveraging]) -> nn.ModuleDict:
        unknown = sorted(set(historical) - {"generator", "discriminator"})
        if unknown:
            raise ValueError(f"historical names {', '.join(unknown)}; the players are generator and discriminator.")
        for player, averaging in historical.items():
            averaging.attach(getattr(self, player))
        return nn.ModuleDict(historical)


def _check(loss: object, penalties: object, view: object) -> None:
    if loss is not None and not isinstance(loss, AdversarialLoss):
        raise ValueError(f"loss={loss!r} must be a pair of losses of gan_ext.losses, such as Hinge().")
    if not isinstance(penalties, Sequence) or not all(isinstance(each, Penalty) for each in penalties):
        raise ValueError(f"penalties={penalties!r} must be a list of penalties of gan_ext.losses, such as [R1(0.1)].")
    if view is not None and not isinstance(view, nn.Module):
        raise ValueError(f"view={view!r} must be a module, such as gan_ext.data.InstanceNoise(0.1).")
    if hasattr(view, "observe") and isinstance(loss, Relativistic | Wasserstein):
        warnings.warn(
            f"The view adapts by the sign of logits, which has no meaning with {type(loss).__name__}(): only "
            "differences between logits have. Use NonSaturating() or Hinge().",
            stacklevel=3,
        )


def _by_name(penalties: Sequence[Penalty]) -> nn.ModuleDict:
    names = [penalty.name for penalty in penalties]
    if len(set(names)) < len(names):
        raise ValueError(f"penalties must differ, got {names}; add up the weights of two that are alike.")
    return nn.ModuleDict(dict(zip(names, penalties, strict=True)))


def _input_gradients(penalties: Sequence[Penalty], discriminator: nn.Module) -> tuple[bool, bool]:
    wanted = [penalty.name for penalty in penalties if penalty.of_slopes]
    normal = [name for name, module in discriminator.named_modules() if _normalizes(module)]
    if wanted and normal:
        raise ValueError(
            f"The penalty {wanted[0]!r} is a gradient for each sample, but the discriminator's layer {normal[0]!r} "
            "normalizes over the batch; leave it out, or use nn.LayerNorm or nn.GroupNorm."
        )
    at = [penalty.input_gradients for penalty in penalties]
    return any(real for real, _ in at), any(fake for _, fake in at)


def _normalizes(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def _mixes(module: nn.Module) -> bool:
    return _normalizes(module) or getattr(module, "mixes_samples", False)


def _share(top: float) -> float:
    if not 0 < top <= 1:
        raise ValueError(f"top is a share of the generated samples in (0, 1], got {top}; 1 takes all.")
    return float(top)
