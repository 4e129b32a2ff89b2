"""A reader of codes that is trained afterwards, on samples of its own: what a code tells to someone else than its Q."""

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, Every, adam, flat_then_linear
from gan_ext.estimators.base.assembly import are_images
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import conv_trunk, mlp_trunk
from gan_ext.seeds import seeded

__all__ = ["CodeReader", "ReadingBatch", "train_reader"]

_ROWS = 1024  # samples read at a time
_WAIT = 8  # looks without a gain before training stops
_LOOK = 50  # steps between looks


class ReadingBatch(NamedTuple):
    """Samples `x` [B, ...], and the class of every code in them, `classes` [B, U] (int64)."""

    x: Tensor
    classes: Tensor


class CodeReader(nn.Module):
    """A small net from samples to log-probabilities of the classes of U codes.

    Args:
        yardstick: real samples [m, ...], m >= 2, which set the scale: each feature of a table is divided by its
            deviation, images by one for all pixels.  What is tiny beside it stays tiny.
        shares: prior probabilities of the classes, for each code.
    """

    def __init__(self, yardstick: Tensor, shares: Sequence[Sequence[float]]) -> None:
        super().__init__()
        shape, images = tuple(yardstick.shape[1:]), are_images(yardstick.shape[1:])
        deviation = yardstick.std() if images else yardstick.std(0)
        self.register_buffer("shift", yardstick.mean(0))
        self.register_buffer("scale", torch.where(deviation > 0, deviation, 1.0))
        self.shift: Tensor
        self.scale: Tensor
        features = 128 if images else 256
        self.trunk = conv_trunk(shape, 16, features) if images else mlp_trunk(shape, (features, features))
        self.sizes = [len(each) for each in shares]
        self.head = nn.Linear(features, sum(self.sizes))
        self.register_buffer("log_prior", torch.tensor([p for each in shares for p in each]).clamp_min(1e-12).log())
        self.register_buffer("trust", torch.ones(len(self.sizes)))
        self.log_prior: Tensor
        self.trust: Tensor

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the log-probabilities [B, k] of each code's classes."""
        log_odds = self.head(self.trunk(self.standardize(x))).split(self.sizes, dim=1)
        parts = zip(log_odds, self.log_prior.split(self.sizes), self.trust, strict=True)
        return [(trust * part + prior).log_softmax(1) for part, prior, trust in parts]

    @torch.no_grad()
    def calibrate(self, batch: ReadingBatch) -> None:
        r"""Set how far each code's odds are trusted, :math:`q \propto \pi e^{t o}`, to the likeliest t in [0, 1].

        With :math:`t = 0` nothing is read, and the bound is 0: what training made of chance is taken back.

        Args:
            batch: samples that training has not seen, nor the bound will.
        """
        odds = self.head(torch.cat([self.trunk(self.standardize(block)) for block in batch.x.split(_ROWS)]))
        parts = zip(odds.split(self.sizes, dim=1), self.log_prior.split(self.sizes), batch.classes.T, strict=True)
        grid = torch.linspace(0, 1, 21, device=odds.device)
        for number, (part, prior, true) in enumerate(parts):
            losses = torch.stack([nn.functional.cross_entropy(t * part + prior, true) for t in grid])
            self.trust[number] = grid[losses.argmin()]

    def standardize(self, x: Tensor) -> Tensor:
        """Return samples in units of the real data's deviation."""
        return (x - self.shift) / self.scale

    def log_likelihood(self, batch: ReadingBatch) -> Tensor:
        """Return the log-likelihood [B] of all codes of a batch in nats."""
        read = zip(self(batch.x), batch.classes.unbind(1), strict=True)
        return torch.stack([part.gather(1, true[:, None])[:, 0] for part, true in read]).sum(0)

    @torch.no_grad()
    def read(self, x: Tensor) -> list[Tensor]:
        """Return what :meth:`forward` does for many samples, in blocks and in double precision."""
        blocks = [self(block) for block in x.split(_ROWS)]
        return [torch.cat(parts).double() for parts in zip(*blocks, strict=True)]

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """Return the trunk's features [n, F], each sample's scaled by the square root of F."""
        blocks = [self.trunk(self.standardize(block)) for block in x.split(_ROWS)]
        return torch.cat(blocks) / math.sqrt(self.head.in_features)


def train_reader(
    training: ReadingBatch,
    stopping: ReadingBatch,
    shares: Sequence[Sequence[float]],
    yardstick: Tensor,
    *,
    steps: int = 1500,
    seed: int = 0,
    device: str = "cpu",
) -> CodeReader:
    """Train a reader by maximum likelihood, and keep its weights where they were best on samples set apart.

    Args:
        training: generated samples and their codes.
        stopping: others, which decide when to stop; a bound needs a third part.
        shares: prior probabilities of the classes, for each code.
        yardstick: real samples; see :class:`CodeReader`.
        steps: most steps, of 100 samples each.
        seed: of initial weights and order.
        device: where to train; the reader comes back on the CPU.
    """
    with seeded(seed):
        reader = CodeReader(yardstick, shares)
    engine = Engine(
        MaximumLikelihood(reader, reader.log_likelihood),
        {"model": adam(2e-3, betas=(0.9, 0.999))},
        seed=seed,
        ema=0.98,
        schedules={"model.lr": flat_then_linear(2e-3, steps)},
        compute=Compute(device),
    )
    best = _Best(stopping)
    engine.fit(ArrayStream(training, 100, seed), steps, [Every(_LOOK, best)])
    reader = best.reader.cpu()
    reader.calibrate(stopping)
    return reader


class _Best:
    """A callback that keeps the averaged reader where samples set apart were most likely, and stops after that."""

    def __init__(self, stopping: ReadingBatch) -> None:
        self.stopping, self.score, self.since = stopping, -math.inf, 0

    def __call__(self, engine: Engine) -> None:
        game = engine.averaged
        assert isinstance(game, MaximumLikelihood)
        assert isinstance(game.model, CodeReader)
        placed = ReadingBatch(*(part.to(engine.device) for part in self.stopping))
        with torch.no_grad():
            blocks = zip(placed.x.split(_ROWS), placed.classes.split(_ROWS), strict=True)
            score = float(torch.cat([game.model.log_likelihood(ReadingBatch(*block)) for block in blocks]).mean())
        self.since += 1
        if score > self.score:
            self.score, self.since, self.reader = score, 0, copy.deepcopy(game.model)
        if self.since >= _WAIT:
            engine.stop()
