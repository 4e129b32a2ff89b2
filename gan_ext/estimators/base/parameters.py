"""Parameters of estimators: those that all who train share, and the tables that say what each may be."""

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

from gan_ext.engine import Compute, Solver
from gan_ext.terms import GeneratorTerm, Term

__all__ = [
    "CLASSES",
    "CLASS_WEIGHTS",
    "N_JOBS",
    "RANDOM_STATE",
    "SCALING",
    "SHARED",
    "SHARED_CONSTRAINTS",
    "SHARES",
    "TERMS",
    "UNLABELED",
    "WIDTHS",
    "Checked",
    "Constraint",
    "Number",
    "callable_or_none",
    "check_parameters",
    "check_values",
    "having",
    "integer",
    "not_negative",
    "positive",
    "sequence_of",
    "share",
]

SHARED = (
    "max_iter",
    "batch_size",
    "learning_rate",
    "solver",
    "clip",
    "averaging",
    "device",
    "data_device",
    "precision",
    "checkpoint",
    "checkpoint_every",
    "verbose",
    "callbacks",
    "warm_start",
    "random_state",
)
"""What every estimator that trains has, as its last parameters, in this order."""


class Constraint(HasMethods):  # type: ignore[misc]
    """What a parameter must be, as a predicate with its words; for scikit-learn's table of constraints.

    Args:
        words: follows "must be" in the error.
        holds: whether a value is right; an exception means that it is not.
    """

    def __init__(self, words: str, holds: Callable[[Any], bool]) -> None:
        self.words, self.holds = words, holds
        self.hidden = False  # scikit-learn asks

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is right."""
        try:
            return bool(self.holds(val))
        except Exception:  # whatever a value of a wrong kind raises, it is of a wrong kind
            return False

    def __str__(self) -> str:
        return self.words


class Number(Interval):  # type: ignore[misc]
    """A number in an interval; True and False are none, NaN is none, and an integer has at most 63 bits."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is right."""
        if isinstance(val, bool | np.bool_) or (isinstance(val, Integral) and abs(int(val)) >= 2**63):
            return False
        return bool(super().is_satisfied_by(val))


class Checked(Protocol):
    """An estimator, or anything with named parameters and a table of what each may be."""

    _parameter_constraints: ClassVar[dict[str, Any]]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...


def integer(least: int, most: int | None = None) -> Number:
    """Return the constraint of a whole number, at least `least`, at most `most`."""
    return Number(Integral, least, most, closed="left" if most is None else "both")


def positive() -> Number:
    """Return the constraint of a finite number above 0."""
    return Number(Real, 0, np.inf, closed="neither")


def not_negative() -> Number:
    """Return the constraint of a finite number, 0 or above."""
    return Number(Real, 0, np.inf, closed="left")


def share(one: bool = False) -> Number:
    """Return the constraint of a share in [0, 1), or in [0, 1] with `one`."""
    return Number(Real, 0, 1, closed="both" if one else "left")


def callable_or_none() -> list[Any]:
    """Return the constraints of a function that may be left out."""
    return [callable, None]


def sequence_of(what: str, holds: Callable[[Any], bool], least: int = 0) -> Constraint:
    """Return the constraint of a list or tuple of things.

    Args:
        what: the things, in words.
        holds: whether one is right.
        least: how many there must be.
    """

    def right(value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str | bytes)
            and len(value) >= least
            and all(holds(each) for each in value)
        )

    many = {0: "", 1: ", not empty"}.get(least, f", {least} or more")
    return Constraint(f"a list or tuple of {what}{many}", right)


def having(*names: str) -> Constraint:
    """Return the constraint of an object, which is no class, with attributes or methods of these names."""
    return Constraint(
        f"an object with {', '.join(names)}",
        lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in names),
    )


def _is_folder(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def _is_count(value: Any) -> bool:
    return integer(1).is_satisfied_by(value)


def _is_move(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, tuple | list) and bool(value) and all(isinstance(name, str) for name in value)
    )


def _is_mark(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Real) and not isinstance(value, bool) and value == value)


def _are_classes(value: Any) -> bool:
    return (
        isinstance(value, list | tuple | np.ndarray)
        and all(_is_mark(each) for each in value)
        and len(np.unique(np.asarray(value))) > 1
    )


WIDTHS: list[Any] = [sequence_of("integers above 0", _is_count, least=1)]
"""What the widths of hidden layers may be."""

SCALING: list[Any] = [StrOptions({"auto", "standard", "minmax", "none"})]
"""What `scaling` may be (:class:`~gan_ext.estimators.base.scaling.Scaler`)."""

SHARES = Constraint(
    "a list, tuple or array of positive numbers",
    lambda value: isinstance(value, list | tuple | np.ndarray) and all(map(positive().is_satisfied_by, value)),
)
"""What shares of classes may be; they need not add up to 1."""

CLASS_WEIGHTS = Constraint(
    "a mapping from classes to positive weights",
    lambda value: isinstance(value, Mapping) and all(map(positive().is_satisfied_by, value.values())),
)
"""What the weights of some classes may be."""

TERMS = sequence_of(
    "objects of gan_ext.terms, such as (MeanTeacher(),)", lambda value: isinstance(value, Term | GeneratorTerm)
)
"""What further terms of an objective may be."""

UNLABELED: list[Any] = [Constraint("a number that is not NaN, a string", _is_mark), None]
"""What may stand for "no label"."""

CLASSES: list[Any] = [
    Constraint("a list, tuple or array of two or more classes, all numbers or all strings", _are_classes),
    None,
]
"""What a declaration of all classes may be."""


RANDOM_STATE: list[Any] = [integer(0, 2**32 - 1), np.random.RandomState, None]
"""What decides random numbers."""

N_JOBS = Constraint(
    "an integer other than 0, -1 for as many as there are cores",
    lambda value: integer(1).is_satisfied_by(abs(value)) and not isinstance(value, bool),
)
"""How many processes may run at a time."""

SHARED_CONSTRAINTS: dict[str, Any] = {
    "max_iter": [integer(1)],
    "batch_size": [integer(2)],
    "learning_rate": [positive()],
    "solver": [
        Constraint(
            "a solver such as gan_ext.engine.Extragradient() (an object, not its class)",
            lambda value: isinstance(value, Solver),
        ),
        sequence_of("players in the order of their moves", _is_move, least=1),
        None,
    ],
    "clip": [positive(), None],
    "averaging": [share()],
    "device": [str, torch.device],
    "data_device": [StrOptions({"auto", "cpu", "cuda"})],
    "precision": [StrOptions({"float32", "bfloat16"})],
    "checkpoint": [Constraint("the path of a folder", _is_folder), None],
    "checkpoint_every": [integer(1)],
    "verbose": ["boolean", integer(0)],
    "callbacks": [sequence_of("functions of the engine", callable)],
    "warm_start": ["boolean"],
    "random_state": RANDOM_STATE,
}
"""What the shared parameters may be; an estimator's own table is added to it."""


def check_values(constraints: Mapping[str, Any], values: Mapping[str, Any], name: str) -> None:
    """Raise InvalidParameterError (a ValueError) for the first value that its constraints do not allow.

    Args:
        constraints: by parameter.
        values: by parameter.
        name: whose parameters they are.
    """
    validate_parameter_constraints(constraints, values, name)


def check_parameters(estimator: Checked) -> None:
    """Raise InvalidParameterError (a ValueError and a TypeError) for the first parameter that makes no sense.

    The table is ``estimator._parameter_constraints``, as in scikit-learn.  Here are also the rules between the shared
    parameters: a checkpoint needs an integer `random_state` and holds one whole fit; the device must exist.
    """
    parameters = estimator.get_params(deep=False)
    name = type(estimator).__name__
    check_values(estimator._parameter_constraints, parameters, name)
    if parameters.get("checkpoint") is not None:
        seed = parameters["random_state"]
        if not isinstance(seed, int | np.integer):
            raise InvalidParameterError(
                f"checkpoint needs an integer random_state, to go on bit for bit; got {seed!r}."
            )
        if parameters["warm_start"]:
            raise InvalidParameterError(
                "checkpoint and warm_start=True exclude each other: a folder holds a whole fit."
            )
    if "device" in parameters:
        Compute(parameters["device"])
