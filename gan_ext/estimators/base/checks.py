"""Checks of numbers of samples, of how `sample` is called, and of columns that tell nothing."""

import inspect
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from typing_extensions import ParamSpec

__all__ = [
    "RandomState",
    "check_count",
    "check_room",
    "count_first",
    "drawing",
    "is_count",
    "naming",
    "warn_of_chance",
    "warn_of_constants",
    "warn_of_divergence",
]

# Of samples against data, all in deviations of the data; in between lies what is trained, or begins to be.
_ALIKE, _WIDE, _FAR, _HUGE = 0.001, 3.0, 2.0, 1e6
P = ParamSpec("P")
R = TypeVar("R")
RandomState = int | np.random.RandomState | None


def is_count(value: Any) -> TypeGuard[int]:
    """Return whether a value is an integer, at least 1; True is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def check_room(name: str, count: int, numbers: int) -> None:
    """Raise ValueError for more samples than the memory of this machine can hold.

    Args:
        name: of the argument that says how many.
        count: how many samples.
        numbers: in each of them; each takes 16 bytes while samples are made.
    """
    needed, there = 16 * int(count) * max(1, numbers), _memory()
    if needed > there:
        raise ValueError(
            f"{name}={count!r} samples of {numbers} number{'s' if numbers > 1 else ''} each need about "
            f"{needed / 2**30:.3g} GiB, and this machine has {there / 2**30:.3g} GiB; make them in parts of at most "
            f"{there // (64 * max(1, numbers))}."
        )


def _memory() -> int:
    """Return the bytes of memory of this machine, of a large one where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**40


def count_first(sample: Callable[P, R]) -> Callable[P, R]:
    """Make a method, ``sample(n_samples=1, *, ...)``, say how it is called where it is called in another way.

    The decorated method raises ValueError for a number of samples that is not an integer, at least 1 (None is one, or
    as many as `y` has, where there is a `y`), or more than the memory holds, or a `random_state` that is none; and
    TypeError if anything else is passed by position, or by a name that it does not have: the sentence names what was
    passed, and what was meant.
    """
    names = [name for name in inspect.signature(sample).parameters if name not in ("self", "n_samples")]
    classes = "y" in names

    @wraps(sample)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given: tuple[Any, ...] = args[1:]
        who = type(args[0]).__name__
        classless = f"{who} makes samples of no class in particular; ConditionalGAN makes those of a class"
        strange = [name for name in kwargs if name not in (*names, "n_samples")]
        if "y" in strange:
            raise TypeError(f"sample takes no y: {classless}.")
        if strange:
            raise TypeError(f"{who}.sample has no parameter {strange[0]!r}; it has n_samples, {', '.join(names)}.")
        if len(given) > 1:
            count, other = given[:2]
            if names[0] == "y" and is_count(other):
                count, other = other, count
            if not classes and not (is_count(count) and isinstance(other, int | np.integer)):  # a seed may be meant
                wanted = next((each for each in (count, other) if is_count(each)), 1)
                raise TypeError(
                    f"sample takes n_samples by position and all else by name: write sample({wanted!r}). {classless}."
                )
            meant = f"{sample.__name__}({count!r}, {names[0]}={other!r})"
            said = f" for {count!r} samples of the class {other!r}" if names[0] == "y" and np.ndim(other) == 0 else ""
            raise TypeError(f"{sample.__name__} takes n_samples by position and all else by name: write {meant}{said}.")
        count = given[0] if given else kwargs.get("n_samples", 1)
        if not is_count(count) and not (classes and count is None):
            asked = f"; pass the class as y={count!r}" if classes else ""
            raise ValueError(f"n_samples={count!r} must be an integer, at least 1{asked}.")
        if is_count(count):
            check_room("n_samples", int(count), getattr(args[0], "_sample_size", 1))
        state: Any = kwargs.get("random_state")
        if state is not None:
            drawing(state)
        return sample(*args, **kwargs)

    return call


def drawing(random_state: RandomState) -> np.random.RandomState:
    """Return what draws numbers, from scikit-learn's kind of random state; raise ValueError if it is none."""
    try:
        if isinstance(random_state, bool):
            raise ValueError
        made: np.random.RandomState = check_random_state(random_state)
        return made
    except ValueError:
        raise ValueError(
            f"random_state={random_state!r} must be an integer from 0 to 2**32 - 1, a RandomState or None."
        ) from None


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of an argument before errors of libraries that say of no argument what is wrong with it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        said = str(error)
        if re.search(rf"\b({name}|array|[Ii]nput|samples?|features?)\b", said):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be an array of numbers: {said}") from error


def check_count(name: str, value: Any) -> None:
    """Raise ValueError unless a number of samples is an integer, at least 1."""
    if not is_count(value):
        raise ValueError(f"{name}={value!r} must be an integer, at least 1.")
    check_room(name, value, 1)


def warn_of_chance(codes: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    """Warn if a classifier tells the labeled samples that it was trained on apart no better than a constant would.

    Args:
        codes: their class numbers [n].
        predicted: what is predicted for them [n].
    """
    right, largest = float(np.mean(codes == predicted)), float(np.bincount(codes).max() / len(codes))
    if right <= largest + 0.05 * (1 - largest):
        warnings.warn(
            f"This fit is no better than chance: of its own {len(codes)} labeled samples {right:.0%} are predicted "
            f"right, and the largest class has {largest:.0%}. Try a smaller learning_rate, or a larger max_iter.",
            ConvergenceWarning,
            stacklevel=5,
        )


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
            stacklevel=5,
        )


def warn_of_divergence(
    real: NDArray[Any], made: NDArray[Any], history: Sequence[Mapping[str, Any]], learning_rate: float
) -> None:
    """Warn if samples of a fit are not finite, all alike or far from its data, or if its last losses were huge.

    Args:
        real: scaled data, or some of them [n, ...].
        made: scaled samples [m, ...].
        history: records of the fit.
        learning_rate: for the sentence.
    """
    real, made = (each.reshape(len(each), -1).astype(np.float64) for each in (real, made))
    size = max(float(np.sqrt(real.var(0).sum())), 1e-300)
    spread, shift = np.sqrt(made.var(0).sum()) / size, np.linalg.norm(made.mean(0) - real.mean(0)) / size
    last = history[-1] if history else {}
    loss = max((abs(value) for name, value in last.items() if name.endswith("/loss")), default=0.0)
    if not np.isfinite(made).all() or not np.isfinite(loss):
        what = "samples are not finite"
    elif spread < _ALIKE:
        what = f"samples hardly differ from each other: their deviation is {spread:.2g} times that of the data"
    elif spread > _WIDE or shift > _FAR:
        what = (
            f"the samples' deviation is {spread:.3g} times that of the data, and their mean is {shift:.3g} deviations "
            "from the mean of the data"
        )
    elif loss > _HUGE:
        what = f"a loss was {loss:.3g} at the end"
    else:
        return
    warnings.warn(
        f"This fit has diverged, or has hardly begun: {what}. Try a smaller learning_rate than {learning_rate:g}, or a "
        "larger max_iter.",
        ConvergenceWarning,
        stacklevel=5,
    )
