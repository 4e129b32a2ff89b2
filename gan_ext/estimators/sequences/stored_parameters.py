"""Parameters of a model of sequences as JSON: what a file can hold of them, and a mark for what it cannot."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gan_ext import games
from gan_ext.data import Vocab, tokenizer_config, tokenizer_from_config
from gan_ext.data.sequences.tokenization import Tokenizer
from gan_ext.game import Game

__all__ = ["NotStored", "parameters_from_json", "parameters_to_json"]

OF_THE_MACHINE = frozenset({"checkpoint", "device"})
"""What is not stored, and is the default in a loaded model."""


@dataclass(frozen=True)
class NotStored:
    """Stands in a loaded model for a parameter that no file holds; no constraint allows it, so that `fit` names it.

    Args:
        what: the name of the function or class that it was.
    """

    what: str

    def __repr__(self) -> str:
        return f"<{self.what}, which the file of this model does not hold: set this parameter anew before fit>"


def parameters_to_json(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what JSON can hold of an estimator's parameters, each with how it is held.

    Numbers, strings and turns are held as they are, objectives of :mod:`gan_ext.games` by their names and settings,
    tokenizers of this package by what they are made of; of all else only the name.
    """
    return {name: _held(name, value) for name, value in parameters.items() if name not in OF_THE_MACHINE}


def parameters_from_json(
    stored: Mapping[str, Mapping[str, Any]], vocabulary: Vocab, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters that :func:`parameters_to_json` held, and marks for those that it did not.

    Args:
        stored: what it returned.
        vocabulary: that of the fit, which stands for any that was given.
        given: parameters to take in place of the stored ones; None for those that are not given.

    Raises:
        LookupError: it never returned this.
    """
    read = {name: _read(held, vocabulary) for name, held in stored.items()}
    return read | {name: value for name, value in given.items() if value is not None}


def _held(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, NotStored):
        return {"left": value.what}
    if name == "vocabulary" and value is not None:
        return {"vocabulary": "of the fit"}
    if _is_plain(value):
        return {"value": _plain(value)}
    if name == "tokenizer" and isinstance(value, Tokenizer) and tokenizer_config(value)["name"] != "object":
        return {"tokenizer": tokenizer_config(value)}
    made, settings = (value.func, value.keywords) if isinstance(value, partial) else (value, None)
    if name == "objective" and _is_game(made) and not getattr(value, "args", ()) and _is_plain(settings or {}):
        return {"game": made.__name__, "settings": None if settings is None else _plain(settings)}
    return {"left": str(getattr(made, "__qualname__", type(made).__name__))}


def _read(held: Mapping[str, Any], vocabulary: Vocab) -> Any:
    if "value" in held:
        return _turns(held["value"])
    if "vocabulary" in held:
        return vocabulary
    if "tokenizer" in held:
        return tokenizer_from_config(held["tokenizer"])
    if "game" in held:
        game: Any = getattr(games, held["game"], None)
        if not _is_game(game):
            raise LookupError(f"there is no game {held['game']!r}")
        return game if held["settings"] is None else partial(game, **held["settings"])
    return NotStored(held["left"])


def _is_game(value: Any) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, Game)
        and value.__name__ in games.__all__
        and getattr(games, value.__name__) is value
    )


def _is_plain(value: Any) -> bool:
    """Return whether JSON can hold a value: numbers, strings, and what consists of them."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _turns(value: Any) -> Any:
    return tuple(map(_turns, value)) if isinstance(value, list) else value
