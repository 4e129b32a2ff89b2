"""Confidence intervals of metrics of two sets, which are no means over samples, by subsampling."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from gan_ext.metrics.features import check_count, row_generator
from gan_ext.metrics.statistics.bootstrap import Interval
from gan_ext.seeds import RandomStateLike

__all__ = ["UNBOUNDED", "bootstrap_metric", "bootstrap_metrics"]

UNBOUNDED = (-np.inf, np.inf)  # of a metric without a least or largest value


def bootstrap_metric(
    metric: Callable[[Any, Any], float],
    real: Any,
    generated: Any,
    resamples: int = 100,
    random_state: RandomStateLike = 0,
    *,
    confidence: float = 0.95,
    share: float = 0.5,
    bounds: tuple[float, float] = UNBOUNDED,
) -> Interval:
    r"""Return a metric of two sets with an interval, by subsets drawn without replacement.

    .. math::
        \theta + \Bigl[ q_{\alpha/2}, \; q_{1 - \alpha/2} \Bigr] \text{ of } \sqrt{\tfrac{s}{1 - s}} \,
        (\theta^*_b - \bar\theta^*), \qquad 1 - \alpha = \text{confidence}

    where :math:`\theta` is the metric of the whole sets and :math:`\theta^*_b` that of a share s of each.  Half the
    rows leave one another's values scattered as much as new data would (factor 1).  Rows drawn with replacement, as in
    the usual bootstrap, come several times: neighbors at distance 0 then empty every ball, kernels count rows against
    themselves, and covariances look smaller than they are.

    The interval is for what the metric is on average *at this size of the sets*.  A metric that is biased for small
    sets, as most are, keeps that bias; the shift between half sets and whole ones is taken out by centering.  The
    spread is that of drawing samples: it knows nothing of other training seeds.  It is too wide by a little for
    metrics whose spread falls faster than one over the root of n, such as unbiased MMD between equal distributions.

    References: Large Sample Confidence Regions Based on Subsamples under Minimal Assumptions (Politis and Romano,
    1994), https://doi.org/10.1214/aos/1176325770; A General Theory for Jackknife Variance Estimation (Shao and Wu,
    1989), https://doi.org/10.1214/aos/1176347263

    Args:
        metric: a function of (real, generated) to a number; bind its other arguments.
        real: N rows: an array, a tensor, or a sequence, such as of sentences.
        generated: M rows.
        resamples: subsets, at least 2; a bound is a quantile of theirs.
        random_state: of the subsets.
        confidence: in (0, 1).
        share: s, in (0, 1).
        bounds: least and largest value of the metric, which the interval is cut at; (0, 1) for a share.

    Raises:
        ValueError: a value out of its range, sets of fewer than four rows, or a metric that is not finite.
    """
    found = bootstrap_metrics(
        lambda a, b: {"metric": float(metric(a, b))},
        real,
        generated,
        resamples,
        random_state,
        confidence=confidence,
        share=share,
        bounds={"metric": bounds},
    )
    return found["metric"]


def bootstrap_metrics(
    metrics: Callable[[Any, Any], Mapping[str, float]],
    real: Any,
    generated: Any,
    resamples: int = 100,
    random_state: RandomStateLike = 0,
    *,
    confidence: float = 0.95,
    share: float = 0.5,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Interval]:
    """Return several metrics of two sets, from shared computations, each with the interval of :func:`bootstrap_metric`.

    Args:
        metrics: a function of (real, generated) to numbers by name.
        real: N rows.
        generated: M rows.
        resamples: subsets, at least 2.
        random_state: of the subsets.
        confidence: in (0, 1).
        share: in (0, 1).
        bounds: least and largest value of metrics by name; without any where a name is missing.

    Raises:
        ValueError: as :func:`bootstrap_metric`.
    """
    check_count("resamples", resamples, 2)
    for name, value in (("confidence", confidence), ("share", share)):
        if not 0 < value < 1:
            raise ValueError(f"{name}={value!r} must lie between 0 and 1.")
    if min(len(real), len(generated)) < 4:
        raise ValueError(f"Both sets need at least 4 rows, got {len(real)} and {len(generated)}.")
    whole, draws = metrics(real, generated), row_generator(random_state)
    for name, value in whole.items():
        if not np.isfinite(value):
            raise ValueError(f"The {name} of the whole sets is {value}; an interval needs a finite number.")
    parts = ([_part(each, share, draws) for each in (real, generated)] for _ in range(resamples))
    found = [metrics(a, b) for a, b in parts]
    factor = np.sqrt(share / (1 - share))
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name, value in whole.items():
        values = np.array([each[name] for each in found])
        if not np.isfinite(values).all():
            raise ValueError(f"The {name} of some subset is not finite; an interval needs finite numbers.")
        around = value + np.quantile(factor * (values - values.mean()), ends)
        low, high = np.clip(around, *(bounds or {}).get(name, UNBOUNDED))
        intervals[name] = Interval(float(value), float(low), float(high))
    return intervals


def _part(rows: Any, share: float, draws: torch.Generator) -> Any:
    """Return a share of the rows, drawn without replacement."""
    chosen = torch.randperm(len(rows), generator=draws)[: max(2, round(len(rows) * share))]
    if isinstance(rows, torch.Tensor):
        return rows[chosen.to(rows.device)]
    return rows[chosen.numpy()] if isinstance(rows, np.ndarray) else [rows[int(row)] for row in chosen]
