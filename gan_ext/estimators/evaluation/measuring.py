"""The rows of an evaluation: groups of metrics with intervals and floors, each group on its own."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor

from gan_ext.estimators.evaluation.result import EvaluationRow
from gan_ext.metrics import (
    bootstrap_metrics,
    frechet_distance,
    inception_score,
    kernel_distance,
    manifold_scores,
    memorization_test,
    mode_score,
    nearest_neighbor_test,
    sliced_wasserstein,
    two_sample_test,
)

__all__ = [
    "AS_FLOOR",
    "HIGHER",
    "LOWER",
    "SHARE",
    "Kind",
    "Kinds",
    "Sets",
    "accuracy_row",
    "measured",
    "rows_of",
    "safely",
]


class Kind(NamedTuple):
    """What is known of a metric: which values are better, and its least and largest one."""

    better: str
    low: float = -math.inf
    high: float = math.inf


Kinds = Mapping[str, Kind]
LOWER, HIGHER, AS_FLOOR = Kind("lower", 0.0), Kind("higher", 0.0), Kind("the floor")
SHARE = Kind("higher", 0.0, 1.0)
_MANIFOLD = {"precision": SHARE, "recall": SHARE, "density": HIGHER, "coverage": SHARE}
_COPYING = {"c_t": AS_FLOOR, "near-copies": Kind("the floor", 0.0, 1.0)}


class Sets(NamedTuple):
    """Generated samples, as many real ones, as many others, and perhaps training data: samples or what is read."""

    real: Any
    generated: Any
    other: Any
    training: Any = None


def measured(features: Sets, classes: Sets | None, resamples: int, seed: int) -> list[EvaluationRow]:
    """Return the rows of all metrics of features, and of probabilities of classes if there are any.

    Args:
        features: matrices [n, F].
        classes: matrices [n, K] of probabilities.
        resamples: subsets that intervals are made of, 0 for none.
        seed: decides what is random.
    """

    def copying(held_out: Tensor, made: Tensor) -> dict[str, float]:
        c_t, copies, _ = memorization_test(features.training, held_out, made, cells=1)
        return {"c_t": c_t, "near-copies": copies}

    def group(kinds: Kinds, metrics: Callable[[Any, Any], Mapping[str, float]], sets: Sets) -> list[EvaluationRow]:
        return rows_of(kinds, metrics, sets, resamples, seed)

    rows = group({"frechet distance": LOWER}, lambda a, b: {"frechet distance": frechet_distance(a, b)}, features)
    rows += group({"kernel distance": Kind("lower")}, _kernel, features)
    rows += group({"sliced wasserstein": LOWER}, _sliced, features)
    rows += group(_MANIFOLD, _manifold, features)
    rows += group({"nearest neighbor accuracy": Kind("the floor", 0.0, 1.0)}, _nearest, features)
    rows += safely({"two-sample accuracy": AS_FLOOR}, lambda: [_two_sample(features, seed)])
    if classes is not None:
        high = float(classes.real.shape[1])
        rows += group({"inception score": Kind("higher", 1.0, high)}, _inception, classes)
        rows += group({"mode score": Kind("higher", 0.0, high)}, lambda a, b: {"mode score": mode_score(a, b)}, classes)
    return rows + ([] if features.training is None else group(_COPYING, copying, features))


def rows_of(
    kinds: Kinds, metrics: Callable[[Any, Any], Mapping[str, float]], sets: Sets, resamples: int, seed: int
) -> list[EvaluationRow]:
    """Return the rows of metrics that are computed together; where they fail, rows that say why.

    Args:
        kinds: of the metrics, by name.
        metrics: a function of (real, generated) to numbers by name.
        sets: what it is called with.
        resamples: subsets that intervals are made of, 0 for none.
        seed: of the subsets.
    """

    def found() -> list[EvaluationRow]:
        floors = metrics(sets.real, sets.other)
        if not resamples:
            values = metrics(sets.real, sets.generated)
            return [EvaluationRow(each, values[each], None, None, floors[each], kinds[each].better) for each in values]
        bounds = {name: (kind.low, kind.high) for name, kind in kinds.items()}
        intervals = bootstrap_metrics(metrics, sets.real, sets.generated, resamples, seed, bounds=bounds)
        return [EvaluationRow(name, *each, floors[name], kinds[name].better) for name, each in intervals.items()]

    return safely(kinds, found)


def safely(kinds: Kinds, rows: Callable[[], list[EvaluationRow]]) -> list[EvaluationRow]:
    """Return rows, or for each kind one that says why there are none: what one metric cannot do, others may."""
    try:
        return [row if math.isfinite(row.value) else replace(row, failed=f"It is {row.value}.") for row in rows()]
    except (ValueError, ArithmeticError, RuntimeError) as error:
        why = str(error) or type(error).__name__
        return [EvaluationRow(name, math.nan, None, None, None, kind.better, why) for name, kind in kinds.items()]


def accuracy_row(hits: NDArray[np.bool_]) -> EvaluationRow:
    """Return the share of right predictions, with its exact 95 % interval."""
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    return EvaluationRow("accuracy", float(hits.mean()), float(low), float(high), None, "higher")


def _two_sample(sets: Sets, seed: int) -> EvaluationRow:
    test, floor = (two_sample_test(sets.real, each, random_state=seed) for each in (sets.generated, sets.other))
    low, high = binomtest(round(test.accuracy * test.n), test.n).proportion_ci()
    return EvaluationRow("two-sample accuracy", test.accuracy, float(low), float(high), floor.accuracy, "the floor")


def _kernel(real: Tensor, made: Tensor) -> dict[str, float]:
    return {"kernel distance": kernel_distance(real, made, subsets=10).mean}


def _sliced(real: Tensor, made: Tensor) -> dict[str, float]:
    return {"sliced wasserstein": sliced_wasserstein(real, made, 128)}


def _manifold(real: Tensor, made: Tensor) -> dict[str, float]:
    return manifold_scores(real, made, min(5, len(real) - 1), min(3, len(real) - 1))._asdict()


def _nearest(real: Tensor, made: Tensor) -> dict[str, float]:
    return {"nearest neighbor accuracy": nearest_neighbor_test(real, made).accuracy}


def _inception(real: Tensor, made: Tensor) -> dict[str, float]:
    return {"inception score": inception_score(made, 1).mean}
