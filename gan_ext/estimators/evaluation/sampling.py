"""What evaluate asks of an estimator: samples, samples of a class, predictions, or a table of its own."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from gan_ext.estimators.evaluation.result import Evaluation

__all__ = [
    "EvaluatesItself",
    "Features",
    "MakesSamples",
    "Predicts",
    "Transforms",
    "classifies",
    "sampler",
    "samples_classes",
]

Array = NDArray[Any]


@runtime_checkable
class EvaluatesItself(Protocol):
    """An estimator that makes its own table, for samples that are neither arrays nor images, such as texts."""

    def evaluate_samples(self, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int) -> Evaluation:
        """Return the table of :func:`gan_ext.evaluate`; arguments as there, None where they were left out."""


@runtime_checkable
class MakesSamples(Protocol):
    """An estimator with ``sample(n_samples=...)``, and perhaps ``y=`` (classes asked for) and ``random_state=``."""

    @property
    def sample(self) -> Callable[..., Any]:
        """Make samples like those that were learned from."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """A fitted classifier."""

    def predict(self, X: Any) -> Any:
        """Return the classes [n] of samples."""
        ...


@runtime_checkable
class Transforms(Protocol):
    """An extractor of features."""

    def transform(self, X: Any) -> Any:
        """Return the features [n, F] of samples."""
        ...


@runtime_checkable
class _Members(Protocol):
    @property
    def estimators_(self) -> Sequence[object]: ...


Features = Callable[[Any], Any] | Transforms


def classifies(estimator: object) -> TypeGuard[Predicts]:
    """Return whether an estimator is a classifier with predictions."""
    return isinstance(estimator, Predicts) and hasattr(estimator, "__sklearn_tags__") and bool(is_classifier(estimator))


def samples_classes(estimator: object) -> TypeGuard[MakesSamples]:
    """Return whether an estimator makes samples of classes that `fit` was given."""
    return (
        isinstance(estimator, MakesSamples)
        and hasattr(estimator, "classes_")
        and "y" in inspect.signature(estimator.sample).parameters
    )


def sampler(estimator: object) -> Callable[[int, int], Any] | None:
    """Return what makes n samples from a seed, None if nothing does; several fitted members make a share each."""
    if isinstance(estimator, MakesSamples):
        make = estimator.sample
        settings = {"random_state"} & inspect.signature(make).parameters.keys()
        return lambda n, seed: make(n_samples=n, **dict.fromkeys(settings, seed))
    fitted = estimator.estimators_ if isinstance(estimator, _Members) else ()
    members = [each for each in fitted if isinstance(each, MakesSamples)]
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
