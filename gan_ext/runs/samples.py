"""Samples of a run's averaged generator."""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from gan_ext.engine import Engine
from gan_ext.seeds import seeded

__all__ = ["averaged_samples"]


class _Prior(Protocol):
    def sample(self, n: int) -> Tensor: ...


class _Generating(Protocol):
    generator: nn.Module
    prior: _Prior


@torch.no_grad()
def averaged_samples(engine: Engine, n: int, seed: int = 1, block: int = 1000) -> Tensor:
    """Return samples [n, ...] of the averaged generator; the random numbers of the run stay as they are.

    Args:
        engine: of a game with a `generator` of what its `prior` draws.
        n: how many.
        seed: decides the draws.
        block: samples made at a time.

    Returns:
        float32, on the engine's device.
    """
    game = cast(_Generating, engine.averaged)
    with seeded(seed, device=engine.device), engine.compute.autocast(engine.device):
        z = game.prior.sample(n)
        return torch.cat([game.generator(part).float() for part in z.split(block)])
