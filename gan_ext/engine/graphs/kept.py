"""A Python state that can be put back, random numbers included."""

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Draws", "Kept", "items", "of_numpy", "of_process", "of_torch"]


@dataclass(frozen=True)
class Draws:
    """A generator on the CPU: its name, how its state is read, and how it is put back."""

    name: str
    state: Callable[[], Any]
    put_back: Callable[[Any], object]


@dataclass(frozen=True)
class Kept:
    """A state that can be put back.

    Args:
        containers: with a copy of each.
        tensors: of the CPU, with a copy and the count of changes of each.
        flags: leaves, with gradient and `requires_grad` of each.
        cells: of closures, with what is in them.
        slots: dictionary, key and value.
        generators: with their states.
    """

    containers: list[tuple[Any, Any]]
    tensors: list[tuple[Tensor, Tensor, int]]
    flags: list[tuple[Tensor, Tensor | None, bool]]
    cells: list[tuple[Any, Any]]
    slots: list[tuple[Any, str, Any]]
    generators: list[tuple[Draws, Any]]

    def drawn(self) -> str | None:
        """Return the name of a generator on the CPU that has been drawn from since, if any."""
        return next((draws.name for draws, state in self.generators if draws.state() != state), None)

    def added(self) -> list[tuple[Tensor, Tensor]]:
        """Return the tensors whose gradients of before are theirs still, with these: a step has added to them."""
        return [
            (tensor, gradient) for tensor, gradient, _ in self.flags if gradient is not None and tensor.grad is gradient
        ]

    def flags_put_back(self) -> None:
        """Put back gradients and flags."""
        for tensor, gradient, flag in self.flags:
            tensor.requires_grad_(flag)
            tensor.grad = gradient

    @torch.no_grad()
    def put_back(self) -> None:
        """Put back all that has changed since."""
        for owner, copy in self.containers:
            if list(map(id, items(owner))) != list(map(id, items(copy))):
                owner.clear()
                (owner.update if hasattr(owner, "update") else owner.extend)(copy)
        for tensor, value, version in self.tensors:
            if tensor._version != version:
                tensor.detach().copy_(value)
        for cell, content in self.cells:
            cell.cell_contents = content
        for place, key, content in self.slots:
            if place.get(key) is not content:
                place[key] = content
        for draws, state in self.generators:
            draws.put_back(state)
        self.flags_put_back()


def items(container: Any) -> Iterable[Any]:
    """Return the values of a dictionary, alive, or the entries of another container."""
    values: Iterable[Any] = container.values() if hasattr(container, "values") else container
    return values


def of_process() -> Iterator[Draws]:
    """Yield the generators that the whole process shares."""
    yield of_torch("torch's generator of the CPU", torch.default_generator)
    yield Draws("Python's random", random.getstate, random.setstate)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        yield Draws("numpy.random", lambda: _hashable(numpy.random.get_state()), numpy.random.set_state)


def of_torch(name: str, generator: torch.Generator) -> Draws:
    """Return a generator of torch on the CPU."""
    return Draws(
        name,
        lambda: bytes(generator.get_state().tolist()),
        lambda state: generator.set_state(torch.tensor(list(state), dtype=torch.uint8)),
    )


def of_numpy(name: str, generator: Any) -> Draws:
    """Return a generator of numpy, of either interface."""
    if hasattr(generator, "get_state"):
        return Draws(name, lambda: _hashable(generator.get_state()), generator.set_state)
    bits = generator.bit_generator

    def put_back(state: tuple[str, Any]) -> None:
        bits.state = state[1]

    return Draws(name, lambda: _Text(repr(bits.state), bits.state), put_back)


def _hashable(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a state of numpy's older generators in which arrays are tuples, which compare to one truth."""
    return tuple(tuple(each.tolist()) if hasattr(each, "tolist") else each for each in state)


class _Text(tuple[str, Any]):
    """A state of numpy's newer generators, compared by its text."""

    __slots__ = ()

    def __new__(cls, text: str, state: Any) -> "_Text":
        return super().__new__(cls, (text, state))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and self[0] == other[0]

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__
