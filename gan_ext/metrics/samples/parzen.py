"""Parzen windows: kernel density estimation from samples, for models in few dimensions that only draw."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gan_ext.metrics.features import Features, as_features, feature_pair
from gan_ext.metrics.samples.distances import squared_distances

__all__ = ["parzen_bandwidth", "parzen_log_density"]


def parzen_log_density(samples: Features, at: Features, bandwidth: float) -> Tensor:
    r"""Return the logarithm of a kernel density estimate, Gaussians around samples, at places [m], in nats.

    .. math:: \log \hat p(y) = \log \frac1n \sum_{i=1}^{n} N(y; x_i, h^2 I)

    Of samples of p it estimates p with noise of deviation h added: the density is too broad, and its cross-entropy with
    data too high, by an amount that falls with n slowly, as :math:`n^{-4/(d+4)}`.  Beyond a handful of dimensions it
    says nothing of a model (Theis et al.); compare with the estimate from as many real samples.

    The samples come first although they may be generated: they are the model, and `at` the data it is asked about.

    References: On Estimation of a Probability Density Function and Mode (Parzen, 1962),
    https://doi.org/10.1214/aoms/1177704472; A note on the evaluation of generative models (Theis et al., 2016),
    https://arxiv.org/abs/1511.01844

    Args:
        samples: [n, d].
        at: places [m, d].
        bandwidth: h > 0, in units of the samples.

    Raises:
        ValueError: shapes that do not fit, no sample, numbers that are not finite, or a bandwidth that is not positive.
    """
    x, y = feature_pair(samples, at, names=("samples", "at"))
    if not 0 < bandwidth < math.inf:
        raise ValueError(f"bandwidth={bandwidth!r} must be positive: it is in units of the samples.")
    n, d = x.shape
    bumps = [(squares.sqrt() / bandwidth).square().div(-2).logsumexp(1) for squares in squared_distances(y, x)]
    return torch.cat(bumps) - math.log(n) - d * math.log(bandwidth * math.sqrt(2 * math.pi))


def parzen_bandwidth(samples: Features, held_out: Features, bandwidths: Sequence[float] | None = None) -> float:
    """Return the bandwidth of the kernel density estimate under which held-out data are likeliest.

    Args:
        samples: [n, d], the model, as in :func:`parzen_log_density`.
        held_out: data [m, d] that no figure is taken from.
        bandwidths: to choose from; by default 25 from a hundredth of the data's mean deviation to all of it.

    Raises:
        ValueError: as :func:`parzen_log_density`, or no bandwidth.
    """
    if bandwidths is None:
        spread = float(as_features("held_out", held_out, 2).double().std(0).mean())
        bandwidths = [spread * 10 ** (-2 + step / 12) for step in range(25)]
    if not bandwidths:
        raise ValueError("bandwidths is empty; give at least one, in units of the samples.")
    return max(bandwidths, key=lambda h: float(parzen_log_density(samples, held_out, h).mean()))
