"""Conditional GAN: a generator told a class, and a discriminator that judges samples as ones of their class.

References: Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.latents import Prior
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating, mode_seeking, r1_penalty

__all__ = ["ClassGame", "Conditional", "LabeledBatch"]


class LabeledBatch(NamedTuple):
    """Real data `x` [B, ...] with classes `y` [B] (int64)."""

    x: Tensor
    y: Tensor


@checked
class ClassGame(TwoPlayerGame):
    r"""What games with classes share: samples of the batch's own classes, and a term against ignored noise.

    .. math:: L_M = \mu \frac{E|z_1 - z_2|}{E|G(z_1, y) - G(z_2, y)|}

    References: Mode Seeking Generative Adversarial Networks (Mao et al., 2019), https://arxiv.org/abs/1903.05628

    Args:
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: judges data.
        prior: the distribution of z.
        mode_seeking: :math:`\mu`; 0 leaves it out.
        r1: weight of the gradient penalty on real data (:func:`~gan_ext.losses.r1_penalty`), times one half.

    Attributes:
        generator_takes_classes: whether the generator is called as ``generator(z, y)``.
        discriminator_takes_classes: whether the discriminator is called as ``discriminator(x, y)``.
    """

    generator_takes_classes: ClassVar[bool] = True
    discriminator_takes_classes: ClassVar[bool] = False

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        *,
        mode_seeking: float = 0.0,
        r1: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator)
        if not (mode_seeking >= 0 and r1 >= 0):
            raise ValueError(f"mode_seeking={mode_seeking} and r1={r1} must not be negative.")
        self.prior = prior
        self.mode_seeking, self.r1 = mode_seeking, r1

    def fake(self, batch: LabeledBatch) -> Tensor:
        """Return samples of the classes of a batch, without a gradient."""
        with opponents_held():
            made: Tensor = self.generator(self.prior.sample(len(batch.y)), batch.y).to(batch.x.dtype)
        return made

    def make(self, batch: LabeledBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return samples of the classes of a batch, and the weighted mode-seeking term if there is one."""
        z = self.prior.sample(len(batch.y))
        if not self.mode_seeking:
            return self.generator(z, batch.y), {}
        # Both go through the generator together: batch normalization then sees one batch.
        other = self.prior.sample(len(batch.y))
        made, second = self.generator(torch.cat([z, other]), torch.cat([batch.y, batch.y])).chunk(2)
        return made, {"mode_seeking": self.mode_seeking * mode_seeking(made, second, z, other)}


class Conditional(ClassGame):
    r"""The standard game for every class at once.

    .. math::
        L_D &= E_{x, y}[-\log\sigma(d(x, y))] + E_{z, y}[-\log(1 - \sigma(d(G(z, y), y)))]
               + \tfrac{\gamma}{2} E \lVert \nabla_x d(x, y) \rVert^2 \\
        L_G &= E_{z, y}[-\log\sigma(d(G(z, y), y))] + L_M

    How the class enters is a matter of the networks: as further inputs
    (:class:`~gan_ext.nets.ConcatenationDiscriminator`), as an inner product
    (:class:`~gan_ext.nets.ProjectionDiscriminator`), in the generator's normalization
    (:class:`~gan_ext.nets.ConditionalBatchNorm`).

    References: Mirza and Osindero (2014), https://arxiv.org/abs/1411.1784; cGANs with Projection Discriminator (Miyato
    and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Args:
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: maps (data [B, ...], y [B]) to logits [B].
        prior: the distribution of z.
        mode_seeking: :math:`\mu` of :class:`ClassGame`.
        r1: :math:`\gamma`.
    """

    discriminator_takes_classes = True

    def discriminator_loss(self, batch: LabeledBatch) -> Loss:
        both = torch.cat([batch.x, self.fake(batch)])
        real, generated = self.discriminator(both, torch.cat([batch.y, batch.y])).split(len(batch.x))
        terms = {"adversarial": discriminator_non_saturating(real, generated)}
        if self.r1:
            terms["r1"] = self.r1 / 2 * r1_penalty(lambda x: self.discriminator(x, batch.y), batch.x)
        return sum_of(terms)

    def generator_loss(self, batch: LabeledBatch) -> Loss:
        made, terms = self.make(batch)
        return sum_of({"adversarial": generator_non_saturating(self.discriminator(made, batch.y)), **terms})


def sum_of(terms: dict[str, Tensor]) -> Loss:
    """Return the sum of weighted terms, and the terms for the log."""
    return torch.stack(list(terms.values())).sum(), {name: value.detach() for name, value in terms.items()}
