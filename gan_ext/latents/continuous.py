"""Continuous latent codes: uniform and Gaussian priors, and the Gaussian belief about their coordinates."""

import math

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.latents.prior import Prior
from gan_ext.precision import precise

__all__ = ["Gaussian", "Uniform"]


@checked
class _Continuous(Prior):
    r"""What uniform and Gaussian codes share: the belief :math:`q(c \mid x) = N(\mu(x), \sigma^2)`.

    With `std` None a reader also states :math:`\log\sigma(x)`, kept within [-5, 2].
    """

    def __init__(self, dim: int, std: float | None) -> None:
        super().__init__(dim, dim if std is not None else 2 * dim)
        if std is not None and not std > 0:
            raise ValueError(f"{type(self).__name__} needs std > 0, or None to let Q state it, got std={std}.")
        self.std = std

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        mean, log_std = self._belief(statistics)
        squares = ((values - mean) * torch.exp(-log_std)).square()
        return -(squares / 2 + log_std + math.log(2 * math.pi) / 2).sum(1)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        return self._belief(statistics)[0]

    def information(self, statistics: Tensor, values: Tensor) -> Tensor:
        r"""Return the bound :math:`H(c) + E[\log q(c \mid x)]` in nats, a scalar, from statistics and true vectors.

        With a fixed `std`, which is there to weigh the loss, the deviation of every coordinate is that of the reader's
        errors on these vectors instead.
        """
        if self.std is None:
            return super().information(statistics, values)
        errors = (values - self.posterior_mean(statistics)).square().mean(0).clamp_min(1e-10)
        return self.entropy() - (torch.log(2 * math.pi * math.e * errors) / 2).sum()

    def _belief(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        statistics = precise(statistics)
        if self.std is not None:
            return statistics, statistics.new_full((), math.log(self.std))
        mean, log_std = statistics.chunk(2, dim=1)
        return mean, log_std.clamp(-5, 2)


@checked
class Uniform(_Continuous):
    r"""The uniform prior on a box, :math:`z \sim U[\text{low}, \text{high}]^d`.

    Args:
        dim: number of coordinates d.
        low: lower end of every coordinate.
        high: upper end of every coordinate.
        std: deviation of Q's belief; 1 as published, None for one that Q states for every sample.
    """

    def __init__(self, dim: int, low: float = 0.0, high: float = 1.0, std: float | None = 1.0) -> None:
        if dim < 1 or not low < high:
            raise ValueError(f"Uniform needs dim >= 1 and low < high, got dim={dim}, low={low}, high={high}.")
        super().__init__(dim, std)
        self.low, self.high = low, high

    def sample(self, n: int) -> Tensor:
        return self.anchor.new_empty(n, self.dim).uniform_(self.low, self.high)

    def log_prob(self, values: Tensor) -> Tensor:
        inside = self.allows(values)
        return torch.where(inside, -self.entropy(), -math.inf)

    def entropy(self) -> Tensor:
        return self.anchor + self.dim * math.log(self.high - self.low)

    def allows(self, values: Tensor) -> Tensor:
        return ((values >= self.low) & (values <= self.high)).all(1)

    def quantiles(self, probabilities: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * probabilities

    def span(self) -> tuple[float, float]:
        """Return the ends of the box."""
        return float(self.low), float(self.high)

    def nearest_mean(self, means: Tensor) -> Tensor:
        return means.clamp(self.low, self.high)

    def describe(self, mean: bool = False) -> str:
        return f"goes from {self.low:g} to {self.high:g}"


@checked
class Gaussian(_Continuous):
    r"""The normal prior, :math:`z \sim N(0, s^2 I_d)`.

    Args:
        dim: number of coordinates d.
        std: deviation of Q's belief; 1 by default, None for one that Q states for every sample.
        scale: deviation s of the prior; ClusterGAN's noise has 0.1.
    """

    def __init__(self, dim: int, std: float | None = 1.0, scale: float = 1.0) -> None:
        super().__init__(dim, std)
        if not scale > 0:
            raise ValueError(f"Gaussian needs scale > 0, got scale={scale}.")
        self.scale = scale

    def sample(self, n: int) -> Tensor:
        return self.anchor.new_empty(n, self.dim).normal_(std=self.scale)

    def log_prob(self, values: Tensor) -> Tensor:
        log_scale = math.log(self.scale) + math.log(2 * math.pi) / 2
        return -((values / self.scale).square() / 2 + log_scale).sum(1)

    def entropy(self) -> Tensor:
        return self.anchor + self.dim * (math.log(self.scale) + math.log(2 * math.pi * math.e) / 2)

    def allows(self, values: Tensor) -> Tensor:
        return values.isfinite().all(1)

    def quantiles(self, probabilities: Tensor) -> Tensor:
        normal: Tensor = torch.special.ndtri(probabilities)
        return self.scale * normal

    def span(self) -> tuple[float, float]:
        """Return two deviations to both sides."""
        return -2.0 * self.scale, 2.0 * self.scale

    def describe(self, mean: bool = False) -> str:
        return "is a finite number"
