"""Train with a checkpoint after every step until somebody kills it: ``python killable.py DIRECTORY STEPS``."""

import sys
from pathlib import Path

import torch
from torch import nn

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import SaveEvery, adam, alternating
from gan_ext.games import RealBatch, Standard
from gan_ext.latents import Gaussian
from gan_ext.nets import GaussianNoise, Linear, WeightNormLinear


def train(directory: Path, steps: int) -> Path:
    """Resume if there is something to resume, train, and return the last checkpoint."""
    torch.set_num_threads(1)
    torch.default_generator.manual_seed(7)
    generator = nn.Sequential(Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), Linear(8, 4))
    discriminator = nn.Sequential(
        GaussianNoise(0.3), WeightNormLinear(4, 8), nn.ReLU(), WeightNormLinear(8, 1, train_gain=True), nn.Flatten(0)
    )
    x = torch.randn(23, 4)
    game = Standard(generator, discriminator, Gaussian(3), r1=0.1)
    engine = Engine(
        game,
        {"discriminator": adam(1e-2), "generator": adam(1e-3)},
        alternating({"discriminator": 2, "generator": 1}),
        ema=0.9,
        compute=Compute("cpu"),
    )
    engine.resume(directory)
    engine.fit(ArrayStream(RealBatch(x), 5), steps, [diary, SaveEvery(1, directory)])
    assert engine.last_checkpoint
    return engine.last_checkpoint


def diary(engine: Engine) -> None:
    """Note the losses of the step."""
    engine.record(**engine.meters.read())


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]))
