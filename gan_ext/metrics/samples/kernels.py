"""Maximum mean discrepancy (MMD) of two sets of features, and the kernel distance KID, its form with a cubic kernel."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.metrics.features import Features, check_count, feature_pair, row_generator, within_float
from gan_ext.metrics.samples.distances import squared_distances
from gan_ext.seeds import RandomStateLike

__all__ = ["Kernel", "KernelDistance", "gaussian_kernel", "kernel_distance", "mmd", "polynomial_kernel"]

Kernel = Callable[[Tensor, Tensor], Tensor]
"""A function of rows [B, F] and [C, F] to their products [B, C]."""

_ROWS = 1024  # of a block of the kernel's matrix


class KernelDistance(NamedTuple):
    """Mean and standard deviation over subsets."""

    mean: float
    deviation: float


def polynomial_kernel(degree: int = 3, scale: float | None = None, offset: float = 1.0) -> Kernel:
    r"""Return the kernel :math:`k(x, y) = (s\, x \cdot y + c)^p`, KID's by default.

    References: Demystifying MMD GANs (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401

    Args:
        degree: p, at least 1.
        scale: s; None for one over the number of features.
        offset: c.

    Raises:
        ValueError: a degree that is no integer of at least 1.
    """
    check_count("degree", degree)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T * (1 / x.shape[1] if scale is None else scale) + offset) ** degree

    return kernel


def gaussian_kernel(*widths: float) -> Kernel:
    r"""Return the mean of Gaussian kernels, :math:`k(x, y) = \frac1W \sum_w e^{-|x - y|^2 / (2 w^2)}`.

    References: A Kernel Two-Sample Test (Gretton et al., 2012), https://jmlr.org/papers/v13/gretton12a.html

    Args:
        widths: w, in units of the features; at least one, each positive.

    Raises:
        ValueError: no width, or one that is not positive.
    """
    if not widths or not all(0 < width < float("inf") for width in widths):
        raise ValueError(f"gaussian_kernel needs one or more positive widths, got {widths}.")

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squares = torch.cat(list(squared_distances(x, y)))
        return torch.stack([(-squares / (2 * width**2)).exp() for width in widths]).mean(0)

    return kernel


def mmd(real: Features, generated: Features, kernel: Kernel | None = None) -> float:
    r"""Return the unbiased estimate of the squared maximum mean discrepancy.

    .. math::
        \frac{1}{N (N - 1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{M (M - 1)} \sum_{i \ne j} k(g_i, g_j)
        - \frac{2}{N M} \sum_{i, j} k(x_i, g_j)

    In units of the kernel.  Computed in float64 on the tensors' device in blocks; no N x M matrix is held.

    **Bias.** None: two sets of one distribution have 0 on average, at any size, and so about half of them have less.
    What does depend on n is its spread, which falls as 1/n there.

    References: A Kernel Two-Sample Test (Gretton et al., 2012), https://jmlr.org/papers/v13/gretton12a.html

    Args:
        real: features [N, F].
        generated: features [M, F].
        kernel: symmetric and positive definite; None for that of KID.

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite.
    """
    x, g = (each.double() for each in feature_pair(real, generated, 2))
    return _unbiased(x, g, kernel or polynomial_kernel())


def kernel_distance(
    real: Features, generated: Features, subsets: int = 100, subset_size: int = 1000, random_state: RandomStateLike = 0
) -> KernelDistance:
    r"""Return KID: the mean of :func:`mmd` with :math:`k = (x \cdot y / F + 1)^3` over random subsets of both sets.

    It has no upper end, and units of the features to the sixth.  The deviation is that between subsets, and no
    standard error: subsets overlap.  :func:`bootstrap_metric` gives an interval.

    **Bias.** None: real against real has 0 on average, at any size, and may be negative.  It can be compared between
    sizes, unlike the Frechet distance; with other features it cannot.

    References: Demystifying MMD GANs (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401

    Args:
        real: features [N, F].
        generated: features [M, F].
        subsets: how many, at least 1.
        subset_size: rows of each, at least 2; a smaller set is used whole.
        random_state: of the subsets.

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite; a value out of its range.
    """
    check_count("subsets", subsets)
    check_count("subset_size", subset_size, 2)
    x, g = (each.double() for each in feature_pair(real, generated, 2))
    draws, kernel, values = row_generator(random_state), polynomial_kernel(), []
    if max(len(x), len(g)) <= subset_size:
        subsets = 1  # every subset would be the whole
    for _ in range(subsets):
        parts = (each[torch.randperm(len(each), generator=draws)[:subset_size].to(each.device)] for each in (x, g))
        part_x, part_g = parts
        values.append(_unbiased(part_x, part_g, kernel))
    found = torch.tensor(values, dtype=torch.float64)
    return KernelDistance(float(found.mean()), float(found.std(correction=0)))


def _unbiased(x: Tensor, g: Tensor, kernel: Kernel) -> float:
    n, m = len(x), len(g)
    across = torch.stack([kernel(rows, others).sum() for rows in x.split(_ROWS) for others in g.split(_ROWS)]).sum()
    found = _others(x, kernel) / (n * (n - 1)) + _others(g, kernel) / (m * (m - 1)) - 2 * across / (n * m)
    return within_float("kernel distance", float(found))


def _others(a: Tensor, kernel: Kernel) -> Tensor:
    """Return the sum over all pairs of different rows; a block off the diagonal stands for two."""
    blocks, sums = a.split(_ROWS), []
    for number, rows in enumerate(blocks):
        own = kernel(rows, rows)
        sums.append(own.sum() - own.diagonal().sum())
        sums += [2 * kernel(rows, others).sum() for others in blocks[number + 1 :]]
    return torch.stack(sums).sum()
