r"""Semi-supervised GAN: a K+1-class discriminator against a feature-matching generator.

The discriminator tells K classes apart on labeled data and real from generated on the rest, with the same K logits;
the generator moves the mean of the discriminator's features to that of real data.

References: Improved Techniques for Training GANs (Salimans et al., 2016), sections 3.1 and 5,
https://arxiv.org/abs/1606.03498
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, TwoPlayerGame, opponents_held
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import familiarity, realness, supervised, systematic_rows, unsupervised
from gan_ext.terms import (
    FeatureMatching,
    Generated,
    GeneratorTerm,
    Scene,
    Term,
    named_terms,
    sorted_terms,
    term_views,
    view_data,
    weigh_terms,
)

__all__ = ["KPlusOne", "SemiBatch"]


class SemiBatch(NamedTuple):
    """Labeled data `x` [B, ...] with classes `y` [B] (int64), and unlabeled data `u` [U, ...]."""

    x: Tensor
    y: Tensor
    u: Tensor


@checked
class KPlusOne(TwoPlayerGame):
    r"""K+1-class discriminator, feature-matching generator, and whatever terms either is given.

    .. math::
        L_D &= E[s(x) - l_y(x)] + w \left( \tfrac12 E_u[-\log\sigma(s(u))] + \tfrac12 E_z[-\log(1 - \sigma(s(G(z))))]
               \right) + \sum_t w_t L_t \\
        L_G &= \tfrac1F \lVert E_u f(u) - E_z f(G(z)) \rVert_2^2 + \sum_t w_t L_t

    The published game has no further terms.  Labeled, unlabeled and generated data and the terms' views go through
    the discriminator in one concatenated pass, so a discriminator with batch statistics would mix them; the nets of
    this package use weight normalization instead.

    Logged besides the losses: the shares of unlabeled and of generated data that the discriminator takes for real,
    and the share of unlabeled data with a positive logit (what Dai et al., 2017, assume of a perfect discriminator).

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to (class logits [B, K], features [B, F]).
        prior: the distribution of z.
        unsupervised_weight: w, dimensionless; with 0 the game is left out and the generator only watches.
        augment: a random transformation of labeled data that keeps the class; None for none.
        terms: further terms :math:`L_t`, each at most once: those of the discriminator
            (:class:`~gan_ext.terms.Term`) and those of the generator (:class:`~gan_ext.terms.GeneratorTerm`), in any
            order.  Without a :class:`~gan_ext.terms.FeatureMatching` of whatever distance, the published one is added.
        samples: generated samples in a move of either player, at least 2; as many as unlabeled ones if None.
        class_weight: what labeled samples of each class count [K]; None for the same.
        open_set: sharpness :math:`\gamma` of :func:`~gan_ext.losses.familiarity`, for unlabeled data with classes that
            no label names; with a positive one the discriminator learns from unlabeled samples drawn with these
            weights, while the generator still matches all.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Uniform | Gaussian,
        *,
        unsupervised_weight: float = 1.0,
        augment: Callable[[Tensor], Tensor] | None = None,
        terms: Sequence[Term | GeneratorTerm] = (),
        samples: int | None = None,
        class_weight: Sequence[float] | None = None,
        open_set: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator)
        if samples is not None and samples < 2:
            raise ValueError(f"samples={samples} must be at least 2, or None.")
        if not unsupervised_weight >= 0:
            raise ValueError(f"unsupervised_weight={unsupervised_weight} must not be negative.")
        if not open_set >= 0:
            raise ValueError(f"open_set={open_set} must not be negative; 0 takes all unlabeled samples alike.")
        self.samples = samples
        self.open_set = open_set
        self.register_buffer("class_weight", None if class_weight is None else torch.tensor(class_weight).float())
        self.class_weight: Tensor | None
        self.prior = prior
        self.unsupervised_weight = unsupervised_weight
        self.augment = augment or nn.Identity()
        self.terms, self.generator_terms = sorted_terms(terms, discriminator)
        if not any(isinstance(term, FeatureMatching) for term in self.generator_terms.values()):
            self.generator_terms["feature_matching"] = FeatureMatching()

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.generator_terms), self.generator_loss),
        }

    def discriminator_loss(self, batch: SemiBatch) -> Loss:
        with opponents_held():
            fake = self.generator(self.prior.sample(self.samples or len(batch.u))).to(batch.u.dtype)
        u = self._familiar(batch.u) if self.open_set > 0 else batch.u
        scene = Scene(self.discriminator, u, batch.x, batch.y, self.generator, self.prior.sample)
        second = term_views(self.terms, scene)
        views = [self.augment(batch.x), u, fake, *view_data(second)]
        labeled, real, generated, *rest = self.discriminator(torch.cat(views))[0].split([len(v) for v in views])
        values = {
            "supervised": supervised(labeled, batch.y, self.class_weight),
            "unsupervised": unsupervised(real, generated),
        }
        loss = values["supervised"] + self.unsupervised_weight * values["unsupervised"]
        added, parts = weigh_terms(self.terms, second, real, rest)
        values |= parts | _watched(real, generated)
        return loss + added, {name: value.detach() for name, value in values.items()}

    @torch.no_grad()
    def _familiar(self, u: Tensor) -> Tensor:
        """Draw as many unlabeled samples again, those of sure classes more often."""
        logits = self.discriminator(torch.cat([u, u]))[0]
        weights = familiarity(logits.view(2, len(u), -1), self.open_set)
        return u[systematic_rows(weights, torch.rand((), device=u.device))]

    def generator_loss(self, batch: SemiBatch) -> Loss:
        z = self.prior.sample(self.samples or len(batch.u))
        samples = self.generator(z)
        fake = self.discriminator(samples)[1]
        with opponents_held():
            real = self.discriminator(batch.u)[1]
        generated = Generated(z, samples, fake, real)
        loss, values = torch.zeros((), device=fake.device), {}
        for name, term in named_terms(self.generator_terms):
            values[name] = term(generated)
            loss = loss + term.weight * values[name]
        return loss, {name: value.detach() for name, value in values.items()}


@torch.no_grad()
def _watched(real: Tensor, generated: Tensor) -> dict[str, Tensor]:
    return {
        "real_taken_for_real": (realness(real) > 0).float().mean(),
        "fake_taken_for_real": (realness(generated) > 0).float().mean(),
        "real_with_positive_logit": (real.amax(1) > 0).float().mean(),
    }
