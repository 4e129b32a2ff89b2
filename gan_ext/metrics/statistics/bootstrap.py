"""Bootstrap confidence intervals of means."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_ext.metrics.features import as_scores
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["Interval", "bootstrap_interval"]


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float

    def __format__(self, specification: str) -> str:
        """Return the mean with its bounds: ``f"{interval:.2f}"`` is ``"0.45 (0.43-0.46)"``."""
        return f"{self.mean:{specification}} ({self.low:{specification}}-{self.high:{specification}})"


def bootstrap_interval(
    scores: Sequence[float] | NDArray[np.floating],
    weights: Sequence[float] | NDArray[np.floating] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    random_state: RandomStateLike = 0,
) -> Interval:
    r"""Return the mean of scores with a percentile bootstrap interval.

    .. math:: m^* = \sum_j w_{i_j} s_{i_j} / \sum_j w_{i_j}, \qquad i_1, \dots, i_N \text{ drawn with replacement}

    The bounds are the (1 - confidence)/2 and (1 + confidence)/2 quantiles of :math:`m^*`.  With weights it is the
    interval of a ratio: nats per token from sequences of different lengths have score NLL/length and weight length.
    Scores must be independent given the references; those of self-BLEU are not (each sequence is also a reference for
    the others), so their interval is too narrow by a little.  It says nothing about other training seeds.

    References: Bootstrap Methods: Another Look at the Jackknife (Efron, 1979), https://doi.org/10.1214/aos/1176344552

    Args:
        scores: one for each item, [N].
        weights: positive, [N]; None for equal ones.
        confidence: in (0, 1).
        resamples: number of resampled means.
        random_state: of the draws.

    Raises:
        ValueError: scores or weights that are empty, not finite, or not positive; a value out of its range.
    """
    values = as_scores("scores", scores)
    shares = np.ones_like(values) if weights is None else as_scores("weights", weights)
    if shares.shape != values.shape or not (shares > 0).all():
        raise ValueError(f"weights must be {len(values)} positive numbers, as many as scores.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must lie between 0 and 1, for example 0.95.")
    if resamples < 1:
        raise ValueError(f"resamples={resamples!r} must be at least 1; 1000 is usual.")
    means = _resampled(values, shares, resamples, np.random.default_rng(as_seed(random_state)))
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(np.average(values, weights=shares)), float(low), float(high))


def _resampled(
    values: NDArray[np.float64], weights: NDArray[np.float64], resamples: int, draws: np.random.Generator
) -> NDArray[np.float64]:
    weighted, means = values * weights, np.empty(resamples)
    for number in range(resamples):
        rows = draws.integers(0, len(values), len(values))
        means[number] = weighted[rows].sum() / weights[rows].sum()
    return means
