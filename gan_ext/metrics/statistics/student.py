"""Student's t confidence intervals of means over few independent repetitions, such as training seeds."""

from collections.abc import Sequence
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from gan_ext.metrics.features import as_scores
from gan_ext.metrics.statistics.bootstrap import Interval

__all__ = ["paired_difference", "student_interval"]

Scores = Sequence[float] | NDArray[np.floating]


def student_interval(scores: Scores, confidence: float = 0.95) -> Interval:
    r"""Return the mean of independent scores with Student's confidence interval.

    .. math:: \bar s \pm t_{n-1, (1 + c) / 2} \, \frac{\hat\sigma}{\sqrt n}, \qquad
              \hat\sigma^2 = \frac{1}{n - 1} \sum_i (s_i - \bar s)^2

    Exact for normal scores.  One score alone has no interval: its bounds are not a number.

    References: The Probable Error of a Mean (Student, 1908), https://doi.org/10.1093/biomet/6.1.1

    Args:
        scores: one for each repetition, [n].
        confidence: c in (0, 1).

    Raises:
        ValueError: scores that are empty or not finite, or a confidence out of its range.
    """
    values = as_scores("scores", scores)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must lie between 0 and 1, for example 0.95.")
    n, mean = len(values), float(values.mean())
    half = nan if n == 1 else float(t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / sqrt(n))
    return Interval(mean, mean - half, mean + half)


def paired_difference(first: Scores, second: Scores, confidence: float = 0.95) -> Interval:
    r"""Return the mean of :math:`a_i - b_i` over the same repetitions, with Student's interval of that mean.

    What both share (the split, the seed) cancels, so that it is narrower than two intervals side by side suggest.

    References: The Probable Error of a Mean (Student, 1908), https://doi.org/10.1093/biomet/6.1.1

    Args:
        first: scores a, [n].
        second: scores b of the same repetitions in the same order, [n].
        confidence: in (0, 1).

    Raises:
        ValueError: different numbers of scores, or what :func:`student_interval` refuses.
    """
    a, b = as_scores("first", first), as_scores("second", second)
    if len(a) != len(b):
        raise ValueError(f"first has {len(a)} scores and second {len(b)}; pairs need as many of both.")
    return student_interval(a - b, confidence)
