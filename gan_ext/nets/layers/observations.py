"""What a net's outputs say about data: observation models of decoders, and the noise that corrupts data.

Shapes: B is the batch, D the numbers of a sample.  Leading axes may be more than one.
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
)

from gan_ext.checks import checked

__all__ = ["BernoulliObservation", "FlipNoise", "GaussianObservation", "MixtureObservation", "ShiftNoise"]


class BernoulliObservation(nn.Module):
    r"""Independent bits of which the outputs are the logits: :math:`p(x_i = 1 \mid h) = \sigma(h_i)`.

    It takes D outputs for D bits, and its distribution draws and judges samples of 0 and 1, [B, D].
    """

    def outputs(self, size: int) -> int:
        """Return how many outputs of a net it takes for samples of `size` numbers."""
        return size

    def forward(self, h: Tensor) -> Distribution:
        """Map outputs [..., D] to the distribution of samples [..., D]."""
        return _joint(Bernoulli(logits=h.float(), validate_args=False))


@checked
class GaussianObservation(nn.Module):
    r"""Independent Gaussians around the outputs, :math:`x \sim N(h, \sigma^2)`, of one deviation that is learned.

    Args:
        std: :math:`\sigma` at the start, in units of the data.

    Raises:
        ValueError: `std` is not positive.
    """

    def __init__(self, std: float = 1.0) -> None:
        super().__init__()
        if not std > 0:
            raise ValueError(f"std={std!r} must be positive: it is a standard deviation in units of the data.")
        self.log_std = nn.Parameter(torch.tensor(math.log(std)))

    def outputs(self, size: int) -> int:
        """Return how many outputs of a net it takes for samples of `size` numbers."""
        return size

    def forward(self, h: Tensor) -> Distribution:
        """Map outputs [..., D] to the distribution of samples [..., D]."""
        return _joint(Normal(h.float(), self.log_std.exp().expand_as(h), validate_args=False))


@checked
class MixtureObservation(nn.Module):
    r"""A mixture of Gaussians with diagonal covariances, of which the outputs state weights, means and deviations.

    .. math:: p(x \mid h) = \sum_k \pi_k(h) \prod_i N(x_i; \mu_{ki}(h), \sigma_{ki}^2(h))

    References: Mixture Density Networks (Bishop, 1994), https://publications.aston.ac.uk/id/eprint/373/

    Args:
        components: K >= 1.
        least: smallest deviation, in units of the data, > 0; it keeps the density bounded.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(self, components: int, least: float = 1e-3) -> None:
        super().__init__()
        if components < 1 or not least > 0:
            raise ValueError(
                f"MixtureObservation needs components >= 1 and least > 0, got components={components!r}, "
                f"least={least!r}."
            )
        self.components, self.least = components, least

    def outputs(self, size: int) -> int:
        """Return how many outputs of a net it takes for samples of `size` numbers."""
        return self.components * (1 + 2 * size)

    def forward(self, h: Tensor) -> Distribution:
        """Map outputs [..., K (1 + 2 D)] to the distribution of samples [..., D]."""
        parts = h.float().unflatten(-1, (self.components, -1))
        size = (parts.shape[-1] - 1) // 2
        weights, means, widths = parts[..., 0], parts[..., 1 : 1 + size], parts[..., 1 + size :]
        each = _joint(Normal(means, self.least + nn.functional.softplus(widths), validate_args=False))
        return MixtureSameFamily(Categorical(logits=weights, validate_args=False), each, validate_args=False)


@checked
class FlipNoise(nn.Module):
    r"""Replace each bit by a coin's toss with some probability: salt and pepper.

    Args:
        share: probability in (0, 1] that a bit is tossed; a half of those stay what they were.

    Raises:
        ValueError: a share outside (0, 1].
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(f"share={share!r} must be in (0, 1]: the probability that a bit is tossed.")
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Map bits [B, ...] to bits [B, ...]."""
        tossed = torch.rand_like(x) < self.share
        return torch.where(tossed, torch.rand_like(x).round(), x)


@checked
class ShiftNoise(nn.Module):
    r"""Add Gaussian noise, :math:`x + \sigma \epsilon`, in training and in evaluation.

    Args:
        std: :math:`\sigma` > 0, in units of the data.

    Raises:
        ValueError: `std` is not positive.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        if not std > 0:
            raise ValueError(f"std={std!r} must be positive: without noise a chain would stay where it is.")
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """Map samples [B, ...] to samples [B, ...]."""
        return x + self.std * torch.randn_like(x)


def _joint(each: Distribution) -> Distribution:
    return Independent(each, 1, validate_args=False)
