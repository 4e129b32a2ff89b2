r"""The semi-supervised game: a K+1-class discriminator against a feature-matching generator.

The discriminator tells K classes apart on labelled data and real from generated on the rest, with the same K logits;
the generator moves the mean of the discriminator's features to that of real data.

References: Improved Techniques for Training GANs (Salimans et al., 2016), sections 3.1 and 5,
https://arxiv.org/abs/1606.03498
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from gan_ext.game import Loss, TwoPlayerGame
from gan_ext.games.terms import Term
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import feature_matching, supervised, unsupervised

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
               \right) + \sum_t w_t L_t \\
        L_G &= \tfrac1F \lVert E_u f(u) - E_z f(G(z)) \rVert_2^2

    The published game has no further terms.  Labelled, unlabelled and generated data and second views go through the
    discriminator in one concatenated pass, so a discriminator with batch statistics would mix them; the nets of this
    package use weight normalisation instead.

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to (class logits [B, K], features [B, F]).
        prior: the distribution of z.
        unsupervised_weight: w, dimensionless; with 0 the game is left out and the generator only watches.
        augment: a random transformation of labelled data that keeps the class; None for none.
        terms: further terms :math:`L_t` of the discriminator's loss, each at most once.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Uniform | Gaussian,
        *,
        unsupervised_weight: float = 1.0,
        augment: Callable[[Tensor], Tensor] | None = None,
        terms: Sequence[Term] = (),
    ) -> None:
        super().__init__(generator, discriminator)
        self.prior = prior
        self.unsupervised_weight = unsupervised_weight
        self.augment = augment or nn.Identity()
        self.terms = nn.ModuleDict({term.name: term for term in terms})
        if len(self.terms) != len(terms):
            raise ValueError(f"terms must differ, got {[term.name for term in terms]}.")

    def discriminator_loss(self, batch: SemiBatch) -> Loss:
        with torch.no_grad():
            fake = self.generator(self.prior.sample(len(batch.u))).to(batch.u.dtype)
        terms = cast("dict[str, Term]", dict(self.terms.items()))
        second = {name: term.view(self.discriminator, batch.u) for name, term in terms.items()}
        views = [self.augment(batch.x), batch.u, fake, *(view.data for view in second.values() if view is not None)]
        labelled, real, generated, *rest = self.discriminator(torch.cat(views))[0].split([len(v) for v in views])
        judged = iter(rest)
        values = {"supervised": supervised(labelled, batch.y), "unsupervised": unsupervised(real, generated)}
        loss = values["supervised"] + self.unsupervised_weight * values["unsupervised"]
        for name, term in terms.items():
            view = second[name]
            guide = real if view is None or view.guide is None else view.guide
            values[name] = term(guide, None if view is None else next(judged))
            loss = loss + term.weight * values[name]
        return loss, {name: value.detach() for name, value in values.items()}

    def generator_loss(self, batch: SemiBatch) -> Loss:
        generated = self.discriminator(self.generator(self.prior.sample(len(batch.u))))[1]
        with torch.no_grad():
            real = self.discriminator(batch.u)[1]
        loss = feature_matching(real, generated)
        return loss, {"feature_matching": loss.detach()}
