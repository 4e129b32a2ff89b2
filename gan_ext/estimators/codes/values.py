"""Latent codes as a user names and sets them: ``"category"``, ``"style[0]"``, a number, a row, a column."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.latents import Prior, Product

__all__ = ["Unit", "check_vectors", "find_unit", "named_codes", "output_names", "place_codes", "units"]

Array = NDArray[Any]


class Unit(NamedTuple):
    """What can be moved by itself: a whole category, or one coordinate of another code."""

    label: str
    name: str
    code: Prior
    columns: slice


def units(codes: Product) -> list[Unit]:
    """Return what can be moved, in the order of the columns."""
    found = []
    for (name, code), columns in zip(codes.codes().items(), codes.columns().values(), strict=True):
        if code.whole or code.dim == 1:
            found.append(Unit(name, name, code, columns))
            continue
        places = range(columns.start, columns.stop)
        found += [Unit(f"{name}[{j}]", name, code, slice(place, place + 1)) for j, place in enumerate(places)]
    return found


def find_unit(codes: Product, label: str) -> Unit:
    """Return the unit of a label, or raise ValueError with those there are."""
    named = {unit.label: unit for unit in units(codes)}
    if not isinstance(label, str):
        raise ValueError(f"code={label!r} must be a name; the codes are {', '.join(map(repr, named))}.")
    if label in codes.names and label not in named:
        raise ValueError(f"The code {label!r} has {codes[label].dim} coordinates; name one, such as '{label}[0]'.")
    if label not in named:
        raise ValueError(f"There is no code {label!r}; the codes are {', '.join(map(repr, named))}.")
    return named[label]


def output_names(codes: Product) -> list[str]:
    """Return a name for every column of the codes."""
    names: list[str] = []
    for unit in units(codes):
        width = unit.columns.stop - unit.columns.start
        names += [unit.label] if width == 1 else [f"{unit.label}={k}" for k in range(width)]
    return names


def named_codes(codes: Any) -> dict[str, Any]:
    """Return wanted codes by name, none for None; raise ValueError if they have no names."""
    if codes is not None and not isinstance(codes, Mapping):
        raise ValueError(f"codes={codes!r} must map names to values, such as {{'category': 1}}, or be None.")
    return {} if codes is None else dict(codes)


def place_codes(codes: Product, vectors: Tensor, wanted: Mapping[str, Any]) -> Tensor:
    """Return code vectors [n, d] with the named codes set.

    Args:
        codes: the codes.
        vectors: vectors [n, d] to start from.
        wanted: values by label.  A category is an integer, another coordinate a number; a code of several coordinates
            may be set as a whole by its name, with a row.  Each may also be given for every vector: n of them.

    Raises:
        ValueError: a code that does not exist, or a value of the wrong shape or out of range.
    """
    placed = vectors.clone()
    labels = {unit.label for unit in units(codes)}
    for label, value in wanted.items():
        if label in labels:
            unit = find_unit(codes, label)
            placed[:, unit.columns] = _unit_values(unit, value, len(vectors)).to(placed)
        elif label in codes.names:
            placed[:, codes.columns()[label]] = _rows(label, codes[label], value, len(vectors)).to(placed)
        else:
            find_unit(codes, label)
    return placed


def _unit_values(unit: Unit, value: Any, n: int) -> Tensor:
    given = np.asarray(value)
    if given.dtype.kind not in "iufb" or given.shape not in ((), (n,)):
        hint = " (a class is asked for by y)" if given.dtype.kind in "USO" else ""
        raise ValueError(f"Code {unit.label!r} takes one number or {n} of them{hint}, got {value!r}.")
    numbers = torch.from_numpy(np.broadcast_to(given, n).astype(np.float64).copy())
    _check_values(unit.label, unit.code, numbers)
    return unit.code.vectors(numbers)


def _rows(label: str, code: Prior, value: Any, n: int) -> Tensor:
    given = np.asarray(value)
    if given.dtype.kind not in "iufb" or given.shape not in ((code.dim,), (n, code.dim)):
        raise ValueError(f"Code {label!r} takes {code.dim} numbers or {n} rows of them, got shape {given.shape}.")
    rows = torch.from_numpy(np.broadcast_to(given, (n, code.dim)).astype(np.float64).copy())
    _check_values(label, code, rows.flatten())
    return rows


def _check_values(label: str, code: Prior, values: Tensor) -> None:
    wrong = values[~code.takes(values)]
    if len(wrong):
        raise ValueError(f"Code {label!r} {code.describe()}, got {float(wrong[0]):g}.")


def check_vectors(codes: Product, vectors: Array) -> None:
    """Raise ValueError unless rows [n, d] are codes: of the right width and in range; categories may be shares."""
    if vectors.ndim != 2 or vectors.shape[1] != codes.dim:
        raise ValueError(
            f"Codes must have shape (n, {codes.dim}), with columns {', '.join(output_names(codes))}; "
            f"got {vectors.shape}."
        )
    if not np.isfinite(vectors).all():
        raise ValueError("Codes contain NaN or infinity.")
    for unit in units(codes):
        part = torch.from_numpy(np.asarray(vectors[:, unit.columns], dtype=np.float64))
        wrong = part[~unit.code.allows_mean(part if unit.code.whole else part.expand(-1, unit.code.dim))]
        if len(wrong):
            said = f"{wrong[0].item():g}" if wrong.shape[1] == 1 else wrong[0].tolist()
            raise ValueError(f"Code {unit.label!r} {unit.code.describe(mean=True)}, got {said}.")
