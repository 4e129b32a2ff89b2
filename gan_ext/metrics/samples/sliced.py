"""Sliced Wasserstein distance: transport along random directions, where it is a matter of sorting."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gan_ext.metrics.features import Features, check_count, feature_pair, moderated, row_generator, within_float
from gan_ext.seeds import RandomStateLike

__all__ = ["sliced_wasserstein"]

_DIRECTIONS = 64  # projected at a time


def sliced_wasserstein(
    real: Features, generated: Features, directions: int = 512, order: float = 2.0, random_state: RandomStateLike = 0
) -> float:
    r"""Return the sliced Wasserstein distance of two sets of features.

    .. math::
        \mathrm{SW}_p = \Bigl( \frac1L \sum_{l=1}^{L} \int_0^1 |F_l^{-1}(u) - G_l^{-1}(u)|^p du \Bigr)^{1/p}

    with the quantile functions of the two sets along L random directions of length 1.  It is at least 0, in units of
    the features.  Computed in float64 on the tensors' device; exact along each direction, also for sets of different
    sizes.

    **Bias.** Upwards, for p = 2 by about one over the root of n: two sets of one distribution have a positive
    distance.  Compare sets of equal size only, beside real against real.  In F dimensions a shift by s counts as
    :math:`s / \sqrt F`.

    References: Wasserstein Barycenter and its Application to Texture Mixing (Rabin et al., 2012),
    https://doi.org/10.1007/978-3-642-24785-9_37; Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al.,
    2015), https://doi.org/10.1007/s10851-014-0506-3

    Args:
        real: features [N, F].
        generated: features [M, F].
        directions: L, at least 1; the standard error of the mean falls as one over its root.
        order: p, at least 1.
        random_state: of the directions.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    check_count("directions", directions)
    if not 1 <= order < float("inf"):
        raise ValueError(f"order={order!r} must be at least 1; 2 is usual.")
    (x, g), unit = moderated(*feature_pair(real, generated), most=2.0 ** min(300, 900 / order))
    middle = x.mean(0, dtype=torch.float64)
    x, g = x.double() - middle, g.double() - middle  # what both share would cost digits
    drawn = torch.randn(directions, x.shape[1], generator=row_generator(random_state), dtype=torch.float64)
    rows, columns, shares = (each.to(x.device) for each in _steps(len(x), len(g)))
    costs = []
    for some in normalize(drawn).to(x.device).split(_DIRECTIONS):
        along, beside = ((each @ some.T).sort(dim=0).values for each in (x, g))
        costs.append((along[rows] - beside[columns]).abs().pow(order).T @ shares)
    return within_float("sliced Wasserstein distance", float(torch.cat(costs).mean() ** (1 / order)) * unit)


def _steps(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pieces of [0, 1] on which both quantile functions are constant: which values, and their lengths."""
    # In units of 1/(n m), so that ends which fall together are equal.
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    return starts // m, starts // n, (ends - starts).double() / (n * m)
