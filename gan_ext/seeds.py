"""Randomness as a function of the step: nothing to store, nothing to restore."""

import operator
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["DrawsIntegers", "RandomStateLike", "as_seed", "kept_generators", "mix", "reseed", "seeded", "turns"]

_MASK = (1 << 64) - 1


class DrawsIntegers(Protocol):
    """What draws integers below a limit, as :class:`numpy.random.RandomState` does."""

    def randint(self, low: int, /) -> int: ...


RandomStateLike = int | DrawsIntegers | None
"""What `random_state` may be: an integer, a :class:`numpy.random.RandomState`, or None."""


def as_seed(random_state: RandomStateLike) -> int:
    """Return an integer seed: an integer as it is, a draw from a :class:`numpy.random.RandomState`, another if None."""
    if random_state is None:
        return secrets.randbelow(2**31 - 1)
    if hasattr(random_state, "randint"):
        return int(random_state.randint(2**31 - 1))
    wrong = ValueError(f"random_state={random_state!r} must be an integer, a RandomState or None; no integer below 0.")
    try:
        seed = operator.index(random_state)
    except TypeError:
        raise wrong from None
    if isinstance(random_state, bool) or seed < 0:
        raise wrong
    return seed


def mix(*integers: int) -> int:
    """Hash integers to one in [0, 2**63), the same on every machine (SplitMix64, Steele et al., 2014)."""
    state = 0
    for integer in integers:
        state = (state + (integer & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> 1


def reseed(device: torch.device, *integers: int) -> None:
    """Seed the generators that draws on `device` use (the CPU's among them) from a hash of the integers."""
    seed = mix(*integers)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)


class _Turns:
    """Who may draw: torch's generators belong to the whole process, so threads take turns."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.here = threading.local()
        self.takers = 0  # of turns, open now
        self.before: list[tuple[torch.device, Tensor]] = []  # the states that the first of them found

    @property
    def depth(self) -> int:
        """How many of the open ones are of this thread."""
        return getattr(self.here, "depth", 0)


_turns = _Turns()


def _after_fork() -> None:
    # The lock may be held by a thread that does not exist in this process.
    global _turns
    _turns = _Turns()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _states(device: torch.device) -> list[tuple[torch.device, Tensor]]:
    states = [(torch.device("cpu"), torch.get_rng_state())]
    return states + ([(device, torch.cuda.get_rng_state(device))] if device.type == "cuda" else [])


def _put_back(states: list[tuple[torch.device, Tensor]]) -> None:
    for device, state in states:
        if device.type == "cuda":
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)


@contextmanager
def kept_generators(device: torch.device) -> Iterator[None]:
    """Draw alone among the threads of this process, and give the caller's random state back at the end.

    A thread that comes later waits.  The same thread may enter again; so do not wait, within the block, for another
    thread that draws (:func:`turns` is for long work that calls what others wrote).
    """
    with _turns.lock:
        before = _states(device)
        try:
            yield
        finally:
            _put_back(before)


@contextmanager
def turns(device: torch.device) -> Iterator[AbstractContextManager[object]]:
    """Share the generators with other threads over a long work; yield the lock for each part, which seeds and draws.

    Between the parts other threads may draw.  The random state of before is given back once the last thread is done.
    """
    shared = _turns
    with shared.lock:
        before, nested = _states(device), shared.depth > 0
        if not shared.takers:
            shared.before = before
        shared.takers += 1
        shared.here.depth = shared.depth + 1
    try:
        yield shared.lock
    finally:
        with shared.lock:
            shared.takers -= 1
            shared.here.depth = shared.depth - 1
            if nested:
                _put_back(before)
            elif not shared.takers:
                _put_back(shared.before)


@contextmanager
def seeded(*integers: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Draw, within the block, by a seed that is a hash of the integers.

    The caller's random state is given back at the end.

    Args:
        integers: what decides the draws.
        device: where they are made; those on the CPU are decided in any case.
    """
    place = torch.device(device)
    with kept_generators(place):
        reseed(place, *integers)
        yield
