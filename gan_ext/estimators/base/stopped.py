"""A fit that is stopped, by Ctrl-C or an error, leaves its estimator as it was before."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from typing_extensions import ParamSpec

__all__ = ["whole_or_undone"]

P = ParamSpec("P")
R = TypeVar("R")


def whole_or_undone(fit: Callable[P, R]) -> Callable[P, R]:
    """Make a `fit` set all that it learns or nothing: what stops it leaves the attributes that were there before.

    An estimator that was fitted then answers as before; a new one says that it is not fitted.  Without this it would
    have the scale and classes of the new data with the networks of the old, and answer wrongly.  Parameters that a
    callback has set stay, and so do checkpoints, from which the same call goes on.
    """

    @wraps(fit)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        estimator: Any = args[0]
        before = dict(vars(estimator))
        try:
            return fit(*args, **kwargs)
        except BaseException:
            parameters = estimator.get_params(deep=False)
            vars(estimator).clear()
            vars(estimator).update(before | parameters)
            raise

    return call
