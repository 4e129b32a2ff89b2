"""Features as the metrics of sets read them: two matrices of one width, on one device."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["Features", "as_features", "check_count", "feature_pair", "full_precision", "row_generator"]

Features = ArrayLike | Tensor


def as_features(name: str, features: Features, least: int = 1, device: torch.device | None = None) -> Tensor:
    """Return features [n, F] as a tensor of float32 or float64, on its own device or on the one asked for.

    Args:
        name: of the argument, for errors.
        features: an array, or a tensor on any device; whole numbers and half precisions become float32.
        least: fewest rows.
        device: where the tensor shall lie; None leaves it.

    Raises:
        ValueError: another shape, too few rows, or numbers that are not finite.
    """
    found = features.detach() if isinstance(features, Tensor) else torch.as_tensor(np.asarray(features))
    if found.dim() != 2 or not found.numel():
        raise ValueError(f"{name} must be features [n, F], got shape {tuple(found.shape)}.")
    if len(found) < least:
        raise ValueError(f"{name} must have at least {least} rows, got {len(found)}.")
    found = found.to(device, torch.float64 if found.dtype == torch.float64 else torch.float32)
    if not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name} has features that are not finite: some are NaN or infinite.")
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
