"""Wrong arguments for every public class: placeholders for what a constructor needs, and what it says."""

import importlib
import inspect
import pkgutil
import typing
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import Adam

import gan_ext
from gan_ext.checks import Allowed, allowed_arguments
from gan_ext.data import Sprites
from gan_ext.doctor import Diagnosis, Finding, Rotation
from gan_ext.gradients import REINFORCE
from gan_ext.latents import Categorical, Gaussian
from gan_ext.losses import Minimax
from gan_ext.nets import LSTMGenerator
from gan_ext.plug_and_play import PrefixFunction
from gan_ext.testing import WRONG_VALUES
from gan_ext.toys import DiracGame, GaussianRing

NOT_WALKED = {"estimators", "runs", "pictures", "explorer", "testing", "checks"}  # estimators check at fit

FREE: dict[str, set[str]] = {  # parameters that may be anything, or are looked at by the class itself
    "data.ArraySource": {"array"},
    "data.ArrayStream": {"data"},
    "data.DatasetSource": {"dataset"},
    "data.ZCAWhitening": {"eps"},  # an estimator: checked at fit
    "doctor.Watch": {"batch"},
    "taxonomy.ImageScores": {"features"},  # called at once: what it raises is its own
    "games.LeakGAN": {"generator"},
    "nets.Linear": {"in_features", "out_features", "bias", "device", "dtype"},  # torch's own
    "plug_and_play.KnownPixels": {"data", "known"},
}

RECORDS = {Diagnosis, Finding, Rotation}  # what a function returns; their lists are long, and NaN is a figure

PLACEHOLDERS: list[Any] = [
    4, 0.5, 1, True, "x", lambda *values: torch.zeros(1), nn.Linear(4, 4), torch.zeros(4, 4), torch.device("cpu"),
    [4, 4], [0.5, 0.5], ["x"], {"x": 4}, {"x": 0.5}, (4, 4), [nn.Linear(4, 4)], [lambda value: value], None, int,
]  # fmt: skip


def objects() -> list[Any]:
    """Return small objects of the package: what games, streams and conditions are given."""
    generator = LSTMGenerator(5, 4, start=0, end=1, pad=2, embedding=4, hidden=4)
    return [
        Gaussian(4), Categorical(4), generator, {"x": Adam}, ((1.0, 0.0), (0.0, 1.0)), GaussianRing(),
        [PrefixFunction(lambda tokens: torch.zeros(len(tokens)), 5)], DiracGame(), Sprites(16), Minimax(), REINFORCE(),
        [["x", "x"], ["x"]], Anything(),
    ]  # fmt: skip


class Anything:
    """Has whatever a protocol asks for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: torch.zeros(1)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return torch.zeros(1)

    def __getitem__(self, place: Any) -> Any:
        return torch.zeros(1)


def public_classes() -> Iterator[tuple[str, type]]:
    """Yield every public class that is built by users: no records (NamedTuples), protocols or exceptions."""
    seen = set()
    for room in pkgutil.iter_modules(gan_ext.__path__):
        if room.name in NOT_WALKED:
            continue
        module = importlib.import_module(f"gan_ext.{room.name}")
        for name in getattr(module, "__all__", []):
            kind = getattr(module, name)
            if not inspect.isclass(kind) or issubclass(kind, BaseException) or kind in seen:
                continue
            if kind in RECORDS or inspect.isabstract(kind):  # the classes made from an abstract one are walked
                continue
            if hasattr(kind, "_fields") or getattr(kind, "_is_protocol", False) or typing.is_typeddict(kind):
                continue
            seen.add(kind)
            yield f"{room.name}.{name}", kind


def made(kind: type) -> Any:
    """Return an object of a class without calling its constructor, also of an abstract one."""
    if fields := getattr(kind, "_fields", ()):
        return kind(*[None] * len(fields))
    whole = dict.fromkeys(getattr(kind, "__abstractmethods__", ()), lambda self, *args: torch.zeros(1))
    return object.__new__(type(kind.__name__, (kind,), whole))


def placeholder(allowed: Allowed | None, parameter: inspect.Parameter) -> Any:
    """Return something of the right kind; its size may be wrong."""
    if parameter.default is not parameter.empty:
        return parameter.default
    if allowed is None:
        return torch.zeros(4, 4)
    for value in [*PLACEHOLDERS, *objects()]:
        if allowed(value):
            return value
    if allowed.kind is not None:
        return made(allowed.kind)
    raise AssertionError(f"no placeholder for {parameter}, which must be {allowed.words}")


def outcomes(kind: type) -> Iterator[tuple[str, Any, str, str]]:
    """Yield (parameter, wrong value, outcome, what was said) for all wrong values of all parameters."""
    table, signature = allowed_arguments(kind), inspect.signature(kind)
    parameters = {
        name: each
        for name, each in signature.parameters.items()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    right = {name: placeholder(table.get(name), each) for name, each in parameters.items()}

    def built(**changed: Any) -> tuple[str, str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kind(**{**right, **changed})
        except Exception as error:
            return type(error).__name__, str(error)
        return "", ""

    whole = built() == ("", "")
    for name in parameters:
        allowed = table.get(name)
        for value in WRONG_VALUES:
            if allowed is not None and not allowed(value):
                error, said = built(**{name: value})
                yield name, value, "clear" if error == "ValueError" and name in said else "unclear", f"{error}: {said}"
            elif whole and not (isinstance(value, int | float) and value >= 1e9):  # so many are right, and take long
                error, said = built(**{name: value})
                clear = not error or (error in ("ValueError", "ImportError") and name in said)
                outcome = ("clear" if error else "fine") if clear else "unclear"
                never = allowed is None and type(value) in (object, bytes)
                yield name, value, "silent" if never and not error else outcome, f"{error}: {said}"
