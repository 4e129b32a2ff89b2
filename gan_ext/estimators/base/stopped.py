"""A fit that is stopped, by Ctrl-C or an error, leaves its estimator as it was before."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from typing_extensions import ParamSpec

__all__ = ["check_kept", "whole_or_undone"]

_WARM = "warm_start=True needs"
_PLACE = re.compile(r" at 0x[0-9a-fA-F]+")
_FREE = frozenset({"callbacks", "checkpoint", "checkpoint_every", "device", "max_iter", "verbose", "warm_start"})
P = ParamSpec("P")
R = TypeVar("R")


def whole_or_undone(fit: Callable[P, R]) -> Callable[P, R]:
    """Make a `fit` set all that it learns or nothing: what stops it leaves the attributes that were there before.

    An estimator that was fitted then answers as before; a new one says that it is not fitted.  Without this it would
    have the scale and classes of the new data with the networks of the old, and answer wrongly.  Parameters that a
    callback has set stay, and so do checkpoints, from which the same call goes on.  Where `warm_start` asks for the
    networks of the last fit and gets others, the error says which parameters are others now.
    """

    @wraps(fit)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        estimator: Any = args[0]
        before = dict(vars(estimator))
        try:
            fitted = fit(*args, **kwargs)
            estimator._fit_parameters = _said(estimator)
            return fitted
        except BaseException as error:
            parameters = estimator.get_params(deep=False)
            vars(estimator).clear()
            vars(estimator).update(before | parameters)
            changed = _changed(estimator) if isinstance(error, ValueError) and str(error).startswith(_WARM) else ""
            if changed:
                raise type(error)(f"{error} Since then {changed}.") from error
            raise

    return call


def check_kept(estimator: Any, *names: str) -> None:
    """Raise ValueError if parameters of networks that a warm start keeps are others than in the last fit."""
    changed = [name for name in names if name in _differing(estimator)]
    if changed:
        raise ValueError(f"{_WARM} {', '.join(changed)} as in the last fit, whose networks it goes on from.")


def _said(estimator: Any) -> dict[str, str]:
    return {
        name: _PLACE.sub("", repr(value))
        for name, value in estimator.get_params(deep=False).items()
        if name not in _FREE
    }


def _changed(estimator: Any) -> str:
    """Say which parameters were others in the last fit; nothing if none was."""
    differing = _differing(estimator).items()
    return ", ".join(f"{name} became {now} (it was {was})" for name, (was, now) in differing)


def _differing(estimator: Any) -> dict[str, tuple[str, str]]:
    before, now = getattr(estimator, "_fit_parameters", {}), _said(estimator)
    return {name: (was, now[name]) for name, was in before.items() if was != now[name]}
