"""Precision, recall, density and coverage: which samples lie within balls around samples of the other set."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from gan_ext.metrics.features import Features, check_count, feature_pair, known_labels, moderated
from gan_ext.metrics.samples.distances import Centered, centered
from gan_ext.metrics.samples.neighbors import Inside, Question, balls, count_inside

__all__ = [
    "DensityCoverage",
    "ManifoldScores",
    "PrecisionRecall",
    "class_density_coverage",
    "density_coverage",
    "manifold_scores",
    "precision_recall",
]


AnyT = TypeVar("AnyT")


class DensityCoverage(NamedTuple):
    """Density (1 for the same distribution, no upper end) and coverage (in [0, 1])."""

    density: float
    coverage: float


class PrecisionRecall(NamedTuple):
    """Shares of generated samples near real ones and of real ones near generated ones, both in [0, 1]."""

    precision: float
    recall: float


class ManifoldScores(NamedTuple):
    """All four scores of :func:`manifold_scores`; of each, higher is better."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(
    real: Features, generated: Features, neighbors: int = 5, precision_neighbors: int | None = None
) -> ManifoldScores:
    r"""Return precision, recall, density and coverage of generated features, from shared distances.

    .. math::
        \text{precision} &= \frac1M \sum_j [\, \exists i: |x_i - g_j| < r_i \,], \qquad
        \text{recall} = \frac1N \sum_i [\, \exists j: |x_i - g_j| < s_j \,] \\
        \text{density} &= \frac{1}{k M} \sum_{ij} [\, |x_i - g_j| < r_i \,], \qquad
        \text{coverage} = \frac1N \sum_i [\, \exists j: |x_i - g_j| < r_i \,]

    where :math:`r_i` is the distance from :math:`x_i` to its k-th nearest other real sample, :math:`s_j` that from
    :math:`g_j` to its k-th nearest other generated one.  All but density are in [0, 1] and have no unit.

    Computed on the tensors' device in blocks: memory grows with N + M, not with their product.  The answers are those
    of float64; most of the work is done in float32, whose open cases are decided anew.

    Points on the surface of a ball are outside, but for balls of radius 0 around rows that have more than k copies, as
    in tables of few values: these hold the row's copies, which count as many towards the density as if ties were broken
    at random.

    **Bias.** No score has a value of its own for a perfect generator: all depend on N, M, k and the dimension.  Two
    sets of one distribution have density 1 on average and, exactly, coverage :math:`1 - \prod_{i=1}^{k} (N - i) /
    (N + M - i)`, about :math:`1 - 2^{-k}` at equal sizes (.969 for k = 5), in any dimension.  Their precision and
    recall fall with the dimension: .48 for 10 000 against 10 000 in 1000 dimensions, k = 5.  Compare at equal N, M and
    k, beside real against real.  A real outlier has a large ball: it lifts precision most, density less, coverage not.

    References: Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019),
    https://arxiv.org/abs/1904.06991; Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al.,
    2020), https://arxiv.org/abs/2002.09797

    Args:
        real: features [N, F], an array or a tensor on any device.
        generated: features [M, F].
        neighbors: k, at least 1 and below N and M.
        precision_neighbors: another k for precision and recall, which were published with 3; None for the same.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    second = neighbors if precision_neighbors is None else precision_neighbors
    x, g = feature_pair(real, generated)
    for name, k in (("neighbors", neighbors), ("precision_neighbors", second)):
        _check_neighbors(name, k, len(x), "real")
        _check_neighbors(name, k, len(g), "generated")
    x, g = moderated(x, g)[0]
    pair = centered(x, g)
    return _all_four(pair, neighbors, second) or _certain(_all_four(centered(x, g, double=True), neighbors, second))


def precision_recall(real: Features, generated: Features, neighbors: int = 3) -> PrecisionRecall:
    r"""Return the share of generated features near real ones, and of real ones near generated ones.

    .. math::
        \text{precision} = \frac1M \sum_j [\, \exists i: |x_i - g_j| < r_i \,], \qquad
        \text{recall} = \frac1N \sum_i [\, \exists j: |x_i - g_j| < s_j \,]

    Radii, bias and computation are those of :func:`manifold_scores`; both scores are in [0, 1], without unit.  The
    published form counts samples on the surface of every ball; for continuous features none is.

    References: Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019),
    https://arxiv.org/abs/1904.06991

    Args:
        real: features [N, F].
        generated: features [M, F].
        neighbors: k, at least 1 and below N and M.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    return PrecisionRecall(*manifold_scores(real, generated, neighbors)[:2])


def density_coverage(real: Features, generated: Features, neighbors: int = 5) -> DensityCoverage:
    r"""Return density and coverage of generated features by balls around real ones.

    .. math::
        \text{density} &= \frac{1}{k M} \sum_{j=1}^{M} \sum_{i=1}^{N} [\, |x_i - g_j| < r_i \,] \\
        \text{coverage} &= \frac1N \sum_{i=1}^{N} [\, \min_j |x_i - g_j| < r_i \,]

    Radii, bias and computation are those of :func:`manifold_scores`; `generated` may have any number of rows.

    References: Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020),
    https://arxiv.org/abs/2002.09797

    Args:
        real: features [N, F].
        generated: features [M, F].
        neighbors: k, at least 1 and below N.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    x, g = feature_pair(real, generated)
    _check_neighbors("neighbors", neighbors, len(x), "real")
    x, g = moderated(x, g)[0]
    for double in (False, True):
        rows, points = centered(x, g, double)
        found = count_inside(rows, points, [Question(balls(rows, (neighbors,)), pairs=True)])
        if found is not None:
            break
    return _density_coverage(_certain(found)[0], neighbors)


def class_density_coverage(
    real: ArrayLike | Tensor,
    real_y: ArrayLike | Tensor,
    generated: ArrayLike | Tensor,
    generated_y: ArrayLike | Tensor,
    neighbors: int = 5,
) -> dict[int, DensityCoverage]:
    """Return density and coverage within each class, by class; features as in :func:`density_coverage`.

    Args:
        real: features [N, F].
        real_y: classes [N], integers.
        generated: features [M, F].
        generated_y: the classes that were asked for [M].
        neighbors: k, below the number of real samples of every class.

    Raises:
        ValueError: as :func:`density_coverage`; lengths that differ; a class of `real_y` without a generated sample.
    """
    x, g = feature_pair(real, generated)
    x_y, g_y = known_labels("real_y", real_y), known_labels("generated_y", generated_y)
    if len(x) != len(x_y) or len(g) != len(g_y):
        raise ValueError(
            f"Every sample needs a class: got {len(x)} real with {len(x_y)} and {len(g)} generated with {len(g_y)}."
        )
    classes = np.unique(x_y).tolist()
    missing = [each for each in classes if not (g_y == each).any()]
    if missing:
        raise ValueError(f"generated_y has no sample of class {missing[0]!r}.")
    return {each: density_coverage(x[x_y == each], g[g_y == each], neighbors) for each in classes}


def _all_four(pair: tuple[Centered, Centered], k: int, precision_k: int) -> ManifoldScores | None:
    """Return the scores, None if float32 leaves too much open."""
    x, g = pair
    around = balls(x, (k, precision_k))
    questions = [Question(around, pairs=True), Question(balls(g, (precision_k,)), across=True)]
    if precision_k != k:
        questions.append(Question(around, order=1))
    found = count_inside(x, g, questions)
    if found is None:
        return None
    precise = found[2 if precision_k != k else 0].inside
    return ManifoldScores(_share(precise), _share(found[1].inside), *_density_coverage(found[0], k))


def _density_coverage(near: Inside, k: int) -> DensityCoverage:
    return DensityCoverage(near.pairs / (k * len(near.inside)), _share(near.hit))


def _share(which: Tensor) -> float:
    return float(which.double().mean())


def _certain(found: AnyT | None) -> AnyT:
    assert found is not None  # float64 leaves nothing open
    return found


def _check_neighbors(name: str, k: int, n: int, what: str) -> None:
    check_count(name, k)
    if k >= n:
        raise ValueError(f"{name}={k!r} must be at least 1 and below the {n} {what} samples.")
