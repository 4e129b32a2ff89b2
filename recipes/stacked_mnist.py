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

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.data import DataError, ImageData, StackedStream, read_mnist, stacked_labels
from gan_ext.engine import (
    Every,
    OptimizerFactory,
    SaveEvery,
    adam,
    ensure_writable,
    flat_then_linear,
    resolve_device,
    write_tensors,
)
from gan_ext.games import R3GAN, Adversarial, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.metrics import LabelScores, label_scores
from gan_ext.nets import plain_conv_discriminator, plain_conv_generator
from gan_ext.pictures import draw_images
from gan_ext.runs import Progress, plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.toys import DigitReader, digit_reader

Arm = Literal["r3gan", "standard", "packed"]
MODES = 1000
LATENT = 64


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files of MNIST."""
    out: Path = Path("runs/stacked_mnist")
    """Where pictures, checkpoints and result.json go."""
    arms: tuple[Arm, ...] = ("r3gan", "standard", "packed")
    """Which games are played."""
    seeds: int = 1
    """Fits of each arm, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """The first seed."""
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
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    save_every: int = 1000
    """Steps between checkpoints."""
    full: bool = False
    """On a GPU: batches of 512, four times the channels, 100 000 steps."""
    resume: bool = False
    """Go on where a killed run stopped."""


def nets(config: Config, seed: int, packing: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return a generator and a discriminator, the same ones for the same seed."""
    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(seed, 7))
        generator = plain_conv_generator((3, 28, 28), LATENT, 2 * config.channels)
        discriminator = plain_conv_discriminator((3, 28, 28), config.channels, packing=packing)
    return generator.to(memory_format=torch.channels_last), discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def play(config: Config, arm: Arm, seed: int) -> Engine:
    """Return the engine of one arm before its first step."""
    packing = 2 if arm == "packed" else 1
    generator, discriminator = nets(config, seed, packing)
    game: Adversarial
    if arm == "r3gan":
        game = R3GAN(generator, discriminator, Gaussian(LATENT), config.gamma)
        rate, betas = config.learning_rate, (0.0, 0.99)
    else:
        game = Adversarial(generator, discriminator, Gaussian(LATENT), packing=packing)
        rate, betas = config.baseline_rate, (0.5, 0.999)
    players: dict[str, OptimizerFactory] = {name: adam(rate, betas) for name in ("discriminator", "generator")}
    return Engine(
        game, players, seed=seed, ema=config.ema,
        schedules={f"{name}.lr": flat_then_linear(rate, config.steps) for name in players},
        compute=Compute(config.device, config.precision),
    )  # fmt: skip


class Meter:
    """Names the modes of generated images with a classifier of digits, as training goes on."""

    def __init__(self, config: Config, reader: DigitReader) -> None:
        self.config, self.device = config, resolve_device(config.device)
        self.reader = reader.to(self.device)
        self.note: Progress | None = None
        self.start = time.monotonic()

    def __call__(self, engine: Engine) -> None:
        """Record modes and divergence of the averaged generator."""
        found = self.scores(engine)
        engine.record(modes=found.modes, kl=found.kl, seconds=time.monotonic() - self.start)
        if self.note is not None:
            self.note.note = f"{found.modes} modes, KL {found.kl:.3f}"

    def scores(self, engine: Engine) -> LabelScores:
        """Return the scores of as many samples of the averaged generator as the settings say."""
        modes = [self.modes(part) for part in drawn(engine, self.config.samples)]
        return label_scores(torch.cat(modes), MODES)

    def modes(self, images: Tensor) -> Tensor:
        """Return the modes of images [n, 3, h, w] in [-1, 1]."""
        return stacked_labels(self.reader.read((images + 1) / 2)).cpu()


@torch.no_grad()
def drawn(engine: Engine, n: int, seed: int = 1) -> list[Tensor]:
    """Return n samples of the averaged generator in parts, without touching the run's random numbers."""
    game = engine.averaged
    assert isinstance(game, Adversarial)
    with kept_generators(engine.device), engine.compute.autocast(engine.device):
        reseed(engine.device, mix(seed, 11))
        noise = torch.randn(n, LATENT, device=engine.device)
        return [game.generator(part).float() for part in noise.split(1000)]


def fit(config: Config, arm: Arm, seed: int, data: ImageData, reader: DigitReader) -> dict[str, Any]:
    """Play one arm, with a live bar and checkpoints; return its scores and their course."""
    folder = config.out / "fits" / f"{arm}-seed-{seed}"
    images = torch.from_numpy(np.concatenate([data.x_train, data.x_test]))
    stream = StackedStream(RealBatch, images, config.batch_size, seed=seed, values=(-1.0, 1.0))
    engine, meter = play(config, arm, seed), Meter(config, reader)
    if config.resume:
        engine.resume(folder)
    if engine.history:
        meter.start -= engine.history[-1]["seconds"]
    with Progress(config.steps, f"{arm}, seed {seed}") as progress:
        meter.note = progress
        engine.fit(
            stream, config.steps, [Every(config.measure_every, meter), SaveEvery(config.save_every, folder), progress]
        )
    weights = engine.averaged.state_dict()
    write_tensors(config.out / f"generator-{arm}-{seed}.safetensors", weights, {"arm": arm, "steps": config.steps})
    np.save(config.out / f"samples-{arm}-{seed}.npy", images_of(engine))
    course, last = engine.history, engine.history[-1]
    whole = next((entry for entry in course if entry["modes"] == MODES), None)
    return {
        "modes": last["modes"],
        "kl": last["kl"],
        "seconds": last["seconds"],
        "steps to 1000 modes": whole["step"] if whole else None,
        "seconds to 1000 modes": whole["seconds"] if whole else None,
        "course": course,
    }


def images_of(engine: Engine) -> NDArray[np.float32]:
    """Return 50 samples as images [n, 3, h, w] in [0, 1]."""
    (images,) = drawn(engine, 50, seed=2)
    shown: NDArray[np.float32] = ((images + 1) / 2).clamp(0, 1).cpu().numpy()
    return shown


def reader_of(config: Config, data: ImageData) -> tuple[DigitReader, float]:
    """Train the classifier of digits, or take the one a killed run has trained; return it with its accuracy."""
    path = config.out / "reader.safetensors"
    if not path.exists():
        images, labels = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
        digit_reader(images, labels, epochs=config.reader_epochs, device=config.device).save(path)
    reader = DigitReader.load(path)
    right = reader.read(torch.from_numpy(data.x_test)) == torch.from_numpy(data.y_test)
    return reader, 100 * float(right.float().mean())


def real_scores(config: Config, data: ImageData, reader: DigitReader) -> LabelScores:
    """Return what real stacked images score at the same number: the floor."""
    images = torch.from_numpy(np.concatenate([data.x_train, data.x_test]))
    stream = StackedStream(RealBatch, images, 1000, n=None, seed=config.seed + 1000, values=(-1.0, 1.0))
    meter, parts = Meter(config, reader), range(max(1, config.samples // 1000))
    return label_scores(torch.cat([meter.modes(stream[part].x.to(meter.device)) for part in parts]), MODES)


def finished(config: Config) -> dict[str, Any]:
    """Return what a killed run with the same settings has finished."""
    free = {"out", "arms", "seeds", "seed", "device", "threads", "save_every", "resume"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    path, rows = config.out / "settings.json", config.out / "rows"
    if config.resume and path.exists():
        kept = json.loads(path.read_text())
        if kept != settings:
            raise DataError(f"{path} is of a run with {kept}; use another --out or leave out --resume.")
    else:
        for folder in (rows, config.out / "fits"):
            shutil.rmtree(folder, ignore_errors=True)
        (config.out / "reader.safetensors").unlink(missing_ok=True)
        write_json(path, settings)
    ensure_writable(rows)
    return {file.stem: json.loads(file.read_text()) for file in sorted(rows.glob("*.json"))}


def draw_course(path: Path, rows: dict[str, Any], floor: float) -> None:
    """Draw modes and divergence over steps, a line for each fit."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    arms = sorted({name.rsplit("-", 1)[0] for name in rows})
    for name, row in rows.items():
        arm, seed = name.rsplit("-", 1)
        steps = [entry["step"] for entry in row["course"]]
        style: dict[str, Any] = {"color": f"C{arms.index(arm)}", "label": f"{arm}, seed {seed}"}
        left.plot(steps, [entry["modes"] for entry in row["course"]], **style)
        right.plot(steps, [entry["kl"] for entry in row["course"]], **style)
    left.axhline(MODES, color="black", linestyle=":", linewidth=1)
    right.axhline(floor, color="black", linestyle=":", linewidth=1, label="real images")
    right.set_yscale("log")
    for axis, title in ((left, "modes found, of 1000"), (right, "divergence from the even histogram, nats")):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("steps")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def table(rows: dict[str, Any], real: LabelScores) -> Table:
    """Lay the scores out."""
    shown = Table(title=f"Stacked MNIST, {real.n} samples")
    for heading in ("", "modes", "KL", "steps to 1000", "seconds"):
        shown.add_column(heading, justify="right" if heading else "left")
    shown.add_row("real images", str(real.modes), f"{real.kl:.4f}", "", "")
    for name, row in rows.items():
        whole = row["steps to 1000 modes"]
        cells = (str(round(row["modes"])), f"{row['kl']:.4f}", str(whole or "-"), f"{row['seconds']:.0f}")
        shown.add_row(name, *cells)
    return shown


def main(config: Config) -> None:
    """Play every arm, then print, draw and write."""
    if config.full:
        config.batch_size, config.channels, config.steps = 512, 4 * config.channels, 100_000
    if config.steps < 1 or config.batch_size % 2:
        raise DataError(f"--steps {config.steps} must be at least 1 and --batch-size {config.batch_size} even.")
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    data = read_mnist(config.data)
    rows = finished(config)
    reader, accuracy = reader_of(config, data)
    real = real_scores(config, data, reader)
    print(f"The classifier names {accuracy:.2f} % of MNIST's test images right.")
    for seed in range(config.seed, config.seed + config.seeds):
        for arm in config.arms:
            name = f"{arm}-{seed}"
            if name not in rows:
                rows[name] = fit(config, arm, seed, data, reader)
                write_json(config.out / "rows" / f"{name}.json", rows[name])
    Console(width=100).print(table(rows, real))
    draw_images(config.out / "samples.png", {name: np.load(config.out / f"samples-{name}.npy") for name in rows})
    draw_course(config.out / "modes.png", rows, real.kl)
    metrics = {"classifier, accuracy": round(accuracy, 3), "real, modes": real.modes, "real, kl": round(real.kl, 5)}
    for title in sorted({name.rsplit("-", 1)[0] for name in rows}):
        of_arm = [row for name, row in rows.items() if name.rsplit("-", 1)[0] == title]
        for score in ("modes", "kl"):
            values = [row[score] for row in of_arm]
            metrics[f"{title}, {score}"] = round(float(np.mean(values)), 5)
            if len(values) > 1:
                metrics[f"{title}, {score}, std"] = round(float(np.std(values, ddof=1)), 5)
    seconds = sum(row["seconds"] for row in rows.values())
    write_result(
        config.out, "stacked_mnist", asdict(config), metrics,
        f"{config.samples} samples of the averaged generator of the last step, named by a classifier of digits; the "
        "128 000 stacked images are made of training and test digits, as published",
        seconds, len(rows) * config.steps / max(seconds, 1e-9), config.device, rows=rows, floor=real._asdict(),
    )  # fmt: skip
    print(f"Pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
