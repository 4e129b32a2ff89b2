"""Prior: the base class of priors and latent codes; a new kind of code is one subclass."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = ["Prior"]


@checked
class Prior(nn.Module, ABC):
    """A distribution of vectors, and the family in which a reader (InfoGAN's Q) states its belief about one.

    The six abstract methods are all that a game needs.  What is named, set, moved and reported by itself is a *unit*:
    one coordinate, or the whole vector of a code with `whole` set (a category).  A unit has one number as its value.
    Where estimators, reports and the page need to know more of units, they ask the methods below; a code of your own
    overrides `quantiles` if its coordinates are continuous, `shares`, `values` and `beliefs` if they have finitely many
    values, and `vectors` and `numbers` if a unit is not one column.

    Args:
        dim: numbers in a vector, d.
        width: numbers that a reader needs to state its belief, S.
    """

    whole: ClassVar[bool] = False
    """Whether the whole vector is one unit; otherwise every coordinate is, and all are distributed alike."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"{type(self).__name__} needs dim >= 1, got dim={dim}.")
        self.dim, self.width = dim, width
        self.register_buffer("anchor", torch.zeros(()), persistent=False)
        self.anchor: Tensor

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """Draw vectors [n, d] on the device and in the precision of this module."""

    @abstractmethod
    def log_prob(self, values: Tensor) -> Tensor:
        """Return the log-probability (or log-density) of vectors [n, d] in nats [n]; minus infinity outside."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Return the (differential) entropy of a vector in nats, a scalar."""

    @abstractmethod
    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        """Return the log-likelihood [n] in nats that a reader's statistics [n, S] give to vectors [n, d]."""

    @abstractmethod
    def posterior_mean(self, statistics: Tensor) -> Tensor:
        """Return the mean [n, d] of the belief that statistics [n, S] state."""

    @abstractmethod
    def allows(self, values: Tensor) -> Tensor:
        """Return which vectors [n, d] this prior could have drawn, [n] bool."""

    def information(self, statistics: Tensor, values: Tensor) -> Tensor:
        r"""Return the bound :math:`H(c) + E[\log q(c \mid x)]` in nats, a scalar, from statistics and true vectors."""
        return self.entropy() + self.log_posterior(statistics, values).mean()

    def shares(self) -> Tensor | None:
        """Return the prior probabilities [k] of a unit's values; None if the values are continuous."""
        return None

    def quantiles(self, probabilities: Tensor) -> Tensor:
        """Return where a unit's distribution function reaches probabilities in (0, 1), of the same shape.

        Raises:
            ValueError: a code that does not say.
        """
        raise ValueError(
            f"The quantiles of a {type(self).__name__} are not known: pass values, or give the class a method "
            "`quantiles` (or `shares`, `values` and `beliefs`, if it has finitely many values)."
        )

    def span(self) -> tuple[float, float]:
        """Return the ends of the range that a continuous unit is shown over; the middle 95 % by default."""
        low, high = self.quantiles(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
        return low, high

    def values(self, steps: int = 9) -> list[float]:
        """Return the values that a unit is shown at: all, in the order of `shares`, or evenly spaced over `span`."""
        if self.shares() is not None:
            raise NotImplementedError(f"{type(self).__name__} has shares; it must have the method `values`, too.")
        return [float(value) for value in torch.linspace(*self.span(), steps, dtype=torch.float64)]

    def vectors(self, values: Tensor) -> Tensor:
        """Return the columns [n, w] of a unit that has the values [n]."""
        return values[:, None]

    def numbers(self, vectors: Tensor) -> Tensor:
        """Return the values [n] of a unit whose columns are [n, w]."""
        return vectors[:, 0]

    def takes(self, values: Tensor) -> Tensor:
        """Return which values [n] a unit could have, [n] bool."""
        if self.whole:
            return self.allows(self.vectors(values))
        return self.allows(values[:, None].expand(-1, self.dim))

    def beliefs(self, statistics: Tensor) -> list[Tensor]:
        """Return what statistics [n, S] say of each unit: probabilities [n, k] of its values, or its mean [n]."""
        means = self.posterior_mean(statistics)
        return [self.numbers(means)] if self.whole else list(means.unbind(1))

    def allows_mean(self, means: Tensor) -> Tensor:
        """Return which vectors [n, d] could be the mean of a belief, [n] bool."""
        return self.allows(means)

    def nearest_mean(self, means: Tensor) -> Tensor:
        """Return means of beliefs [n, d] moved to where :meth:`allows_mean` holds."""
        return means

    def describe(self, mean: bool = False) -> str:
        """Return what a value (or with `mean`, the mean of a belief) may be, as it follows the code's name."""
        return f"is a number that {type(self).__name__} can draw"
