"""The files of a run: JSON that is never half-written, the result file, and tables of a user's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gan_ext.engine import ensure_writable, write_atomically
from gan_ext.runs.provenance import environment, source_commit

__all__ = ["read_npz", "write_json", "write_pages", "write_result"]


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON so that the file is never seen half-written; numbers and arrays of numpy and torch are written too."""
    write_atomically(Path(path), (json.dumps(content, indent=2, default=_plain) + "\n").encode())


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def write_pages(path: str | Path, pages: Mapping[str, Sequence[str]]) -> None:
    """Write lists of lines into a text file, each below its name, as ``# NAME``."""
    text = "\n\n".join("\n".join([f"# {name}", *lines]) for name, lines in pages.items())
    write_atomically(Path(path), f"{text}\n".encode())


def read_npz(path: Path, needed: Sequence[str], optional: Sequence[str] = (), flag: str = "--data") -> list[Any]:
    """Return arrays of an .npz file by their names, None for optional ones that it lacks.

    Args:
        path: the file.
        needed: names of arrays that it must have.
        optional: names of arrays that it may have.
        flag: the option that gave the path, for the error.

    Raises:
        ValueError: it cannot be read, or lacks an array.
    """
    try:
        with np.load(path) as file:
            found: list[NDArray[Any] | None] = [file[name] for name in needed]
            return found + [file.get(name) for name in optional]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        names = " and ".join(needed)
        raise ValueError(f"{flag} {path} must be an .npz file with arrays {names} ({error}).") from error


def write_result(
    directory: str | Path,
    recipe: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, float],
    protocol: str,
    seconds: float,
    steps_per_second: float,
    device: torch.device | str = "auto",
    **more: Any,
) -> Path:
    """Write ``result.json``, from which the tables in the documentation are built.

    Args:
        directory: the recipe's output folder.
        recipe: its name.
        config: all its settings.
        metrics: named numbers.
        protocol: how they were measured, in a sentence.
        seconds: wall time of training.
        steps_per_second: of the engine.
        device: where it ran.
        more: anything else worth keeping (rows, curves), as JSON.

    Returns:
        The file.
    """
    path = ensure_writable(Path(directory)) / "result.json"
    content = {
        "recipe": recipe,
        "config": {name: _named(value) for name, value in config.items()},
        "metrics": dict(metrics),
        "protocol": protocol,
        "seconds": round(seconds, 2),
        "steps_per_second": round(steps_per_second, 2),
        "environment": environment(device),
        "commit": source_commit(),
        **more,
    }
    write_json(path, content)
    return path


def _named(value: Any) -> Any:
    """Return the names of files and folders: where they lay decides no figure."""
    if isinstance(value, Path):
        return value.name
    return [_named(each) for each in value] if isinstance(value, tuple | list) else value
