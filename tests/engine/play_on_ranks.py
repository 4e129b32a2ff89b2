"""What each of the processes does that ``test_ranks.py`` starts: ``torchrun ... play_on_ranks.py DIRECTORY``."""

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_ext import Compute, Engine, Loss, TwoPlayerGame
from gan_ext.data import ArrayStream, SemiStream
from gan_ext.engine import NonFiniteLossError, SaveEvery, adam, simultaneous
from gan_ext.engine.state import capture
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.nets import mlp_discriminator, mlp_generator

CPU = Compute("cpu")


class Pair(NamedTuple):
    """Data and noise, both from the stream: nothing is drawn on a rank."""

    x: Tensor
    z: Tensor


class LeastSquares(TwoPlayerGame):
    """Losses that are means over the batch, and a buffer that is the mean of the last batch."""

    def __init__(self) -> None:
        super().__init__(
            nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)),
            nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)),
        )
        self.register_buffer("mean", torch.zeros(4))
        self.mean: Tensor

    def discriminator_loss(self, batch: Pair) -> Loss:
        self.mean.copy_(batch.x.mean(0))
        with torch.no_grad():
            fake = self.generator(batch.z)
        return (self.discriminator(batch.x) - 1).square().mean() + self.discriminator(fake).square().mean(), {}

    def generator_loss(self, batch: Pair) -> Loss:
        return (self.discriminator(self.generator(batch.z)) - 1).square().mean(), {}


def least_squares(turns: tuple[str | tuple[str, ...], ...]) -> Engine:
    """Train with a batch of 8 over all ranks."""
    torch.default_generator.manual_seed(1)
    data = Pair(torch.randn(30, 4), torch.randn(30, 3))
    players = {"discriminator": adam(1e-2), "generator": adam(1e-2)}
    engine = Engine(LeastSquares(), players, turns, ema=0.9, clip=0.5, compute=CPU)
    return engine.fit(ArrayStream(data, 8, seed=3), steps=12)


def semi_supervised(rank: int, steps: int = 8, directory: Path | None = None) -> Engine:
    """Train with everything that differs between ranks: first weights, noise, batch statistics."""
    torch.default_generator.manual_seed(100 + rank)
    game = KPlusOne(mlp_generator((5,), 4, (6, 6)), mlp_discriminator((5,), 3, (8, 6)), Uniform(4))
    players = {"discriminator": adam(1e-2), "generator": adam(1e-2)}
    engine = Engine(game, players, seed=2, ema=0.9, compute=CPU)
    if directory:
        engine.resume(directory)
    torch.default_generator.manual_seed(5)
    x, u = torch.rand(9, 5), torch.rand(13, 5)
    return engine.fit(SemiStream(SemiBatch, x, torch.arange(9) % 3, u, 6, 4), steps)


class Unlucky(LeastSquares):
    """Not finite on rank 1 alone, at step 2."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.rank, self.calls = rank, 0

    def generator_loss(self, batch: Pair) -> Loss:
        self.calls += 1
        loss, terms = super().generator_loss(batch)
        return (loss * torch.inf if self.rank == 1 and self.calls == 3 else loss), terms


class UnluckyTerm(LeastSquares):
    """A term that is logged alone is NaN, on rank 1 alone, at step 2: no gradient tells the others."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.rank, self.calls = rank, 0

    def generator_loss(self, batch: Pair) -> Loss:
        self.calls += 1
        loss, _ = super().generator_loss(batch)
        return loss, {"told": loss.detach() * (torch.nan if self.rank == 1 and self.calls == 3 else 1)}


def unlucky(rank: int, directory: Path | None, kind: Callable[[int], LeastSquares] = Unlucky) -> str:
    """Train until it fails, and return how."""
    data = Pair(torch.randn(8, 4), torch.randn(8, 3))
    players = {"discriminator": adam(1e-2), "generator": adam(1e-2)}
    try:
        saving = [] if directory is None else [SaveEvery(1, directory)]
        Engine(kind(rank), players, compute=CPU).fit(ArrayStream(data, 8), 5, saving)
    except NonFiniteLossError as error:
        return str(error)
    return "trained on"


def odd_batch() -> str:
    """Ask for a batch that two ranks cannot share."""
    engine = Engine(LeastSquares(), {"discriminator": adam(), "generator": adam()}, compute=CPU)
    try:
        engine.fit(ArrayStream(Pair(torch.randn(8, 4), torch.randn(8, 3)), 5), 1)
    except ValueError as error:
        return str(error)
    return "trained on"


def main(directory: Path) -> None:
    """Play, and leave what each rank ended with."""
    torch.set_num_threads(1)
    first = least_squares(("discriminator", "generator"))
    rank = first.ranks.rank
    ends = {
        "alternating": first,
        "simultaneous": least_squares(simultaneous("discriminator", "generator")),
        "whole": semi_supervised(rank),
    }
    path = semi_supervised(rank, steps=3).save(directory / "stopped")
    assert (path is not None) == first.ranks.is_main
    ends["resumed"] = semi_supervised(rank, directory=directory / "stopped")
    for name, engine in ends.items():
        tensors, _ = capture(engine)
        save_file({key: value.clone() for key, value in tensors.items()}, directory / f"{name}-{rank}.safetensors")
    (directory / f"ranks-{rank}.txt").write_text(f"{first.ranks.count}")
    (directory / f"odd-{rank}.txt").write_text(odd_batch())
    (directory / f"unlucky-{rank}.txt").write_text(unlucky(rank, directory / "unlucky"))
    (directory / f"term-{rank}.txt").write_text(unlucky(rank, None, UnluckyTerm))


def note_threads(directory: Path) -> None:
    """Note which threads are left at the very end (on Linux)."""
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    (directory / f"threads-{os.environ['RANK']}.txt").write_text("".join(names))


if __name__ == "__main__":
    atexit.register(note_threads, Path(sys.argv[1]))  # before the engine's own, and so called after them
    main(Path(sys.argv[1]))
