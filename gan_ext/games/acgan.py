"""AC-GAN: a discriminator with an auxiliary classifier, which names the class of real and of generated data.

References: Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017),
https://arxiv.org/abs/1610.09585
"""

from abc import abstractmethod
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_ext.checks import checked
from gan_ext.game import Loss
from gan_ext.games.conditional import ClassGame, LabeledBatch, sum_of
from gan_ext.latents import Prior
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating, r1_penalty

__all__ = ["ACGAN", "NamingGame"]


class _Judgment(Protocol):
    logits: Tensor
    classes: Tensor


@checked
class NamingGame(ClassGame):
    r"""What games with a classifying discriminator share; a subclass says how the class is learned.

    .. math::
        L_D &= E_x[-\log\sigma(d(x))] + E_{z, y}[-\log(1 - \sigma(d(G(z, y))))] + \lambda C_D
               + \tfrac{\gamma}{2} E \lVert \nabla_x d(x) \rVert^2 \\
        L_G &= E_{z, y}[-\log\sigma(d(G(z, y)))] + \lambda C_G + L_M

    Args:
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: maps data to an object with `logits` [B] and `classes` [B, C], such as
            :class:`~gan_ext.nets.ClassifyingDiscriminator`.
        prior: the distribution of z.
        weight: :math:`\lambda`, dimensionless.
        mode_seeking, r1: as in :class:`ClassGame`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        *,
        weight: float = 1.0,
        mode_seeking: float = 0.0,
        r1: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator, prior, mode_seeking=mode_seeking, r1=r1)
        if not weight >= 0:
            raise ValueError(f"weight={weight} must not be negative.")
        self.weight = weight

    @abstractmethod
    def naming_loss(self, real: Tensor, generated: Tensor, y: Tensor) -> Tensor:
        """Return :math:`C_D` from class logits [B, C] of real and generated data of the same classes [B]."""

    @abstractmethod
    def named_loss(self, generated: Tensor, y: Tensor) -> Tensor:
        """Return :math:`C_G` from class logits [B, C] of generated data."""

    def discriminator_loss(self, batch: LabeledBatch) -> Loss:
        judged: _Judgment = self.discriminator(torch.cat([batch.x, self.fake(batch)]))
        real, generated = judged.classes.float().chunk(2)
        terms = {
            "adversarial": discriminator_non_saturating(*judged.logits.chunk(2)),
            "class": self.weight * self.naming_loss(real, generated, batch.y),
        }
        if self.r1:
            terms["r1"] = self.r1 / 2 * r1_penalty(lambda x: self.discriminator(x).logits, batch.x)
        return sum_of(terms)

    def generator_loss(self, batch: LabeledBatch) -> Loss:
        made, terms = self.make(batch)
        judged: _Judgment = self.discriminator(made)
        named = self.weight * self.named_loss(judged.classes.float(), batch.y)
        return sum_of({"adversarial": generator_non_saturating(judged.logits), "class": named, **terms})


class ACGAN(NamingGame):
    r"""Both players want the class to be readable.

    .. math::
        C_D &= E_{x, y}[-\log c_y(x)] + E_{z, y}[-\log c_y(G(z, y))] \\
        C_G &= E_{z, y}[-\log c_y(G(z, y))]

    The best classifier is :math:`c_y(x) \propto p(x, y) + q(x, y)`, and the generator is drawn to samples that are easy
    to name: away from where classes overlap, and towards fewer kinds of each.

    References: Odena et al. (2017), https://arxiv.org/abs/1610.09585; on the bias, Twin Auxiliary Classifiers GAN
    (Gong et al., 2019), https://arxiv.org/abs/1907.02690

    Args:
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: maps data to an object with `logits` [B] and `classes` [B, K].
        prior: the distribution of z.
        weight: :math:`\lambda` of :class:`NamingGame`; 1 as published.
        mode_seeking, r1: as in :class:`ClassGame`.
    """

    def naming_loss(self, real: Tensor, generated: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(real, y) + cross_entropy(generated, y)

    def named_loss(self, generated: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(generated, y)
