"""CUDA graphs: a whole step recorded once and replayed, for as long as Python would do the same again."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_ext.engine.graphs.kept import Kept
from gan_ext.engine.graphs.state import PythonState

__all__ = ["GraphedStep"]

_WARM_UP = 3  # eager steps before the first recording
_LONG = 20  # replays that are worth a recording
_STRIKES = 4  # changes in short order after which steps run eagerly for a while
_REST, _LONGEST_REST = 64, 4096  # eager steps of such a while

# Before this version a capture that fails leaves the GPU's generator as if it went on, and the next draw raises.
_FREES_GENERATOR = (2, 13)


class GraphedStep:
    """Run a step eagerly a few times on a side stream, record it, and replay it while nothing that it read changes.

    Before each replay the batches' shapes, types and strides and the Python state are compared with those of the
    recording.  What differs is told to nobody: the step runs eagerly and is recorded anew.  Where something changes at
    every step, or the step cannot be recorded (it copies to the host, say), a warning tells why and steps stay eager,
    in the first case until it has ceased to change.

    Args:
        step: does all moves of one step, given their batches; must launch the same kernels every time.
        watch: makes the watch over the Python state, once.
        device: the GPU.
        several: whether other processes take part; their threads that watch NCCL then may look at events meanwhile.
    """

    def __init__(
        self,
        step: Callable[[Sequence[Any]], None],
        watch: Callable[[], PythonState],
        device: torch.device,
        several: bool = False,
    ) -> None:
        self._step, self._watch, self._device = step, watch, device
        self._mode = "thread_local" if several else "global"
        self._state: PythonState | None = None
        self._shapes: list[tuple[Any, ...]] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor] = []
        self._added: list[tuple[Tensor, Tensor]] = []
        self._calls = self._quiet = self._replays = self._strikes = self._left = 0
        self._rest = _REST
        self._told: set[str] = set()
        self._given_up: str | None = None

    def __call__(self, batches: Sequence[Any]) -> None:
        if self._given_up is not None:
            self._step(batches)
            return
        if self._left:
            self._left -= 1
            if not self._left:
                self._look(batches)
            self._eager(batches)
            return
        changed = self._look(batches)
        if changed is not None:
            self._renew(changed)
        elif self._graph is not None:
            self._replay(batches)
            return
        else:
            self._quiet += 1
        if self._calls >= _WARM_UP and self._quiet and not self._left and self._record(batches):
            self._replay(batches)
        else:
            self._eager(batches)

    def _look(self, batches: Sequence[Any]) -> str | None:
        """Return what has changed since the step before, in words."""
        shapes = [_shape(batch) for batch in batches]
        if self._state is None:
            self._state, self._shapes = self._watch(), shapes
            return ""
        changed = self._state.changed()
        if shapes != self._shapes:
            changed, self._shapes = _other_shape(shapes, self._shapes), shapes
        if changed is None and any(tensor.grad is not gradient for tensor, gradient in self._added):
            changed = "the gradient that a step adds to"
        return changed

    def _renew(self, changed: str) -> None:
        """Drop the recording, if any; and where that becomes a habit, say so and rest."""
        if self._graph is not None and self._replays >= _LONG:
            self._strikes = 0
        self._strikes += self._calls >= _WARM_UP
        self._quiet, self._graph, self._inputs, self._added, self._replays = 0, None, [], [], 0
        if self._strikes >= _STRIKES:
            self._left, self._rest = self._rest, min(2 * self._rest, _LONGEST_REST)
            self._warn(
                f"Steps run eagerly and are not recorded as a CUDA graph while this changes from step to step: "
                f"{changed}. A graph would repeat what it was when it was recorded. {_advice(changed)}",
                changed.split(" (")[0],
            )

    def _eager(self, batches: Sequence[Any]) -> None:
        self._calls += 1
        side, main = torch.cuda.Stream(self._device), torch.cuda.current_stream(self._device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            self._step(batches)
        main.wait_stream(side)

    def _record(self, batches: Sequence[Any]) -> bool:
        state = self._state
        assert state is not None
        if state.unseen is not None:
            self._give_up(state.unseen)
            return False
        copies = [_copied(batch) for batch in batches]
        kept, generator = state.keep(), torch.cuda.get_rng_state(self._device)
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize(self._device)
        try:
            stream = torch.cuda.Stream(self._device)
            with torch.cuda.graph(graph, stream=stream, capture_error_mode=self._mode):
                self._step(copies)
        except Exception as error:  # an error of the step itself comes again, from the eager step
            torch.cuda.synchronize(self._device)
            kept.put_back()
            self._free(generator)
            self._give_up(_cause(error))
            return False
        return self._take(graph, copies, kept, state)

    def _take(self, graph: torch.cuda.CUDAGraph, copies: list[Any], kept: Kept, state: PythonState) -> bool:
        """Take a recording if Python is as it was before, or else put it back."""
        drawn, changed, added = kept.drawn(), state.changed(), kept.added()
        if drawn is None and changed is None:
            self._graph, self._inputs, self._added = graph, _leaves(copies), added
            return True
        kept.put_back()
        state.changed()
        if drawn is not None:
            self._give_up(f"it draws from {drawn}, whose numbers a graph would repeat")
        else:
            self._renew(f"{changed} is changed by the step itself")
        return False

    def _free(self, before: Tensor) -> None:
        """Free the GPU's generator from a capture that failed."""
        if tuple(int(part) for part in torch.__version__.split(".")[:2]) >= _FREES_GENERATOR:
            return
        fresh = torch.Generator(self._device)
        fresh.set_state(before)
        index = torch.cuda.current_device() if self._device.index is None else self._device.index
        torch.cuda.default_generators[index].graphsafe_set_state(fresh.graphsafe_get_state())

    def _give_up(self, why: str) -> None:
        self._given_up = why
        self._warn(f"This game's step cannot be recorded as a CUDA graph and runs eagerly: {why}", why)

    def _warn(self, message: str, kind: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            warnings.warn(message, stacklevel=4)

    def _replay(self, batches: Sequence[Any]) -> None:
        assert self._graph is not None
        for target, value in zip(self._inputs, _leaves(batches), strict=True):
            target.copy_(value, non_blocking=True)
        self._graph.replay()
        self._replays += 1


def _copied(batch: Any) -> Any:
    """Return a batch with a copy in the place of each tensor."""
    if isinstance(batch, Tensor):
        return batch.clone()
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(_copied, batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(map(_copied, batch))
    if isinstance(batch, dict):
        return {key: _copied(value) for key, value in batch.items()}
    return batch


def _leaves(batch: Any) -> list[Tensor]:
    """Return the tensors of a batch, or of batches."""
    if isinstance(batch, Tensor):
        return [batch]
    inner = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (tuple, list)) else ()
    return [tensor for value in inner for tensor in _leaves(value)]


def _shape(batch: Any) -> tuple[Any, ...]:
    """Return what a recording depends on in a batch: kinds, shapes, types, devices, strides, what is no tensor."""
    if isinstance(batch, Tensor):
        return (batch.shape, batch.dtype, batch.device, batch.stride())
    if isinstance(batch, (tuple, list)):
        names = getattr(batch, "_fields", range(len(batch)))
        return (type(batch), *((name, _shape(value)) for name, value in zip(names, batch, strict=True)))
    if isinstance(batch, dict):
        return (dict, *((key, _shape(value)) for key, value in batch.items()))
    return (type(batch), batch)


def _other_shape(new: Sequence[tuple[Any, ...]], old: Sequence[tuple[Any, ...]]) -> str:
    """Return in words how batches differ from those before."""
    for after, before in zip(new, old, strict=True):
        for field, former in zip(after[1:], before[1:], strict=False):
            if field != former and isinstance(field, tuple) and isinstance(former, tuple):
                (name, now), (_, then) = field, former
                told = [
                    f"{list(each[0])} {each[1]}" if len(each) == 4 and isinstance(each[0], torch.Size) else str(each)
                    for each in (then, now)
                ]
                return f"the batch's {name} ({told[0]}, then {told[1]})"
    return "the kind or the shape of a batch"


def _cause(error: BaseException) -> str:
    """Return what went wrong first: what ends a capture that has failed says no more than that it has."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _advice(changed: str) -> str:
    if changed.startswith("optimizers"):
        return (
            "Of an optimizer only a learning rate that is a tensor may change, and steps must be counted on the GPU: "
            "use gan_ext.engine.adam or sgd, or pass capturable=True."
        )
    if changed.startswith("the batch"):
        return "Give batches of one shape and type."
    return "Keep numbers that change in 0-dim buffers and write into tensors with copy_; cuda_graph=False is silent."
