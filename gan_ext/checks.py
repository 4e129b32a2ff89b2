"""Constructors that say what is wrong with an argument before any work: kinds from the annotations, ranges by name."""

import collections.abc as abc
import functools
import inspect
import math
import os
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, overload

import numpy as np
import torch
from torch import Tensor

__all__ = ["Allowed", "allowed_arguments", "checked", "no_less"]

T = TypeVar("T")

_LARGEST = 2**63  # no count, size or seed needs more bits
_RAW = (ZeroDivisionError, RuntimeError, OverflowError)  # what torch says of sizes that cannot be
_MANY = 1e6
_ANY = (Any, object, inspect.Parameter.empty)


@dataclass(frozen=True)
class Allowed:
    """What a value may be: the words that follow "must be", and whether a value is right."""

    words: str
    holds: Callable[[Any], bool]
    kind: type | None = None  # the class whose objects are right, if that is all

    def __call__(self, value: Any) -> bool:
        """Return whether a value is right; an exception means that it is not."""
        try:
            return bool(self.holds(value))
        except Exception:  # whatever a value of a wrong kind raises, it is of a wrong kind
            return False


def no_less(least: float) -> Allowed:
    """Return what is not smaller than a number; None and the items of a list are asked one by one."""
    return Allowed(f"{least} or more", lambda value: all(each >= least for each in _numbers(value)))


@overload
def checked(target: T, /) -> T: ...


@overload
def checked(**ranges: Allowed) -> Callable[[T], T]: ...


def checked(target: Any = None, /, **ranges: Allowed) -> Any:
    """Return a class whose constructor, or a function which, refuses arguments of a wrong kind with a ValueError.

    What each parameter may be is read from its annotation, once, at the first call: ``int`` and ``float`` are finite
    numbers and not True or False, ``Sequence[int]`` is a list or tuple of integers, ``Callable`` is a function, a class
    is an object of it.  A default is always right.  Subclasses with a constructor of their own are checked where they
    call this one.

    Args:
        target: the class or function; left out where ranges are given: ``@checked(weight=no_less(0))``.
        ranges: what else holds for a parameter, by name.

    Raises:
        ValueError: from the call, with class or function, parameter, value and what is allowed.
    """
    if target is None:
        return lambda each: _wrapped(each, ranges)
    return _wrapped(target, ranges)


def allowed_arguments(target: Any) -> dict[str, Allowed]:
    """Return what each parameter of a checked class or function may be; empty for one that is not checked."""
    function = target.__init__ if inspect.isclass(target) else target
    read: Callable[[], dict[str, Allowed]] | None = getattr(function, "__checked__", None)
    return {} if read is None else read()


def _wrapped(target: Any, ranges: dict[str, Allowed]) -> Any:
    function = target.__init__ if inspect.isclass(target) else target
    signature = inspect.signature(function)
    unknown = set(ranges) - set(signature.parameters)
    if unknown:
        raise TypeError(f"{target.__qualname__} has no parameters {sorted(unknown)} to check.")
    read = functools.cache(lambda: _table(function, signature, ranges))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:  # too many or too few: Python's own error says which
            return function(*args, **kwargs)
        table = read()
        for parameter, value in bound.arguments.items():
            allowed = table.get(parameter)
            if allowed is not None and not allowed(value):
                name = type(args[0]).__name__ if inspect.isclass(target) else target.__name__
                if not (
                    isinstance(value, Real) and _MANY <= abs(float(value)) < math.inf
                ):  # it would try to build so many
                    _own_words(function, args, kwargs, parameter)
                raise ValueError(f"{parameter}={_said(value)} must be {allowed.words}, in {name}.")
        try:
            return function(*args, **kwargs)
        except _RAW as error:
            # An error of ours, such as CheckpointError; a class with `_own_errors` words all of its own.
            if type(error) not in _RAW or getattr(target, "_own_errors", False):
                raise
            given = {key: value for key, value in bound.arguments.items() if key != "self"}
            said = ", ".join(f"{key}={_said(value)}" for key, value in given.items())
            raise ValueError(f"{target.__name__}({said}) cannot be built: {error}.") from error

    call.__checked__ = read  # type: ignore[attr-defined]
    if not inspect.isclass(target):
        return call
    setattr(target, "__init__", call)  # noqa: B010, a class has no other way
    return target


def _own_words(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], parameter: str) -> None:
    """Let a constructor that knows better say what is wrong: its own errors may tell a remedy."""
    try:
        function(*args, **kwargs)
    except ValueError as error:
        if parameter in str(error):
            raise
    except Exception:  # Python's or torch's words for a wrong kind
        pass


def _said(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _table(function: Any, signature: inspect.Signature, ranges: dict[str, Allowed]) -> dict[str, Allowed]:
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # names that only type checkers import
        hints = {}
    table = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        hint = hints.get(name, Any if isinstance(parameter.annotation, str) else parameter.annotation)
        allowed, extra, default = _of(hint), ranges.get(name), parameter.default
        if allowed is None and extra is None:
            continue
        table[name] = _joined(allowed, extra, default)
    return table


def _joined(allowed: Allowed | None, extra: Allowed | None, default: Any) -> Allowed:
    words = ", ".join(each.words for each in (allowed, extra) if each is not None)

    def holds(value: Any) -> bool:
        if value is default or (isinstance(value, float) and isinstance(default, float) and value == default):
            return True
        return all(each(value) for each in (allowed, extra) if each is not None)

    return Allowed(words, holds, allowed.kind if allowed is not None else None)


def _numbers(value: Any) -> list[Any]:
    if value is None or isinstance(value, str) or callable(value):
        return []
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, abc.Mapping):
        return list(value.values())
    return [value] if isinstance(value, Real) else [each for each in value if isinstance(each, Real)]


def _of(hint: Any) -> Allowed | None:
    """Return what an annotation allows; None if it says nothing."""
    if hint in _ANY or isinstance(hint, TypeVar | typing.ParamSpec):
        return _of(hint.__bound__) if isinstance(hint, TypeVar) and isinstance(hint.__bound__, type) else None
    if hint is None or hint is type(None):
        return Allowed("None", lambda value: value is None)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of([_of(each) for each in inner])
    if origin is Literal:
        return Allowed(" or ".join(map(repr, inner)), lambda value: isinstance(value, str | int) and value in inner)
    if origin is typing.Annotated or origin in (typing.ClassVar, typing.Final):
        return _of(inner[0])
    if origin is type:
        return Allowed("a class", inspect.isclass)
    return _of_container(origin, inner) if origin is not None else _of_class(hint)


def _any_of(each: list[Allowed | None]) -> Allowed | None:
    known = [one for one in each if one is not None]
    if len(known) < len(each):
        return None
    return Allowed(
        " or ".join(dict.fromkeys(one.words for one in known)), lambda value: any(one(value) for one in known)
    )


def _of_container(origin: Any, inner: tuple[Any, ...]) -> Allowed | None:
    if origin is abc.Callable:
        return Allowed("a function", callable)
    if issubclass(origin, np.ndarray):
        return Allowed("a NumPy array", lambda value: isinstance(value, np.ndarray))
    if issubclass(origin, abc.Mapping):
        key, value_of = (_of(each) for each in (inner or (Any, Any)))
        words = f"a mapping from {key.words if key else 'names'} to {value_of.words if value_of else 'values'}"
        return Allowed(
            words,
            lambda value: (
                isinstance(value, abc.Mapping)
                and all((key is None or key(k)) and (value_of is None or value_of(v)) for k, v in value.items())
            ),
        )
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        parts = [_of(each) for each in inner]
        words = ", ".join(each.words if each else "anything" for each in parts)
        return Allowed(
            f"a pair or tuple ({words})",
            lambda value: (
                isinstance(value, tuple | list)
                and len(value) == len(parts)
                and all(part is None or part(each) for part, each in zip(parts, value, strict=True))
            ),
        )
    if issubclass(origin, abc.Collection | abc.Sequence):
        item = _of(inner[0]) if inner else None
        words = f"a list or tuple of {_many(item.words)}" if item else "a list or tuple"
        return Allowed(
            words,
            lambda value: (
                isinstance(value, abc.Collection)
                and not isinstance(value, str | bytes | abc.Mapping)
                and (item is None or all(map(item, value)))
            ),
        )
    if issubclass(origin, abc.Iterable):
        return Allowed("something to iterate over", lambda value: isinstance(value, abc.Iterable))
    return _of_class(origin)


def _many(words: str) -> str:
    return {"an integer": "integers", "a finite number": "finite numbers", "a string": "strings"}.get(words, words)


def _of_class(hint: Any) -> Allowed | None:
    if not inspect.isclass(hint):
        return None
    if hint is bool:
        return Allowed("True or False", lambda value: isinstance(value, bool | np.bool_))
    if hint is int:
        return Allowed("an integer", _is_integer)
    if hint is float:
        return Allowed("a finite number", _is_number)
    if hint is str:
        return Allowed("a string", lambda value: isinstance(value, str))
    if hint is torch.device:
        return Allowed("a device", lambda value: isinstance(value, str | torch.device))
    if issubclass(hint, os.PathLike):
        return Allowed("a path", lambda value: isinstance(value, str | os.PathLike))
    if getattr(hint, "_is_protocol", False):
        names = sorted(_members(hint))
        return Allowed(
            f"an object with {', '.join(names)} (a {hint.__name__})",
            lambda value: not inspect.isclass(value) and all(hasattr(value, name) for name in names),
        )
    article = "an" if hint.__name__[:1] in "AEIOU" else "a"
    return Allowed(f"{article} {hint.__name__}", lambda value: isinstance(value, hint), hint)


def _members(protocol: Any) -> set[str]:
    """Return the names that a protocol asks for."""
    found = set[str]()
    for each in protocol.__mro__:
        if getattr(each, "_is_protocol", False) and each.__module__ not in ("typing", "typing_extensions"):
            found |= {name for name in vars(each) if not name.startswith("_") or name in ("__call__", "__getitem__")}
            found |= {name for name in vars(each).get("__annotations__", {}) if not name.startswith("_")}
    return found


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and abs(int(value)) < _LARGEST


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor) and value.dim() == 0 and not value.is_complex() and value.dtype != torch.bool:
        return math.isfinite(float(value))
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    return math.isfinite(float(value))
