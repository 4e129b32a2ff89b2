"""A pretend CUDA for a machine without a GPU: tensors say ``cuda:0`` and CPU kernels do the sums in host memory.

An operation that mixes devices raises as on a real GPU.  Waits of the host are counted by the line that causes them,
and raise while a graph is captured.  A captured graph really replays: the same memory, constants baked in, random
numbers from the generator as it stands.  So it proves placement, waiting and capture logic, and nothing about speed,
races, cuDNN, several GPUs or NCCL.
"""

import contextlib
import importlib.util
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import torch

__all__ = ["PretendCuda"]

MEMORY = 8 << 30  # bytes that the pretend device has


class PretendCuda:
    """The device of this process; it cannot be taken away again.

    Args:
        library: what :func:`tests.pretend_cuda.build.preloaded` returned.
        shared_draws: whether it draws from the CPU's generator, so that CPU and device get the same random numbers.

    Attributes:
        events: how often (kind, operation, lines of gan_ext) happened while watched; mixed devices always.
    """

    def __init__(self, library: Path, shared_draws: bool = False) -> None:
        self.core = _loaded(library)
        self.events = Counter[tuple[str, str, str]]()
        self.watching, self.strict, self.shared_draws = False, False, shared_draws
        self.core.on_event(self._event)
        self.core.share_rng(shared_draws)
        self.generator = self.core.default_generator()
        self.generator.manual_seed(0)
        _install(self)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Count waits of the host and copies from it."""
        before, self.watching = self.watching, True
        try:
            yield
        finally:
            self.watching = before

    def waits(self) -> list[str]:
        """Return what made the host wait for the device while watched, with the lines of code."""
        return [f"{op} at {where}" for (kind, op, where), _ in self.events.items() if kind.startswith("SYNC")]

    def _event(self, kind: str, operation: str) -> None:
        if self.watching or kind == "MISMATCH":
            self.events[(kind, operation, _where())] += 1
        if self.strict and kind.startswith("SYNC"):
            raise RuntimeError(f"called a synchronizing CUDA operation ({operation})")


def _loaded(library: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("pretend_cuda_c", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _where() -> str:
    frame, lines = sys._getframe(), []
    while frame is not None:
        if "/gan_ext/" in (name := frame.f_code.co_filename):
            lines.append(f"{name.split('/gan_ext/')[-1]}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(lines[:3]) or "no line of gan_ext (a backward thread, or a test)"


class _Stream:
    """A stream: everything is done at once, in order."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def wait_stream(self, other: Any) -> None:
        """Everything before is done already."""

    def wait_event(self, event: Any) -> None:
        """Everything before is done already."""

    def synchronize(self) -> None:
        """Everything before is done already."""

    def record_event(self, event: Any = None) -> Any:
        """Return an event that has happened."""
        return _Event()

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: Any) -> None: ...


class _Event:
    """An event that has happened."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def record(self, stream: Any = None) -> None:
        """It has happened."""

    def wait(self, stream: Any = None) -> None:
        """It has happened."""

    def synchronize(self) -> None:
        """It has happened."""

    def query(self) -> bool:
        """It has happened."""
        return True


def _graphs(device: PretendCuda) -> tuple[type, type, type]:
    core, numbers = device.core, itertools.count()

    class CUDAGraph:
        """Operations that were recorded, and are done again by `replay`."""

        def __init__(self, keep_graph: bool = False) -> None:
            self.number, self.whole = next(numbers), False

        def replay(self) -> None:
            if not self.whole:
                raise RuntimeError("replay without a capture that succeeded")
            core.replay(self.number)

        def reset(self) -> None:
            core.reset(self.number)

        def __del__(self) -> None:
            with contextlib.suppress(Exception):  # at the end of Python the core may be gone
                core.reset(self.number)

    class CapturingStream(_Stream):
        """A stream that knows whether operations are being recorded."""

        def is_capturing(self) -> bool:
            return bool(core.is_capturing())

    class graph:  # noqa: N801, the name of torch.cuda.graph
        """Records what is done within; nothing of it can be seen until a replay."""

        def __init__(self, cuda_graph: Any, pool: Any = None, stream: Any = None, capture_error_mode: str = "") -> None:
            self.graph, self.state = cuda_graph, None

        def __enter__(self) -> None:
            # A capture draws nothing: with shared draws the CPU's generator must not move either.
            self.state = torch.default_generator.get_state() if device.shared_draws else None
            core.capture_begin()

        def __exit__(self, kind: type | None, value: BaseException | None, traceback: TracebackType | None) -> None:
            core.capture_end(self.graph.number, kind is None)
            if self.state is not None:
                torch.default_generator.set_state(self.state)
            self.graph.whole = kind is None
            if kind is not None:
                raise RuntimeError("CUDA error: operation failed due to a previous error during capture") from value

    return CUDAGraph, graph, CapturingStream


def _install(device: PretendCuda) -> None:
    core, generator, cuda = device.core, device.generator, torch.cuda
    one: dict[str, Any] = {
        "is_available": True, "device_count": 1, "current_device": 0, "is_initialized": True, "_is_in_bad_fork": False,
        "get_device_name": "pretend", "get_device_capability": (9, 0), "is_bf16_supported": True,
        "mem_get_info": (MEMORY, MEMORY), "set_device": None, "_lazy_init": None, "init": None, "synchronize": None,
        "empty_cache": None, "reset_peak_memory_stats": None,
    }  # fmt: skip
    for name, answer in one.items():
        setattr(cuda, name, lambda *_, _answer=answer, **__: _answer)
    cuda_graph, graph, stream = _graphs(device)
    answers: dict[str, Any] = {
        "default_generators": (generator,), "max_memory_allocated": lambda _=None: core.live_bytes(),
        "memory_allocated": lambda _=None: core.live_bytes(), "Stream": stream, "Event": _Event,
        "current_stream": lambda _=None: stream(), "stream": lambda _: contextlib.nullcontext(),
        "CUDAGraph": cuda_graph, "graph": graph, "is_current_stream_capturing": core.is_capturing,
        "set_sync_debug_mode": lambda mode: setattr(device, "strict", mode in ("error", 2)),
    }  # fmt: skip
    draws: dict[str, Any] = {
        "get_rng_state": lambda _="cuda": generator.get_state(),
        "set_rng_state": lambda state, _="cuda": generator.set_state(state.clone()),
        "manual_seed": lambda seed: generator.manual_seed(int(seed)) and None,
        "manual_seed_all": lambda seed: generator.manual_seed(int(seed)) and None,
    }
    for name, answer in {**answers, **draws}.items():
        setattr(cuda, name, answer)
    for name, answer in draws.items():
        setattr(cuda.random, name, answer)
    cuda.graphs.is_current_stream_capturing = core.is_capturing
    torch.backends.cuda.is_built = lambda: True
    torch.accelerator.current_accelerator = lambda check_available=False: torch.device("cuda")
    torch.accelerator.current_stream = lambda _=None: stream()  # type: ignore[assignment,return-value]
    plain = torch.UntypedStorage.clone

    def clone(self: Any) -> Any:
        if self.device.type != "cuda":
            return plain(self)
        fresh = torch.empty(self.nbytes(), dtype=torch.uint8, device="cuda")
        with torch.no_grad():
            fresh.copy_(torch.empty(0, dtype=torch.uint8, device="cuda").set_(self, 0, (self.nbytes(),), (1,)))
        return fresh.untyped_storage()

    torch.UntypedStorage.clone = clone  # type: ignore[method-assign]
