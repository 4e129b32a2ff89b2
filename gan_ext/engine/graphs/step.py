"""CUDA graphs: a whole step recorded once and replayed."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

__all__ = ["GraphedStep"]

_WARM_UP = 3


class GraphedStep:
    """Run a step eagerly a few times on a side stream, record it, and replay it from then on.

    If the step cannot be recorded (it copies to the host, say), a warning tells why and it stays eager.

    Args:
        step: does all moves of one step, given their batches; must launch the same kernels every time.
    """

    def __init__(self, step: Callable[[Sequence[Any]], None]) -> None:
        self._step = step
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Any] = []
        self._given_up = False

    def __call__(self, batches: Sequence[Any]) -> None:
        if self._given_up:
            self._step(batches)
        elif self._calls < _WARM_UP:
            self._calls += 1
            self._warm_up(batches)
        elif self._graph is not None or self._record(batches):
            self._replay(batches)
        else:
            self._step(batches)

    def _warm_up(self, batches: Sequence[Any]) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._step(batches)
        torch.cuda.current_stream().wait_stream(side)

    def _record(self, batches: Sequence[Any]) -> bool:
        self._inputs = [type(batch)(*(value.clone() for value in batch)) for batch in batches]
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        try:
            with torch.cuda.graph(graph):
                self._step(self._inputs)
        except RuntimeError as error:
            torch.cuda.synchronize()
            self._given_up, self._inputs = True, []
            warnings.warn(
                f"This game's step cannot be recorded as a CUDA graph and runs eagerly: {error}", stacklevel=2
            )
            return False
        self._graph = graph
        return True

    def _replay(self, batches: Sequence[Any]) -> None:
        assert self._graph is not None
        for kept, batch in zip(self._inputs, batches, strict=True):
            for target, value in zip(kept, batch, strict=True):
                target.copy_(value, non_blocking=True)
        self._graph.replay()
