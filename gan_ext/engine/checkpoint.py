"""Checkpoints: one ``safetensors`` file each, with a JSON index in its header.  Nothing in them can run code.

A file is written beside its name, flushed to the disk and renamed, so that a crash or a full disk leaves the older
ones as they were.
"""

import json
import os
import re
import tempfile
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "check_weights",
    "ensure_writable",
    "newest",
    "read",
    "write",
    "write_atomically",
    "write_tensors",
]

_FORMAT = "gan_ext.checkpoint.1"
_NAME = re.compile(r"step-(\d+)\.safetensors")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read, or used for this game."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: tensors by name, everything else as JSON, and where it came from."""

    tensors: dict[str, Tensor]
    index: dict[str, Any]
    path: Path


def ensure_writable(directory: Path) -> Path:
    """Make the directory, try to write into it, and return it.

    Raises:
        CheckpointError: it cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise CheckpointError(f"Cannot write to {directory} ({error.strerror}); choose another folder.") from error
    return directory


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that, whatever happens, `path` holds either its old content or all of the new.

    Raises:
        CheckpointError: the disk is full or cannot be written; the old file is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CheckpointError(
            f"Could not write {path} ({error.strerror}); what was saved before is still there. Free some space or "
            "choose another folder."
        ) from error


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(directory: Path, step: int, tensors: Mapping[str, Tensor], index: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint of a step, then remove all but the `keep` newest up to that step; return its path."""
    ensure_writable(directory)
    for leftover in directory.glob(".step-*.partial"):  # of a process that was killed while it wrote
        leftover.unlink(missing_ok=True)
    path = directory / f"step-{step:09d}.safetensors"
    write_tensors(path, tensors, index)
    # Later steps are of another run, or damaged: they count for nothing here, lest this file be the one removed.
    for old in [old for old in _newest_first(directory) if _step(old) <= step][keep:]:
        old.unlink(missing_ok=True)
    return path


def write_tensors(path: Path, tensors: Mapping[str, Tensor], index: Mapping[str, Any]) -> None:
    """Write tensors and a JSON index to one file in a folder that exists, whole or not at all; :func:`read` reads it.

    Raises:
        CheckpointError: it cannot be written; an older file of this name is as it was.
    """
    # safetensors refuses tensors that share memory, hence the copies.
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    text = json.dumps(index)
    metadata = {"format": _FORMAT, "index": text, "checksum": str(_checksum(text, copies))}
    write_atomically(path, to_bytes(copies, metadata=metadata))


def read(path: Path) -> Checkpoint:
    """Read one checkpoint and check that it is whole.

    Raises:
        CheckpointError: the file is not there, is damaged, or is not a checkpoint of this package.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is {'a folder, not a file' if path.is_dir() else 'not there'}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint, it is cut short or damaged: {error}") from error
    if metadata.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is a safetensors file, but not a checkpoint of gan_ext.")
    text = metadata.get("index", "")
    if str(_checksum(text, tensors)) != metadata.get("checksum"):
        raise CheckpointError(f"{path} is damaged: its content does not match its checksum.")
    try:
        index = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has an index that is no JSON ({error}); no gan_ext wrote it.") from error
    if not isinstance(index, dict):
        raise CheckpointError(f"{path} has an index that is no JSON object, but {text[:40]!r}; no gan_ext wrote it.")
    return Checkpoint(tensors, index, path)


def check_weights(found: Checkpoint, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file, if they are those that a network (its `state_dict`) wants, and none is NaN.

    Raises:
        CheckpointError: names or shapes differ, or a number is NaN.
    """
    there, path = found.tensors, found.path
    differing = sorted(
        name
        for name in wanted.keys() | there.keys()
        if name not in wanted or name not in there or wanted[name].shape != there[name].shape
    )
    if differing:
        name = differing[0]
        was, here = (list(of[name].shape) if name in of else "absent" for of in (there, wanted))
        raise CheckpointError(
            f"{path} does not fit: {name!r} is {was} there and {here} here ({len(differing)} differ). Build the "
            "networks as they were, or remove the file."
        )
    spoilt = next((name for name, value in there.items() if bool(value.isnan().any())), None)
    if spoilt is not None:
        raise CheckpointError(f"{path} has weights that are NaN ({spoilt}); remove the file.")
    return there


def newest(source: Path) -> Checkpoint | None:
    """Read a checkpoint file, or the newest whole one in a directory; older ones stand in for damaged ones.

    Returns:
        The checkpoint, or None if the directory holds none (or does not exist).

    Raises:
        CheckpointError: there are checkpoints, but none that can be read.
    """
    if source.is_file():
        return read(source)
    damage: list[str] = []
    for path in _newest_first(source):
        try:
            checkpoint = read(path)
        except CheckpointError as error:
            damage.append(str(error))
            continue
        if damage:
            warnings.warn(f"{' '.join(damage)} Using the older {path.name} instead.", stacklevel=3)
        return checkpoint
    if damage:
        raise CheckpointError(f"No checkpoint in {source} can be read. {' '.join(damage)}")
    return None


def _newest_first(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted((path for path in directory.iterdir() if _NAME.fullmatch(path.name)), key=_step, reverse=True)


def _step(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match
    return int(match[1])


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> int:
    value = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        value = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.contiguous().view(-1).view(torch.uint8).numpy().data, value)
    return value
