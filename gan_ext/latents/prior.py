"""What every prior and every code can do."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

__all__ = ["Prior", "precise"]


class Prior(nn.Module, ABC):
    """A distribution of vectors, and the family in which a reader states its belief about one.

    Args:
        dim: numbers in a vector, d.
        width: numbers that a reader needs to state its belief, S.
    """

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


def precise(x: Tensor) -> Tensor:
    """Return numbers in float32 at least."""
    return x if x.dtype == torch.float64 else x.float()
