"""Who holds a folder of checkpoints: one process and one thread at a time; what a killed one held is free again."""

import json
import os
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gan_ext.engine.checkpoint import CheckpointError, ensure_writable

try:
    import fcntl
except ImportError:  # a system without it has no such locks; there nobody is kept out
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "hold", "hold_all"]

LOCK = ".lock"


@runtime_checkable
class Saves(Protocol):
    """A callback that saves into a folder."""

    @property
    def directory(self) -> Path: ...


@dataclass
class _Held:
    """A folder that this process holds: the open file, the thread, and how often it entered."""

    descriptor: int
    thread: int
    process: int
    times: int


_HELD: dict[Path, _Held] = {}
_GUARD = threading.RLock()


def _forget() -> None:
    # A child does not inherit the locks of its parent, nor the thread that may be at work here.
    global _GUARD
    _HELD.clear()
    _GUARD = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def hold(folder: str | Path) -> Iterator[None]:
    """Keep a folder, made if it is not there, from other processes and other threads; the same thread may enter again.

    A file in it, ``.lock``, says who: process, host and since when.  The system frees it when the process ends, however
    that may be, and the next one takes it over.

    Raises:
        CheckpointError: another process or thread holds the folder, or it cannot be written.
    """
    place = ensure_writable(Path(folder)).resolve()
    with _GUARD:
        held = _HELD.get(place)
        if held is not None and held.thread != threading.get_ident():
            raise CheckpointError(
                f"{folder} is held by another thread of this process, which writes its checkpoints there; give every "
                "fit a folder of its own."
            )
        if held is None:
            held = _HELD[place] = _Held(_taken(place), threading.get_ident(), os.getpid(), 0)
        held.times += 1
    try:
        yield
    finally:
        with _GUARD:
            held.times -= 1
            if held.times == 0 and held.process == os.getpid():
                _HELD.pop(place, None)
                _free(held.descriptor, place / LOCK)


@contextmanager
def hold_all(callbacks: Iterable[object]) -> Iterator[None]:
    """Hold the folders of all callbacks that have a `directory`, as :class:`~gan_ext.engine.SaveEvery` has."""
    with ExitStack() as stack:
        for callback in callbacks:
            if isinstance(callback, Saves):
                stack.enter_context(hold(callback.directory))
        yield


def _taken(folder: Path) -> int:
    """Return the open file by which this process holds the folder, or raise CheckpointError with its holder."""
    path = folder / LOCK
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CheckpointError(f"Cannot write {path} ({error.strerror}); choose another folder.") from error
        try:
            if fcntl is not None:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise CheckpointError(
                f"{folder} is held by {holder}, which writes its checkpoints there. Wait for it, end it (what it has "
                "saved stays, and the next fit goes on from there), or choose another folder."
            ) from error
        except OSError:  # a file system without locks
            pass
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)  # its holder has just freed and removed it
    me = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())}
    with suppress(OSError):  # a full disk: the lock holds without a name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(me).encode())
    return descriptor


def _holder(descriptor: int) -> str:
    try:
        held = json.loads(os.read(descriptor, 4096))
        return f"process {held['pid']} on {held['host']} since {held['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"


def _free(descriptor: int, path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)  # before others can take it: they look whether it is still the one they opened
    os.close(descriptor)
