"""What a step costs, timed so that it can be believed on a busy machine."""

import time
from collections.abc import Mapping

import numpy as np
import torch

from gan_ext.engine import Engine, Stream

__all__ = ["clock", "step_costs"]


def clock(device: torch.device | str) -> float:
    """Return seconds: of this process on a processor, of the wall on a GPU once it has done its work."""
    if torch.device(device).type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def step_costs(
    engines: Mapping[str, Engine], stream: Stream, rounds: int = 5, steps: int = 20
) -> dict[str, dict[str, float]]:
    """Return what a step costs, in milliseconds (``"ms"``) and over the first engine's (``"cost"``): medians of rounds.

    The engines are timed in turns, so that whatever slows the machine slows all; five steps of each come first,
    untimed.

    Args:
        engines: by name; they are trained on.
        stream: the batches of all.
        rounds: times that each is timed.
        steps: of each time.
    """
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        engine.fit(stream, engine.step + 5)
    for _ in range(rounds):
        for name, engine in engines.items():
            start = clock(engine.device)
            engine.fit(stream, engine.step + steps)
            spent[name].append(1000 * (clock(engine.device) - start) / steps)
    first = np.array(next(iter(spent.values())))
    return {
        name: {"ms": float(np.median(each)), "cost": float(np.median(np.array(each) / first))}
        for name, each in spent.items()
    }
