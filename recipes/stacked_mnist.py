"""A thousand modes: which GAN finds them all, and how evenly?

    python recipes/stacked_mnist.py --data FOLDER --out runs/stacked

FOLDER holds the four idx.gz files of MNIST.  Every image is three random digits as its colors, so that there are 1000
kinds, equally likely.  A small classifier, trained here, names the digits of 26 000 generated images; the figures are
the kinds that occur and the divergence of their histogram from the even one, beside what as many real images score.
The arms have the same nets, batches and steps:

* r3gan: each generated image against a real one, gradients of the discriminator penalized at both;
* standard: the non-saturating loss and nothing else, the baseline that loses modes;
* packed: the same, but the discriminator sees two images at once (PacGAN).

Leaves in --out pictures of samples and of modes over time, the averaged generators, and result.json; --resume skips
what a killed run has finished and goes on within the fit it was killed in.  The default is sized for two CPU cores
(about 20 minutes a fit on one of them), --full for a GPU.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gan_ext import Compute, Engine, runs
from gan_ext.data import StackedStream, read_mnist
from gan_ext.engine import flat_then_linear, resolve_device, write_tensors
from gan_ext.games import R3GAN, Adversarial, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.metrics import label_scores
from gan_ext.nets import plain_conv_discriminator, plain_conv_generator
from gan_ext.pictures import draw_images, panels, plot_courses
from gan_ext.seeds import mix, seeded
from gan_ext.toys import DigitReader, digit_reader

Arm = Literal["r3gan", "standard", "packed"]
MODES, LATENT = 1000, 64


@dataclass(kw_only=True)
class Config(runs.Seeds):
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files of MNIST."""
    out: Path = Path("runs/stacked_mnist")
    device: str = "auto"
    threads: int = 0
    arms: tuple[Arm, ...] = ("r3gan", "standard", "packed")
    """Which games are played."""
    steps: int = 20_000
    """Training steps of one fit."""
    batch_size: int = 64
    """Images in a step."""
    channels: int = 32
    """Of the discriminator's first layer; the generator has twice as many in its first."""
    gamma: float = 1.0
    """Weight of r3gan's penalties."""
    learning_rate: float = 4e-4
    """Of both players of r3gan; flat for the first half, then falling to 0."""
    baseline_rate: float = 2e-4
    """The same for the other arms, whose published rate this is."""
    ema: float = 0.999
    """Decay of the averaged weights, which are measured."""
    samples: int = 26_000
    """Generated images that are measured; the divergence depends on their number."""
    measure_every: int = 1000
    """Steps between measurements."""
    reader_epochs: float = 5.0
    """Passes over MNIST of the classifier that names digits."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks in training."""
    save_every: int = 1000
    """Steps between checkpoints."""
    full: bool = False
    """On a GPU: batches of 512, four times the channels, 100 000 steps."""


def play(config: Config, arm: Arm, seed: int) -> Engine:
    """Return the engine of one arm before its first step; nets depend on the seed alone."""
    packing = 2 if arm == "packed" else 1
    with seeded(mix(seed, 7)):
        generator = plain_conv_generator((3, 28, 28), LATENT, 2 * config.channels)
        discriminator = plain_conv_discriminator((3, 28, 28), config.channels, packing=packing)
    networks, paired = (generator, discriminator, Gaussian(LATENT)), arm == "r3gan"
    game = R3GAN(*networks, config.gamma) if paired else Adversarial(*networks, packing=packing)
    game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rate = flat_then_linear(config.learning_rate if paired else config.baseline_rate, config.steps)
    return runs.adam_engine(
        game, rate, (0.0, 0.99) if paired else (0.5, 0.999), seed=seed, ema=config.ema,
        compute=Compute(config.device, config.precision),
    )  # fmt: skip


def scores(reader: DigitReader, images: Tensor) -> dict[str, Any]:
    """Return modes and divergence of images [n, 3, h, w] in [-1, 1]."""
    return label_scores(reader.modes((images + 1) / 2), MODES)._asdict()


def fit(config: Config, images: Tensor, reader: DigitReader, arm: Arm, seed: int) -> dict[str, Any]:
    """Play one arm, with a live bar and checkpoints; return its scores, their course and some samples."""
    engine, label = play(config, arm, seed), f"{arm}-{seed}"
    stream = StackedStream(RealBatch, images, config.batch_size, seed=seed, values=(-1.0, 1.0))
    found = runs.fit_recorded(
        engine, stream, config.steps, lambda engine: scores(reader, runs.averaged_samples(engine, config.samples)),
        folder=config.fits / label, every=config.measure_every, save_every=config.save_every, label=label,
        note="{modes} modes, KL {kl:.3f}",
    )  # fmt: skip
    whole = next((record for record in found if record["modes"] == MODES), {})
    row = {name: found[-1][name] for name in ("modes", "kl", "seconds")}
    row |= {"steps to 1000 modes": whole.get("step"), "seconds to 1000 modes": whole.get("seconds")}
    return {**row, "course": found, "samples": ((runs.averaged_samples(engine, 50, seed=2) + 1) / 2).clamp(0, 1)}


def draw(config: Config, run: runs.Experiment, rows: dict[tuple[Arm, int], dict[str, Any]], floor: float) -> None:
    """Draw samples of each fit, and modes and divergence over steps; write the averaged generators."""
    pictures = {f"{arm}-{seed}": run.arrays((arm, seed))["samples"] for arm, seed in rows}
    draw_images(config.out / "samples.png", pictures)
    with panels(config.out / "modes.png", columns=2, size=(4.5, 3.4)) as (left, right):
        plot_courses(left, runs.courses(rows, "modes"), {"all": MODES})
        plot_courses(right, runs.courses(rows, "kl"), {"real images": floor})
        left.set(title="modes found, of 1000", xlabel="steps")
        right.set(title="divergence from the even histogram, nats", xlabel="steps", yscale="log")
        right.legend(fontsize=8)
    for arm, seed in rows:
        engine = play(config, arm, seed)
        engine.resume(config.fits / f"{arm}-{seed}")  # at its last step
        path = config.out / f"generator-{arm}-{seed}.safetensors"
        write_tensors(path, engine.averaged.state_dict(), {"arm": arm, "steps": config.steps})


def main(config: Config) -> None:
    """Play every arm, then print, draw and write."""
    if config.full:
        config.batch_size, config.channels, config.steps = 512, 4 * config.channels, 100_000
    runs.at_least(config, 1, "seeds", "steps", "batch_size", "samples", "measure_every", "save_every")
    if config.batch_size % 2:
        raise ValueError(f"--batch-size {config.batch_size} must be even: packed images come in pairs.")
    x, y, x_test, y_test = map(torch.from_numpy, read_mnist(config.data))
    run = runs.Experiment("stacked_mnist", config, free=("arms", "save_every"))
    path, images = config.fits / "reader.safetensors", torch.cat([x, x_test])
    reader = digit_reader(x, y, epochs=config.reader_epochs, device=config.device, path=path)
    reader.to(resolve_device(config.device))
    real = StackedStream(RealBatch, images, config.samples, None, config.seed + 1000, values=(-1.0, 1.0))
    cell, right = ("real", config.seed), 100 * reader.accuracy(x_test, y_test)
    floor = run.fill([cell], lambda *_: scores(reader, real[0].x))[cell]
    print(f"The classifier names {right:.2f} % of MNIST's test images right.")
    cells = [(arm, seed) for seed in config.each_seed() for arm in config.arms]
    rows = run.fill(cells, partial(fit, config, images, reader))

    table: list[tuple[str, ...]] = [("real images", str(floor["modes"]), f"{floor['kl']:.4f}")]
    formats = {"modes": ".0f", "kl": ".4f", "steps to 1000 modes": ".0f", "seconds": ".0f"}
    table += [(f"{arm}-{seed}", *runs.table_cells(row, formats)) for (arm, seed), row in rows.items()]
    runs.print_table(f"Stacked MNIST, {floor['n']} samples", ("", "modes", "KL", "steps to 1000", "seconds"), table)
    draw(config, run, rows, floor["kl"])
    metrics = {"classifier, accuracy": right, "real, modes": floor["modes"], "real, kl": floor["kl"]}
    metrics |= runs.named({arm: runs.spreads(each, ("modes", "kl")) for arm, each in runs.over_seeds(rows).items()})
    run.finish(
        {name: round(value, 5) for name, value in metrics.items()},
        f"{config.samples} samples of the averaged generator of the last step, named by a classifier of digits; the "
        "128 000 stacked images are made of training and test digits, as published",
        len(rows) * config.steps, sum(row["seconds"] for row in rows.values()), floor=floor,
        rows={f"{arm}-{seed}": row for (arm, seed), row in rows.items()},
    )  # fmt: skip


if __name__ == "__main__":
    runs.launch(main, Config)
