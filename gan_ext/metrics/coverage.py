"""Density and coverage: how many generated samples lie near real ones, and how many real ones have any near."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

__all__ = ["DensityCoverage", "class_density_coverage", "density_coverage"]

Floats = NDArray[np.float64]
_ROWS = 1024  # distances to at most so many samples are held at a time


class DensityCoverage(NamedTuple):
    """Density (1 for the same distribution, no upper end) and coverage (in [0, 1])."""

    density: float
    coverage: float


def density_coverage(real: ArrayLike | Tensor, generated: ArrayLike | Tensor, neighbours: int = 5) -> DensityCoverage:
    r"""Return density and coverage of generated features by balls around real ones.

    .. math::
        \text{density} &= \frac{1}{k M} \sum_{j=1}^{M} \sum_{i=1}^{N} [\, |x_i - g_j| < r_i \,] \\
        \text{coverage} &= \frac1N \sum_{i=1}^{N} [\, \min_j |x_i - g_j| < r_i \,]

    where :math:`r_i` is the distance from :math:`x_i` to its k-th nearest real neighbour.  Two sets of one distribution
    have density 1 and, at equal sizes, coverage of about :math:`1 - 2^{-k}`.  Distances are computed in float64 and in
    blocks: memory grows with N + M, not with their product.

    References: Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020),
    https://arxiv.org/abs/2002.09797

    Args:
        real: features [N, F].
        generated: features [M, F].
        neighbours: k, at least 1 and below N.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    x, g = (_checked(name, each) for name, each in (("real", real), ("generated", generated)))
    if x.shape[1] != g.shape[1]:
        raise ValueError(f"real and generated must have features of one width, got {x.shape[1]} and {g.shape[1]}.")
    if not 1 <= neighbours < len(x):
        raise ValueError(f"neighbours={neighbours!r} must be at least 1 and below the {len(x)} real samples.")
    x, g = x - x.mean(0), g - x.mean(0)  # products of large numbers would hide small distances
    rounding = 1e-11 * max(float(np.square(each).sum(1).max()) for each in (x, g))
    inside, covered = 0, 0
    for start in range(0, len(x), _ROWS):
        block = x[start : start + _ROWS]
        # The sample itself, at distance 0, is the first of its own neighbours.
        radii = np.partition(_squares(block, x), neighbours, axis=1)[:, neighbours]
        within = _squares(block, g) < radii[:, None] - rounding
        inside, covered = inside + int(within.sum()), covered + int(within.any(1).sum())
    return DensityCoverage(inside / (neighbours * len(g)), covered / len(x))


def class_density_coverage(
    real: ArrayLike | Tensor,
    real_y: ArrayLike | Tensor,
    generated: ArrayLike | Tensor,
    generated_y: ArrayLike | Tensor,
    neighbours: int = 5,
) -> dict[int, DensityCoverage]:
    """Return density and coverage within each class, by class; features as in :func:`density_coverage`.

    Args:
        real: features [N, F].
        real_y: classes [N], integers.
        generated: features [M, F].
        generated_y: the classes that were asked for [M].
        neighbours: k, below the number of real samples of every class.

    Raises:
        ValueError: as :func:`density_coverage`; lengths that differ; a class of `real_y` without a generated sample.
    """
    x, g, x_y, g_y = (_numpy(each) for each in (real, generated, real_y, generated_y))
    if len(x) != len(x_y) or len(g) != len(g_y):
        raise ValueError(
            f"Every sample needs a class: got {len(x)} real with {len(x_y)} and {len(g)} generated with {len(g_y)}."
        )
    classes = np.unique(x_y).tolist()
    missing = [each for each in classes if not (g_y == each).any()]
    if missing:
        raise ValueError(f"generated_y has no sample of class {missing[0]!r}.")
    return {each: density_coverage(x[x_y == each], g[g_y == each], neighbours) for each in classes}


def _squares(a: Floats, b: Floats) -> Floats:
    """Return squared distances [len(a), len(b)]."""
    squares: Floats = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * (a @ b.T)
    return squares


def _numpy(values: ArrayLike | Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)


def _checked(name: str, features: ArrayLike | Tensor) -> Floats:
    checked: Floats = _numpy(features).astype(np.float64)
    if checked.ndim != 2 or not checked.size:
        raise ValueError(f"{name} must be features [n, F], got shape {checked.shape}.")
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} has features that are not finite.")
    return checked
