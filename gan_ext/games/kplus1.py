r"""The semi-supervised game: a K+1-class discriminator against a feature-matching generator.

The discriminator tells K classes apart on labelled data and real from generated on the rest, with the same K logits;
the generator moves the mean of the discriminator's features to that of real data.

References: Improved Techniques for Training GANs (Salimans et al., 2016), sections 3.1 and 5,
https://arxiv.org/abs/1606.03498
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.game import Loss, TwoPlayerGame
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import conditional_entropy, feature_matching, pseudo_label, supervised, unsupervised

__all__ = ["KPlusOne", "SemiBatch"]


class SemiBatch(NamedTuple):
    """Labelled data `x` [B, ...] with classes `y` [B] (int64), and unlabelled data `u` [U, ...]."""

    x: Tensor
    y: Tensor
    u: Tensor


class KPlusOne(TwoPlayerGame):
    r"""K+1-class discriminator, feature-matching generator.

    .. math::
        L_D &= E[s(x) - l_y(x)] + w \left( \tfrac12 E_u[-\log\sigma(s(u))] + \tfrac12 E_z[-\log(1 - \sigma(s(G(z))))]
               \right) + h\, E_u[H(p(\cdot \mid u))] + c\, L_\text{pseudo}(u, u') \\
        L_G &= \tfrac1F \lVert E_u f(u) - E_z f(G(z)) \rVert_2^2

    The published game has h = c = 0.  Labelled, unlabelled and generated data go through the discriminator in one
    concatenated pass, so a discriminator with batch statistics would mix them; the nets of this package use weight
    normalisation instead.

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to (class logits [B, K], features [B, F]).
        prior: the distribution of z.
        unsupervised_weight: w, dimensionless.
        entropy_weight: h; positive values push unlabelled data away from class boundaries.
        consistency_weight: c of :func:`~gan_ext.losses.pseudo_label`; positive values make a second view u' of
            unlabelled data (under other noise, and transformed by `augment`) agree with a first one that is sure.
        augment: a random transformation that keeps the class, applied to labelled data and to u'; None for none.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Uniform | Gaussian,
        *,
        unsupervised_weight: float = 1.0,
        entropy_weight: float = 0.0,
        consistency_weight: float = 0.0,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(generator, discriminator)
        self.prior = prior
        self.unsupervised_weight = unsupervised_weight
        self.entropy_weight = entropy_weight
        self.consistency_weight = consistency_weight
        self.augment = augment or nn.Identity()

    def discriminator_loss(self, batch: SemiBatch) -> Loss:
        with torch.no_grad():
            fake = self.generator(self.prior.sample(len(batch.u))).to(batch.u.dtype)
        views = [self.augment(batch.x), batch.u, fake]
        if self.consistency_weight:
            views.append(self.augment(batch.u))
        labelled, real, generated, *second = self.discriminator(torch.cat(views))[0].split([len(v) for v in views])
        weighted = {
            "supervised": (1.0, supervised(labelled, batch.y)),
            "unsupervised": (self.unsupervised_weight, unsupervised(real, generated)),
        }
        if self.entropy_weight:
            weighted["entropy"] = self.entropy_weight, conditional_entropy(real)
        if self.consistency_weight:
            weighted["consistency"] = self.consistency_weight, pseudo_label(real, second[0])
        loss = torch.stack([weight * term for weight, term in weighted.values()]).sum()
        return loss, {name: term.detach() for name, (_, term) in weighted.items()}

    def generator_loss(self, batch: SemiBatch) -> Loss:
        generated = self.discriminator(self.generator(self.prior.sample(len(batch.u))))[1]
        with torch.no_grad():
            real = self.discriminator(batch.u)[1]
        loss = feature_matching(real, generated)
        return loss, {"feature_matching": loss.detach()}
