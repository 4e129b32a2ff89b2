"""Adversarial losses as objects: the discriminator's and the generator's loss in a pair that a game is given."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_ext.checks import checked
from gan_ext.losses.adversarial import (
    discriminator_hinge,
    discriminator_least_squares,
    discriminator_non_saturating,
    discriminator_relativistic,
    discriminator_wasserstein,
    generator_least_squares,
    generator_likelihood_ratio,
    generator_minimax,
    generator_non_saturating,
    generator_relativistic,
    generator_wasserstein,
)

__all__ = [
    "AdversarialLoss",
    "Hinge",
    "LeastSquares",
    "LikelihoodRatio",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "Wasserstein",
]


class AdversarialLoss(ABC):
    """What the two players of a game minimize, as functions of the logits (or scores) of real and generated data.

    Attributes:
        pairs: whether a real and a generated sample are compared one by one, so that the generator's loss needs `real`
            too.
    """

    pairs: ClassVar[bool] = False

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar, from logits of any shape (of the same shape with `pairs`)."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the generator's loss, a scalar; `real` is read with `pairs` only."""


@checked
@dataclass(frozen=True)
class NonSaturating(AdversarialLoss):
    r"""Cross-entropy against a generator that maximizes the logarithm of being taken for real.

    See :func:`discriminator_non_saturating` and :func:`generator_non_saturating` for equations and source.

    Args:
        smoothing: target of real data in (0, 1]; 1 for none, 0.9 as published by Salimans et al. (2016).

    Raises:
        ValueError: a smoothing outside (0, 1].
    """

    smoothing: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.smoothing <= 1:
            raise ValueError(
                f"smoothing is the target of real data, in (0, 1], got {self.smoothing}; 1 leaves it as it is, 0.9 is "
                "usual."
            )

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_non_saturating(real, fake, smoothing=self.smoothing)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_non_saturating(fake)


@checked
@dataclass(frozen=True)
class Minimax(NonSaturating):
    """The zero-sum game: the generator maximizes what the discriminator minimizes (:func:`generator_minimax`).

    Args:
        smoothing: as in :class:`NonSaturating`.
    """

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_minimax(fake)


@checked
@dataclass(frozen=True)
class LikelihoodRatio(NonSaturating):
    """Cross-entropy against a generator that weighs its samples by how much likelier they are real.

    At the best discriminator the generator's gradient is that of maximum likelihood; see
    :func:`generator_likelihood_ratio` for equations, variance and source.  Smoothing would spoil the ratio.

    Args:
        smoothing: as in :class:`NonSaturating`.
        normalized: whether the mean ratio of a batch is divided out.
    """

    normalized: bool = True

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_likelihood_ratio(fake, normalized=self.normalized)


@checked
@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """A margin of 1 for the discriminator, the plain score for the generator (:func:`discriminator_hinge`)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_hinge(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_wasserstein(fake)


@checked
@dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    r"""Squared distances to three targets (:func:`discriminator_least_squares`, :func:`generator_least_squares`).

    Args:
        real: b, the discriminator's target of real data.
        fake: a, its target of generated data; :math:`b - c = 1, b - a = 2` is Pearson's :math:`\chi^2` divergence.
        goal: c, the generator's target.

    Raises:
        ValueError: equal targets of real and generated data.
    """

    real: float = 1.0
    fake: float = 0.0
    goal: float = 1.0

    def __post_init__(self) -> None:
        if self.real == self.fake:
            raise ValueError(f"LeastSquares needs two targets, got real=fake={self.real}; the usual ones are 1 and 0.")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_least_squares(real, fake, (self.real, self.fake))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_least_squares(fake, self.goal)


@checked
@dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """The difference of mean scores (:func:`discriminator_wasserstein`); its critic needs a bounded slope."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_wasserstein(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return generator_wasserstein(fake)


@checked
@dataclass(frozen=True)
class Relativistic(AdversarialLoss):
    """Every generated sample against a real partner, for both players (:func:`discriminator_relativistic`)."""

    pairs: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_relativistic(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("Relativistic compares each generated sample with a real one: give generator(fake, real).")
        return generator_relativistic(real, fake)
