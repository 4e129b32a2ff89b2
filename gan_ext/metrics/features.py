"""The one entry of arrays into metrics: what can be read as finite numbers, in an order and kind that torch takes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gan_ext.seeds import RandomStateLike, as_seed

__all__ = [
    "Features",
    "as_features",
    "as_numbers",
    "as_scores",
    "check_count",
    "check_finite",
    "feature_pair",
    "full_precision",
    "known_labels",
    "moderated",
    "plain",
    "row_generator",
    "within_float",
]

Features = ArrayLike | Tensor

_NOT_FINITE = "{} must be finite numbers; some are NaN or infinite."


def plain(values: Any) -> NDArray[Any]:
    """Return an array or a tensor on any device as an array of numpy, bfloat16 as float32."""
    if isinstance(values, Tensor):
        found = values.detach().cpu()
        return np.asarray(found.float() if found.dtype == torch.bfloat16 else found)
    return np.asarray(values)


def as_numbers(name: str, values: Any) -> NDArray[Any]:
    """Return finite numbers of any shape as a new or C-ordered array of float32 or float64.

    Integers become float64, those of up to 16 bits float32, which holds them all; half precisions become float32, what
    is longer than float64 becomes that.  Objects that are numbers, such as those of a table of mixed types, are read.

    Args:
        name: of the argument, for errors.
        values: an array-like of any order and strides, read-only or not, or a tensor on any device.

    Raises:
        ValueError: what is no number, or not finite.
    """
    found = plain(values)
    if found.dtype.kind == "O":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be numbers, got objects such as {_first(found)!r}.") from None
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got {found.dtype}.")
    small = found.dtype.itemsize <= (2 if found.dtype.kind != "f" else 4)
    # torch takes no negative strides, which an axis of length 1 may have in an array that counts as C-ordered.
    fresh = not found.flags.writeable or min(found.strides, default=0) < 0
    number = found.astype(np.float32 if small else np.float64, order="C", copy=fresh)
    return check_finite(name, number)


def as_scores(name: str, values: Any, least: int = 1) -> NDArray[np.float64]:
    """Return finite numbers [n] in float64.

    Raises:
        ValueError: another shape, fewer than `least`, what is no number, or not finite.
    """
    found: NDArray[np.float64] = as_numbers(name, values).astype(np.float64)
    if found.ndim != 1 or len(found) < least:
        raise ValueError(f"{name} must be finite numbers [n], at least {least}; got an array of shape {found.shape}.")
    return found


def as_features(name: str, features: Features, least: int = 1, device: torch.device | None = None) -> Tensor:
    """Return features [n, F] as a tensor of float32 or float64, on its own device or on the one asked for.

    Args:
        name: of the argument, for errors.
        features: an array, or a tensor on any device; kinds of numbers as in :func:`as_numbers`.
        least: fewest rows.
        device: where the tensor shall lie; None leaves it.

    Raises:
        ValueError: another shape, too few rows, or numbers that are not finite.
    """
    if isinstance(features, Tensor):
        if features.is_complex():
            raise ValueError(f"{name} must be numbers, got {features.dtype}.")
        narrow = features.dtype.itemsize <= (4 if features.is_floating_point() else 2)
        found = features.detach().to(device, torch.float32 if narrow else torch.float64).contiguous()
        if not bool(torch.isfinite(found).all()):
            raise ValueError(_NOT_FINITE.format(name))
    else:
        found = torch.from_numpy(as_numbers(name, features)).to(device)
    if found.dim() != 2 or not found.numel():
        raise ValueError(f"{name} must be features [n, F], got shape {tuple(found.shape)}.")
    if len(found) < least:
        raise ValueError(f"{name} must have at least {least} rows, got {len(found)}.")
    return found


def feature_pair(
    first: Features, second: Features, least: int = 1, names: tuple[str, str] = ("real", "generated")
) -> tuple[Tensor, Tensor]:
    """Return two sets of features on one device: that of the tensor among them which is not on the CPU, if one is.

    Raises:
        ValueError: as :func:`as_features`; widths or devices that differ.
    """
    devices = {each.device for each in (first, second) if isinstance(each, Tensor) and each.device.type != "cpu"}
    if len(devices) > 1:
        raise ValueError(
            f"{names[0]} and {names[1]} lie on {sorted(map(str, devices))}; move one to the other's device."
        )
    device = devices.pop() if devices else None
    a, b = (as_features(name, each, least, device) for name, each in zip(names, (first, second), strict=True))
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{names[0]} and {names[1]} must have features of one width, got {a.shape[1]} and {b.shape[1]}."
        )
    return a, b


def moderated(*sets: Tensor, most: float = 2.0**300) -> tuple[tuple[Tensor, ...], float]:
    """Return sets over one power of two, and that number, so that their squares neither overflow nor vanish.

    The number is 1, and the sets are as they were, unless their largest value is beyond `most`, or below one over it.
    """
    largest = max(float(each.abs().max()) for each in sets)
    if largest == 0 or 1 / most < largest < most:
        return sets, 1.0
    unit = 2.0 ** max(-1000, math.frexp(largest)[1])
    return tuple(each.double() / unit for each in sets), unit


def within_float(what: str, value: float) -> float:
    """Return a result as it is; raise ValueError where float64 cannot hold it or what leads to it."""
    if not math.isfinite(value):
        raise ValueError(f"The {what} of these sets is beyond the range of float64: divide the features by their size.")
    return value


def check_finite(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of numbers as it is; raise ValueError where one is NaN or infinite."""
    if not np.isfinite(values).all():
        raise ValueError(_NOT_FINITE.format(name))
    return values


def known_labels(name: str, values: Any) -> NDArray[Any]:
    """Return labels (numbers, strings, truths) as an array; raise ValueError where one is NaN, infinite or None."""
    found = plain(values)
    missing = not np.isfinite(found).all() if found.dtype.kind in "fc" else False
    if missing or (found.dtype.kind == "O" and any(each is None or each != each for each in found.ravel())):
        raise ValueError(f"{name} holds NaN, infinity or None: leave the samples without a label out.")
    return found


def check_count(name: str, value: object, least: int = 1) -> None:
    """Raise ValueError unless a setting is an integer, at least as large as given."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer, at least {least}.")


def row_generator(random_state: RandomStateLike) -> torch.Generator:
    """Return a generator of the CPU, so that the same rows are drawn on every device."""
    return torch.Generator().manual_seed(as_seed(random_state))


@contextmanager
def full_precision() -> Iterator[None]:
    """Multiply float32 matrices in float32, whatever the process is set to (TF32 keeps ten bits of them)."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _first(found: NDArray[Any]) -> object:
    """Return the first of some objects that is no number."""
    for each in found.ravel():
        try:
            float(each)
        except (TypeError, ValueError):
            return each
    return None
