"""The one order of arguments that all `sample` methods have: the number of samples first, all else by name."""

import functools
import reprlib
from collections.abc import Callable
from numbers import Integral
from typing import Any, ParamSpec, TypeVar

from sklearn.utils._param_validation import InvalidParameterError

__all__ = ["count_first"]

P = ParamSpec("P")
R = TypeVar("R")


def count_first(sample: Callable[P, R]) -> Callable[P, R]:
    """Let a method ``sample(n_samples=1, *, y=None, ...)`` say what is meant where it is called with the class first.

    ``sample("three", 5)`` raises InvalidParameterError (a ValueError and a TypeError) that says
    ``sample(5, y='three')``.
    """

    @functools.wraps(sample)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = args[1:]
        if len(given) > 1 or (given and given[0] is not None and not _is_number(given[0])):
            count = given[1] if len(given) > 1 else kwargs.get("n_samples")
            shown = ", ".join([*([] if count is None else [reprlib.repr(count)]), f"y={reprlib.repr(given[0])}"])
            raise InvalidParameterError(
                f"{sample.__name__} takes the number of samples first, and all else by name; "
                f"write {sample.__name__}({shown})."
            )
        return sample(*args, **kwargs)

    return checked


def _is_number(value: Any) -> bool:
    return isinstance(value, Integral | float)
