"""Checks of estimators' parameters, each a sentence with the name and the value."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import ParamSpec

from gan_ext.engine import Compute
from gan_ext.terms import GeneratorTerm, Term

__all__ = [
    "check_common",
    "check_count",
    "check_integers",
    "check_not_negative",
    "check_settings",
    "count_first",
    "warn_of_constants",
]

P = ParamSpec("P")
R = TypeVar("R")


def is_count(value: Any) -> bool:
    """Return whether a value is an integer, at least 1; True is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def count_first(sample: Callable[P, R]) -> Callable[P, R]:
    """Make a method, ``sample(n_samples=1, *, ...)``, say how it is called where it is called in another way.

    The decorated method raises ValueError for a number of samples that is not an integer, at least 1 (None is one, or
    as many as `y` has, where there is a `y`), and TypeError if anything else is passed by position: the sentence names
    what was passed, and the call that was meant.
    """
    names = [name for name in inspect.signature(sample).parameters if name not in ("self", "n_samples")]
    classes = "y" in names

    @wraps(sample)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given: tuple[Any, ...] = args[1:]
        if len(given) > 1:
            count, other = given[:2]
            if names[0] == "y" and is_count(other):
                count, other = other, count
            meant = f"{sample.__name__}({count!r}, {names[0]}={other!r})"
            said = f" for {count!r} samples of the class {other!r}" if names[0] == "y" and np.ndim(other) == 0 else ""
            raise TypeError(f"{sample.__name__} takes n_samples by position and all else by name: write {meant}{said}.")
        count = given[0] if given else kwargs.get("n_samples", 1)
        if not is_count(count) and not (classes and count is None):
            asked = f"; pass the class as y={count!r}" if classes else ""
            raise ValueError(f"n_samples={count!r} must be an integer, at least 1{asked}.")
        return sample(*args, **kwargs)

    return call


def check_integers(estimator: Any, **least: int) -> None:
    """Raise ValueError unless the named parameters are integers, at least as large as given."""
    for name, smallest in least.items():
        value = getattr(estimator, name)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < smallest:
            raise ValueError(f"{name}={value!r} must be an integer, at least {smallest}.")


def check_not_negative(estimator: Any, *names: str) -> None:
    """Raise ValueError unless the named parameters are numbers that are not negative."""
    for name in names:
        value = getattr(estimator, name)
        if not value >= 0:
            raise ValueError(f"{name}={value!r} must not be negative.")


def check_settings(estimator: Any) -> None:
    """Raise ValueError for the first setting of a semi-supervised classifier that makes no sense."""
    check_integers(estimator, max_iter=1, batch_size=2, labeled_batch_size=1, latent_dim=1, checkpoint_every=1)
    check_not_negative(
        estimator, "noise", "input_noise", "unsupervised", "entropy", "balance", "smoothing", "smoothing_radius"
    )
    _check_terms(estimator)
    weights = estimator.class_weight
    if isinstance(weights, Mapping):
        if not all(weight > 0 for weight in weights.values()):
            raise ValueError(f"class_weight={weights!r} must have positive weights.")
    elif weights not in (None, "balanced"):
        raise ValueError(f"class_weight={weights!r} must be 'balanced', a mapping from classes to weights, or None.")
    if not isinstance(estimator.open_set, (bool, np.bool_)):
        raise ValueError(f"open_set={estimator.open_set!r} must be True or False.")
    check_common(estimator)
    if estimator.checkpoint is not None and estimator.warm_start:
        raise ValueError("checkpoint and warm_start=True exclude each other: a folder holds a whole fit.")
    if estimator.allow_empty_classes and estimator.classes is None:
        raise ValueError("allow_empty_classes=True needs `classes`, the list of all classes.")


def _check_terms(estimator: Any) -> None:
    if estimator.clip is not None and not estimator.clip > 0:
        raise ValueError(f"clip={estimator.clip!r} must be positive, or None for no clipping.")
    terms, augment = estimator.terms, estimator.augment
    if not isinstance(terms, Sequence) or not all(isinstance(term, (Term, GeneratorTerm)) for term in terms):
        raise ValueError(f"terms={terms!r} must be a sequence of objects of gan_ext.terms, such as (MeanTeacher(),).")
    if augment is not None and not callable(augment):
        raise ValueError(f"augment={augment!r} must be a function of samples, such as gan_ext.data.RandomAffine().")


def check_common(estimator: Any) -> None:
    """Raise ValueError for the first setting that every estimator of samples has and that makes no sense."""
    if not estimator.learning_rate > 0:
        raise ValueError(f"learning_rate={estimator.learning_rate!r} must be positive.")
    if not 0 <= estimator.averaging < 1:
        raise ValueError(f"averaging={estimator.averaging!r} must be in [0, 1).")
    if estimator.scaling not in ("auto", "standard", "minmax", "none"):
        raise ValueError(f"scaling={estimator.scaling!r} must be 'auto', 'standard', 'minmax' or 'none'.")
    widths = estimator.hidden_layer_sizes
    if not isinstance(widths, Sequence) or not widths or not all(width >= 1 for width in widths):
        raise ValueError(f"hidden_layer_sizes={widths!r} must be a sequence of positive integers.")
    _check_running(estimator)


def _check_running(estimator: Any) -> None:
    if not isinstance(estimator.callbacks, Sequence):
        raise ValueError(f"callbacks={estimator.callbacks!r} must be a sequence of functions of the engine.")
    if estimator.checkpoint is not None and not isinstance(estimator.random_state, (int, np.integer)):
        raise ValueError(
            f"checkpoint needs an integer random_state, to go on bit for bit; got {estimator.random_state!r}."
        )
    Compute(estimator.device, estimator.precision)


def check_count(name: str, value: Any) -> None:
    """Raise ValueError unless a number of samples is an integer, at least 1."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}={value!r} must be an integer, at least 1.")


def warn_of_constants(X: NDArray[Any], advice: str) -> None:
    """Raise ValueError if all samples are the same; warn of columns of a table that are constant, and say what of it.

    No advice, no warning: among pixels constant columns are usual.
    """
    constant = np.flatnonzero(np.ptp(X.reshape(len(X), -1), axis=0) == 0)
    if constant.size == X[0].size:
        raise ValueError(f"All {len(X)} samples of X are the same: there is nothing to learn from.")
    if X.ndim == 2 and constant.size and advice:
        shown = ", ".join(map(str, constant[:10].tolist())) + (", ..." if constant.size > 10 else "")
        warnings.warn(
            f"X has {constant.size} constant feature(s), columns {shown}: {advice}.",
            stacklevel=4,
        )
