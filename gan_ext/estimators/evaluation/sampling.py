"""What evaluate asks of an estimator: samples, samples of a class, predictions, or a table of its own."""

import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from gan_ext.estimators.evaluation.result import Evaluation

__all__ = ["EvaluatesItself", "classifies", "sampler", "samples_classes"]

Array = NDArray[Any]


@runtime_checkable
class EvaluatesItself(Protocol):
    """An estimator that makes its own table, for samples that are neither arrays nor images, such as texts."""

    def evaluate_samples(self, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int) -> Evaluation:
        """Return the table of :func:`gan_ext.evaluate`; arguments as there, None where they were left out."""


def classifies(estimator: Any) -> bool:
    """Return whether an estimator is a classifier with predictions."""
    return hasattr(estimator, "predict") and hasattr(estimator, "__sklearn_tags__") and is_classifier(estimator)


def samples_classes(estimator: Any) -> bool:
    """Return whether an estimator makes samples of classes that `fit` was given."""
    sample = getattr(estimator, "sample", None)
    return sample is not None and hasattr(estimator, "classes_") and "y" in inspect.signature(sample).parameters


def sampler(estimator: Any) -> Callable[[int, int], Any] | None:
    """Return what makes n samples from a seed, None if nothing does."""
    if hasattr(estimator, "sample"):
        settings = {"random_state"} & inspect.signature(estimator.sample).parameters.keys()
        return lambda n, seed: estimator.sample(n_samples=n, **dict.fromkeys(settings, seed))
    members = [each for each in getattr(estimator, "estimators_", []) if hasattr(each, "sample")]
    if not members:
        return None

    def share(n: int, seed: int) -> Array:
        draws = check_random_state(seed)
        counts = np.bincount(np.arange(n) % len(members), minlength=len(members))
        seeds = draws.randint(2**31 - 1, size=len(members))
        made = [
            each.sample(n_samples=int(count), random_state=int(own))
            for each, count, own in zip(members, counts, seeds, strict=True)
            if count
        ]
        mixed: Array = draws.permutation(np.concatenate(made))
        return mixed

    return share
