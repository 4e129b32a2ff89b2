"""One generator, any condition: the five plug and play variants and two modern baselines, on Fashion-MNIST.

    python recipes/plug_and_play_fashion.py --data FOLDER --out runs/plug_and_play_fashion

FOLDER holds the four idx.gz files of Fashion-MNIST.  A classifier with a code inside is trained, and a generator that
inverts it; chains in the space of codes then look for images of a wanted class, 1000 at once.  Every arm is asked for
100 images of each class and judged by another classifier, trained on its own:

* hit rate, and coverage, density and diversity within classes, beside what as many real images score;
* mixing: autocorrelation time of codes, and how often a chain changes its prototype;
* cost: network passes, and processor time, for one image that hits.

Leaves in --out a picture of all arms, a film of chains, live.png which changes as chains run, the weights, and
result.json.  --resume skips what a killed run has finished.  The default takes about 20 minutes on one core; --full is
for a GPU.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from gan_ext.data import DataError, read_mnist
from gan_ext.engine import Engine, ensure_writable, write_tensors
from gan_ext.estimators import PlugAndPlayBenchmark, PlugAndPlayRun
from gan_ext.runs import plain_errors, write_result


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files."""
    out: Path = Path("runs/plug_and_play_fashion")
    """Where pictures, weights and result.json go."""
    arms: tuple[str, ...] = ()
    """Which arms are measured, by their names in the table; all by default."""
    chains: int = 100
    """Chains for each class; all classes run at once."""
    steps: int = 200
    """Steps of each chain."""
    chain_seeds: int = 3
    """Runs of the chains of each arm, with seeds 0, 1, ..."""
    training_steps: int = 2500
    """Steps of each generator's game."""
    classifier_steps: int = 1500
    """Steps of each classifier."""
    denoiser_steps: int = 4000
    """Steps of each denoiser."""
    channels: int = 32
    """Of the first convolutions."""
    validation: bool = False
    """Judge on 5000 training images that are left out of training, as for choosing settings, not on test images."""
    seed: int = 0
    """Of all trainings."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of training, and of chains without a Metropolis test."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    full: bool = False
    """On a GPU: four times the channels and ten times the training steps."""
    resume: bool = False
    """Go on where a killed run stopped."""


class Note:
    """Says how far a training is, a line for each tenth."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def __call__(self, engine: Engine) -> None:
        """Print where a training is, ten times."""
        if engine.step % max(1, engine.last_step // 10) == 0 and engine.step < engine.last_step:
            done = f"step {engine.step} of {engine.last_step}"
            print(f"{time.monotonic() - self.start:6.0f} s  {type(engine.game).__name__}: {done}", flush=True)


def images(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images [n, 1, h, w] in [0, 1]."""
    scaled: NDArray[np.float32] = (pixels[:, None] / 255).astype(np.float32)
    return scaled


def main(config: Config) -> None:
    """Train, run all arms, then print, draw and write."""
    check(config)
    data = read_mnist(config.data)
    real, reference = (images(data.x_train), data.y_train), (images(data.x_test), data.y_test)
    if config.validation:
        cut = len(real[0]) - min(5000, len(real[0]) // 5)
        real, reference = (real[0][:cut], real[1][:cut]), (real[0][cut:], real[1][cut:])
    free = {"out", "arms", "device", "resume"}
    run = PlugAndPlayRun(
        config.out, {name: value for name, value in asdict(config).items() if name not in free}, config.resume
    )
    start = time.monotonic()
    benchmark = PlugAndPlayBenchmark(
        max_iter=config.training_steps, classifier_iter=config.classifier_steps, denoiser_iter=config.denoiser_steps,
        channels=config.channels, device=config.device, precision=config.precision,
        checkpoint=config.out / "checkpoints", random_state=config.seed, callbacks=[Note()],
    ).fit(*real)  # fmt: skip
    training = time.monotonic() - start
    write_tensors(config.out / "generator.safetensors", benchmark.inverter.game_.state_dict(), {"seed": config.seed})
    judged = 100 * float((benchmark.judge.predict(reference[0]) == reference[1]).mean())
    print(f"Trained in {training:.0f} s; the independent classifier names {judged:.2f} % of real images right.")
    run.measure(
        benchmark, reference, real, chains=config.chains, steps=config.steps, seeds=config.chain_seeds,
        arms=config.arms,
    )  # fmt: skip
    heading, *rows = run.table()
    shown = Table(*heading, title=f"Fashion-MNIST: {config.chains} chains for each class, {config.steps} steps")
    for row in rows:
        shown.add_row(*row)
    Console(width=130).print(shown)
    run.draw(len(benchmark.classes))
    seconds = time.monotonic() - start
    write_result(
        config.out, "plug_and_play_fashion", asdict(config), {"judge, accuracy": round(judged, 3), **run.metrics()},
        f"{config.chains} chains for each class, {config.steps} steps, judged by an independent classifier against "
        f"{'held-out training' if config.validation else 'test'} images; deviations are over seeds of the chains",
        seconds, len(run.rows()) * config.steps / seconds, config.device, rows=run.rows(), training_seconds=training,
    )  # fmt: skip
    print(f"Pictures, chains.gif and result.json are in {config.out}")


def check(config: Config) -> None:
    """Refuse settings that make no sense, before any work."""
    if config.full:
        config.channels, config.training_steps = 4 * config.channels, 10 * config.training_steps
    if min(config.steps, config.chain_seeds, config.training_steps) < 1 or config.chains < 2:
        raise DataError("--chains must be at least 2; --steps, --chain-seeds and --training-steps at least 1.")
    unknown = sorted(set(config.arms) - set(PlugAndPlayBenchmark.names))
    if unknown:
        raise DataError(f"--arms has {', '.join(unknown)}; there are {'; '.join(PlugAndPlayBenchmark.names)}.")
    ensure_writable(config.out)


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
