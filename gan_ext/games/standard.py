"""The standard GAN, with the non-saturating generator loss.

References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating, r1_penalty

__all__ = ["RealBatch", "Standard"]


class RealBatch(NamedTuple):
    """Real data `x` [B, ...]."""

    x: Tensor


@checked
class Standard(TwoPlayerGame):
    r"""Discriminator's cross-entropy against the non-saturating generator, with an optional gradient penalty.

    .. math::
        L_D &= E_x[-\log\sigma(d(x))] + E_z[-\log(1 - \sigma(d(G(z))))]
               + \tfrac{\gamma}{2} E_x \lVert \nabla_x d(x) \rVert^2 \\
        L_G &= E_z[-\log\sigma(d(G(z)))]

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to logits [B].
        prior: the distribution of z.
        r1: :math:`\gamma`, weight of the penalty; 0 leaves it out.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, prior: Uniform | Gaussian, r1: float = 0.0
    ) -> None:
        super().__init__(generator, discriminator)
        self.prior = prior
        self.r1 = r1

    def discriminator_loss(self, batch: RealBatch) -> Loss:
        with opponents_held():
            fake = self.generator(self.prior.sample(len(batch.x)))
        real, generated = self.discriminator(torch.cat([batch.x, fake.to(batch.x.dtype)])).split(len(batch.x))
        loss = discriminator_non_saturating(real, generated)
        terms = {"adversarial": loss.detach()}
        if self.r1:
            penalty = r1_penalty(self.discriminator, batch.x)
            terms["r1"] = penalty.detach()
            loss = loss + self.r1 / 2 * penalty
        return loss, terms

    def generator_loss(self, batch: RealBatch) -> Loss:
        loss = generator_non_saturating(self.discriminator(self.generator(self.prior.sample(len(batch.x)))))
        return loss, {"adversarial": loss.detach()}
