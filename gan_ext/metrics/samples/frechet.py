"""The Frechet distance of two sets of features (FID with Inception), and its limit for infinitely many samples."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_ext.metrics.features import (
    Features,
    as_numbers,
    check_count,
    feature_pair,
    moderated,
    row_generator,
    within_float,
)
from gan_ext.seeds import RandomStateLike

__all__ = ["Extrapolation", "frechet_distance", "frechet_infinity", "frechet_of_moments"]

_ROWS, _COLUMNS = 4096, 256  # of a block of a covariance
_RIDGE = 1e-9  # share of the largest variance that the smallest pivot of a covariance must have for Cholesky's roots


class Extrapolation(NamedTuple):
    """A value at infinitely many samples, the slope in 1/n, and the sizes and values it is drawn through."""

    value: float
    slope: float
    sizes: tuple[int, ...]
    values: tuple[float, ...]


def frechet_distance(real: Features, generated: Features) -> float:
    r"""Return the squared Frechet distance of the normal distributions with the features' means and covariances.

    .. math:: |m_a - m_b|^2 + \mathrm{tr} (S_a + S_b - 2 (S_a^{1/2} S_b S_a^{1/2})^{1/2})

    It is at least 0, without upper end, in squared units of the features.  Computed in float64 on the tensors' device
    by one symmetric eigenvalue problem, of the size of the features or of the smaller set, whichever is less; both
    give the same.  Features of images by Inception make it FID, of sentences by the Universal Sentence Encoder FED; by
    any other encoder it is neither, and its values compare only with each other.

    **Bias.** Upwards, by about a constant over n, which depends on the distribution; two sets of one distribution have
    a positive distance.  For F independent normal features and n rows each, its mean is near F (F + 5) / (2 n)
    for n far above F.  With fewer rows than features it says little.  Compare sets of equal size only, beside
    real against real, or use :func:`frechet_infinity`.

    References: Dowson and Landau (1982), https://doi.org/10.1016/0047-259X(82)90077-X; GANs Trained by a Two
    Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500

    Args:
        real: features [N, F], an array or a tensor on any device.
        generated: features [M, F].

    Raises:
        ValueError: features of different widths, fewer than two rows, or numbers that are not finite; a distance that
            float64 cannot hold.
    """
    return _distance(*feature_pair(real, generated, 2))


def frechet_of_moments(mean_a: Features, cov_a: Features, mean_b: Features, cov_b: Features) -> float:
    """Return the distance of :func:`frechet_distance` from means [F] and covariances [F, F], in float64.

    Args:
        mean_a: [F].
        cov_a: [F, F], symmetric and positive semi-definite.
        mean_b: [F].
        cov_b: [F, F].

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, a variance below 0, or a distance that float64
            cannot hold.
    """
    named = {"mean_a": mean_a, "cov_a": cov_a, "mean_b": mean_b, "cov_b": cov_b}
    m_a, s_a, m_b, s_b = (_moment(name, each) for name, each in named.items())
    f = m_a.numel()
    if m_a.shape != (f,) or m_b.shape != (f,) or s_a.shape != (f, f) or s_b.shape != (f, f) or not f:
        shapes = [tuple(each.shape) for each in (m_a, s_a, m_b, s_b)]
        raise ValueError(f"Means must be [F] and covariances [F, F] with one F, got shapes {shapes}.")
    for name, each in (("cov_a", s_a), ("cov_b", s_b)):
        if float(each.diagonal().min()) < 0:
            raise ValueError(f"{name} has a variance below 0; it must be positive semi-definite.")
    # Fourth powers of deviations must stay within float64.
    size = max(float(each.abs().max()) for each in (m_a, m_b, s_a.diagonal().sqrt(), s_b.diagonal().sqrt()))
    unit = 1.0 if size == 0 or 1e-60 < size < 1e60 else 2.0 ** max(-500, math.frexp(size)[1])
    m_a, m_b, s_a, s_b = m_a / unit, m_b / unit, s_a / unit / unit, s_b / unit / unit
    root = _factor(s_a)
    cross = _root_trace(root.T @ s_b @ root)
    return _sum(m_a - m_b, s_a.trace() + s_b.trace(), cross, unit)


def frechet_infinity(
    real: Features, generated: Features, sizes: Sequence[int] | None = None, random_state: RandomStateLike = 0
) -> Extrapolation:
    r"""Return the Frechet distance that endless sets would have, by a line through its values at several sizes.

    .. math:: \mathrm{FD}_n \approx \mathrm{FD}_\infty + b / n

    Each value is that of n rows of both sets, drawn without replacement; the line is fitted by least squares.  In
    squared units of the features; for close sets it may fall a little below 0.

    **Bias.** Little where the smallest size is well above the number of features; the higher orders in 1/n that are
    left pull it down.  Two sets of one distribution have 0 in the limit.  The published form draws from the generated
    set only and keeps the bias of the real one.

    References: Effectively Unbiased FID and Inception Score and where to find them (Chong and Forsyth, 2020),
    https://arxiv.org/abs/1911.07023

    Args:
        real: features [N, F].
        generated: features [M, F].
        sizes: two or more different n, each at least 2 and at most the rows of the smaller set; None for ten, evenly
            spread from a quarter of that to all of it.
        random_state: of the rows drawn.

    Raises:
        ValueError: features of different widths, fewer than eight rows, or not finite; sizes out of their range.
    """
    x, g = feature_pair(real, generated, 8)
    most = min(len(x), len(g))
    wanted = np.linspace(most // 4, most, 10).astype(int).tolist() if sizes is None else list(sizes)
    for size in wanted:
        check_count("sizes", size, 2)
    if len(set(wanted)) < 2 or max(wanted) > most:
        raise ValueError(f"sizes={wanted} must be two or more different numbers of rows, at most {most}.")
    draws = row_generator(random_state)
    values = [_distance(*(each[torch.randperm(len(each), generator=draws)[:n]] for each in (x, g))) for n in wanted]
    slope, value = np.polyfit(1 / np.array(wanted), values, 1)
    return Extrapolation(float(value), float(slope), tuple(wanted), tuple(values))


def _distance(a: Tensor, b: Tensor) -> float:
    (a, b), unit = moderated(a, b, most=2.0**200)
    mean_a, mean_b = (each.mean(0, dtype=torch.float64) for each in (a, b))
    if min(len(a), len(b)) >= a.shape[1]:
        near = frechet_of_moments(mean_a, _covariance(a, mean_a), mean_b, _covariance(b, mean_b))
        return within_float("Frechet distance", near * unit * unit)
    a, b = _scaled(a, mean_a), _scaled(b, mean_b)
    small, large = (a, b) if len(a) <= len(b) else (b, a)
    product = small @ large.T
    square = product @ product.T if len(large) <= a.shape[1] else small @ (large.T @ large) @ small.T
    return _sum(mean_a - mean_b, a.square().sum() + b.square().sum(), _root_trace(square), unit)


def _scaled(features: Tensor, mean: Tensor) -> Tensor:
    """Return rows A with A'A the covariance, in float64."""
    rows: Tensor = (features.double() - mean) / (len(features) - 1) ** 0.5
    return rows


def _covariance(features: Tensor, mean: Tensor) -> Tensor:
    """Return the covariance in float64, from blocks of rows, and of columns on one side of the diagonal only."""
    width = len(mean)
    upper = mean.new_zeros(width, width)
    for rows in features.split(_ROWS):
        centered = rows.double() - mean
        for start in range(0, width, _COLUMNS):
            end = min(start + _COLUMNS, width)
            upper[start:end, start:].addmm_(centered[:, start:end].T, centered[:, start:])
    upper.triu_()
    whole: Tensor = (upper + upper.triu(1).T) / (len(features) - 1)
    return whole


def _factor(covariance: Tensor) -> Tensor:
    """Return R with R R' = covariance: Cholesky's where it is sound, else by eigenvalues."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if not bool(failed) and bool(factor.diagonal().amin().square() > _RIDGE * covariance.diagonal().amax()):
        cholesky: Tensor = factor
        return cholesky
    values, vectors = torch.linalg.eigh(covariance)
    return torch.mul(vectors, values.clamp_min(0).sqrt())


def _root_trace(square: Tensor) -> Tensor:
    """Return tr of the root of a positive semi-definite matrix."""
    values: Tensor = torch.linalg.eigvalsh((square + square.T) / 2)
    return values.clamp_min(0).sqrt().sum()


def _sum(difference: Tensor, traces: Tensor, cross: Tensor, unit: float) -> float:
    found = float(difference.square().sum() + traces - 2 * cross)
    return max(0.0, within_float("Frechet distance", found * unit * unit))


def _moment(name: str, given: Features) -> Tensor:
    if isinstance(given, Tensor) and given.is_floating_point():
        if not bool(torch.isfinite(given).all()):
            raise ValueError(f"{name} must be finite numbers; some are NaN or infinite.")
        return given.detach().double()
    return torch.from_numpy(as_numbers(name, given)).double()
