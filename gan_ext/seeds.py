"""Randomness as a function of the step: nothing to store, nothing to restore."""

import operator
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch

__all__ = ["DrawsIntegers", "RandomStateLike", "as_seed", "kept_generators", "mix", "reseed", "seeded"]

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
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)


@contextmanager
def kept_generators(device: torch.device) -> Iterator[None]:
    """Give the caller's random state back at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


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
