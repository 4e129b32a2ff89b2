"""What is asked of data and of a user's parts before any game is put together, and a claim on a folder."""

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from torch import Tensor, nn

from gan_ext.engine import CheckpointError, ensure_writable, write_atomically
from gan_ext.estimators.base.labels import Labels

__all__ = [
    "are_images",
    "build_network",
    "check_augment",
    "claim_folder",
    "label_counts",
    "spacing",
]

Array = NDArray[Any]
_PLACE = re.compile(r" at 0x[0-9a-fA-F]+")


def spacing(x: Array, seed: int) -> float:
    """Return the median distance of samples to their tenth nearest neighbor, from at most 2000 of them."""
    rows = check_random_state(seed).permutation(len(x))[:2000]
    flat = x[rows].reshape(len(rows), -1)
    neighbors = min(10, len(flat) - 1)
    distances = NearestNeighbors(n_neighbors=neighbors).fit(flat).kneighbors()[0][:, -1]
    positive = distances[distances > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def are_images(shape: Sequence[int]) -> bool:
    """Return whether samples are images for the convolutional nets, which halve each side twice."""
    return len(shape) == 3 and not any(side % 4 for side in shape[1:])


def build_network(name: str, builder: Callable[..., nn.Module], *inputs: Any, **options: Any) -> nn.Module:
    """Return the network that the parameter of this name builds.

    Raises:
        ValueError: it cannot be called with these, or returns no module; the sentence names the parameter.
    """
    given = ", ".join([*map(repr, inputs), *(f"{key}={value!r}" for key, value in options.items())])
    try:
        built = builder(*inputs, **options)
    except TypeError as error:
        raise ValueError(f"{name}={builder!r} fails when it is called with ({given}): {error}") from error
    if not isinstance(built, nn.Module):
        raise ValueError(f"{name}={builder!r} must return a torch module, it returned {built!r} for ({given}).")
    return built


def check_augment(augment: Callable[[Tensor], Tensor] | None, data: Tensor) -> None:
    """Raise ValueError unless the transformation keeps the shape of samples, tried on a few."""
    if augment is None:
        return
    try:
        shape = tuple(augment(data).shape)
    except Exception as error:
        raise ValueError(f"augment fails on samples of shape {tuple(data.shape[1:])}: {error}") from error
    if shape != data.shape:
        raise ValueError(f"augment must keep the shape {tuple(data.shape)} of samples, it returns {shape}.")


def label_counts(labels: Labels) -> Array:
    """Return how many labeled samples each class has."""
    return np.bincount(labels.codes[labels.known], minlength=len(labels.classes))


def claim_folder(
    folder: Path, data: Array, labels: Array | None, settings: Mapping[str, Any], name: str = "checkpoint"
) -> None:
    """Note in a folder whose fit it holds, or say that it holds another's; `name` is the parameter that named it.

    Raises:
        CheckpointError: the folder cannot be written, or holds checkpoints of other data or settings.
    """
    claim: dict[str, Any] = {
        "data": zlib.crc32(np.ascontiguousarray(data).tobytes()),
        "labels": 0 if labels is None else zlib.crc32(np.ascontiguousarray(labels).tobytes()),
        # Functions and objects show where in memory they lie, which is elsewhere after a kill.
        "settings": {name: _PLACE.sub("", repr(value)) for name, value in sorted(settings.items())},
    }
    path = ensure_writable(folder) / "fit.json"
    if path.exists():
        held = _read_claim(path)
        if held != claim:
            there, here = held["settings"], claim["settings"]
            changed = [setting for setting in here if there.get(setting) != here[setting]]
            what = ", ".join(f"{each}={there.get(each)} (here {here[each]})" for each in changed) or "other data"
            raise CheckpointError(f"{name}={str(folder)!r} holds a fit with {what}; use an empty folder.")
        return
    write_atomically(path, json.dumps(claim, indent=1).encode())


def _read_claim(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict) or not isinstance(held.get("settings"), dict):
            raise ValueError("no settings in it")
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged ({error}): it said which data and settings the checkpoints beside it are of. Use an "
            "empty folder, or delete it if you are sure that they are of this fit."
        ) from error
    return held
