"""Read MNIST from 100 labels: the K+1-class semi-supervised GAN on real images.

    python recipes/semi_supervised_mnist.py --data FOLDER --out runs/mnist

FOLDER holds the four standard idx.gz files; without --data they are fetched through scikit-learn.  Leaves in --out a
picture of samples, one of the learning curve, and result.json; --resume goes on where a killed run stopped.

The game is the published one (Salimans et al., 2016) with changes that cut training from hours to minutes and the
error with it: convolutions without noise on the pixels, images bent at random, a teacher of averaged weights whose sure
classes are labels for them, virtual adversarial smoothing, and a term that keeps classes in balance.  `--published`
runs the published game.

`--splits 10 --jobs 2` runs ten splits, two at a time, each in a process with one thread.
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from sklearn.utils.parallel import Parallel, delayed
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.data import ImageData, RandomAffine, SemiStream, fetch_mnist, read_mnist, semi_supervised_split
from gan_ext.engine import Every, SaveEvery, adam, ensure_writable, flat_then_linear
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.nets import compact_discriminator, data_dependent_init, mlp_discriminator, mlp_generator
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Progress, plain_errors, write_result
from gan_ext.terms import ClassBalance, ConditionalEntropy, MeanTeacher, VirtualAdversarial

SHAPE = (1, 28, 28)


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """Folder with the four idx.gz files; fetched through scikit-learn if not given."""
    out: Path = Path("runs/semi_supervised_mnist")
    """Where pictures, checkpoints and result.json go."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Decides the labeled images, the initial weights and the noise of the first split."""
    splits: int = 1
    """How many splits to run, with seeds seed, seed + 1, ..."""
    jobs: int = 1
    """How many splits to run at a time; more than one gives each a process with one thread."""
    labels: int = 100
    """Labeled images over all ten classes."""
    steps: int = 6000
    """Steps of 100 unlabeled images; 600 are an epoch."""
    labeled_batch: int = 32
    """Labeled images in a step."""
    samples: int = 50
    """Generated images in a step."""
    published: bool = False
    """Play the published game: perceptrons, no augmentation, no teacher, 100 images of each kind in a step."""
    channels: int = 16
    """Channels of the discriminator's first convolution."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""
    learning_rate: float = 3e-3
    """Of both players; flat for the first half, then falling to 0."""
    clip: float = 1.0
    """Largest norm of the discriminator's gradient; 0 for none.  Without it one split in four blew up, once the
    discriminator had won the game."""
    averaging: float = 0.999
    """Decay of the averaged weights that are tested."""
    teacher: float = 1.0
    """Weight of following the teacher's sure classes (not in the published game)."""
    smoothing: float = 1.0
    """Weight of virtual adversarial smoothing (not in the published game)."""
    radius: float = 2.0
    """Its radius, in units of pixels in [0, 1]."""
    entropy: float = 0.0
    """Weight of the class's entropy on unlabeled images (not in the published game)."""
    balance: float = 1.0
    """Weight of the balance of classes on unlabeled images (not in the published game)."""
    unsupervised: float = 1.0
    """Weight of the real-or-generated term; 0 shows what is left without the GAN."""
    validation: int = 0
    """Training images kept apart; if not 0, they take the place of the test images in every figure (for choosing
    settings without a look at test data)."""
    measure_every: int = 600
    """Steps between measurements (for the curve only: nothing is chosen by them), each followed by a checkpoint."""
    resume: bool = False
    """Go on from the checkpoints in --out."""


def build_game(config: Config, images: Tensor) -> KPlusOne:
    """Make the networks and initialize them on real images."""
    torch.manual_seed(config.seed)
    generator, prior = mlp_generator(SHAPE, latent_dim=100), Uniform(100)
    if config.published:
        game = KPlusOne(generator, mlp_discriminator(SHAPE, classes=10), prior)
    else:
        game = KPlusOne(
            generator,
            compact_discriminator(SHAPE, classes=10, channels=config.channels),
            prior,
            unsupervised_weight=config.unsupervised,
            augment=RandomAffine(),
            terms=[
                MeanTeacher(RandomAffine(), config.teacher, decay=0.999, threshold=0.95),
                VirtualAdversarial(config.radius, config.smoothing),
                ConditionalEntropy(config.entropy),
                ClassBalance([0.1] * 10, config.balance),
            ],
            samples=config.samples,
        )
    data_dependent_init(game.discriminator, images[torch.randperm(len(images))[:500]])
    return game


@torch.no_grad()
def error_rate(game: KPlusOne, x: Tensor, y: Tensor) -> float:
    """Return the share of wrongly classified images, in percent."""
    predicted = torch.cat([game.discriminator(part)[0].argmax(1) for part in x.split(2000)])
    return 100 * float((predicted != y).float().mean())


def run_split(config: Config, data: ImageData) -> dict[str, float]:
    """Train on the split of `config.seed` and test the averaged weights of the last step."""
    seed = config.seed
    out = ensure_writable(config.out / f"split-{seed}")
    split = semi_supervised_split(data.y_train, config.labels, n_validation=config.validation, random_state=seed)
    x = torch.tensor(data.x_train).float().div(255)[:, None]
    y = torch.tensor(data.y_train)
    x_test, y_test = torch.tensor(data.x_test).float().div(255)[:, None], torch.tensor(data.y_test)
    if config.validation:
        x_test, y_test = x[split.validation], y[split.validation]
    known = torch.from_numpy(split.labeled)
    pool = torch.from_numpy(np.union1d(split.labeled, split.unlabeled))  # labeled images count as real ones too

    rate = flat_then_linear(config.learning_rate, config.steps)
    optimizer = adam(config.learning_rate, betas=(0.5, 0.999), eps=1e-4)
    engine = Engine(
        build_game(config, x[pool]),
        {"discriminator": optimizer, "generator": optimizer},
        seed=seed,
        ema=config.averaging,
        clip={"discriminator": config.clip} if config.clip else None,
        schedules={"discriminator.lr": rate, "generator.lr": rate},
        compute=Compute(config.device, config.precision),
    )
    if config.resume and engine.resume(out):
        print(f"Resuming split {seed} at step {engine.step}.")
    x_test, y_test = x_test.to(engine.device), y_test.to(engine.device)
    spent = engine.history[-1]["seconds"] if engine.history else 0.0
    start, progress = time.monotonic(), Progress(config.steps, f"split {seed}")

    def measure(engine: Engine) -> None:
        assert isinstance(engine.averaged, KPlusOne)
        error = error_rate(engine.averaged, x_test, y_test)
        engine.record(error=error, seconds=spent + time.monotonic() - start, **engine.meters.read())
        progress.note = f"error {error:.2f} %"

    with progress:
        labeled = 100 if config.published else config.labeled_batch
        stream = SemiStream(SemiBatch, x[known], y[known], x[pool], batch_size=100, labeled_batch=labeled, seed=seed)
        # The error is recorded before the checkpoint is written, so that a resumed run keeps the whole curve.
        every = config.measure_every
        engine.fit(stream, config.steps, [Every(every, measure), progress, SaveEvery(every, out)])
    draw(engine, out)
    last = engine.history[-1]
    metrics = {"test_error_percent": last["error"]}
    part = "validation images" if config.validation else "test images"
    write_result(
        out, "semi_supervised_mnist", asdict(config), metrics,
        f"error on {len(x_test)} {part}, averaged weights of the last step",
        last["seconds"], engine.step / last["seconds"], engine.device, history=engine.history,
    )  # fmt: skip
    return {**metrics, "seconds": last["seconds"]}


def run_alone(config: Config, data: ImageData) -> dict[str, float]:
    """Run a split in a process that others run beside: one thread."""
    torch.set_num_threads(1)
    return run_split(config, data)


def draw(engine: Engine, out: Path) -> None:
    """Draw generated images and the learning curve."""
    game = engine.averaged
    assert isinstance(game, KPlusOne)
    with torch.no_grad():
        samples = game.generator(game.prior.sample(100)).cpu().numpy()
    draw_images(out / "samples.png", {"generated digits": samples})
    seconds = [record["seconds"] / 60 for record in engine.history]
    errors = [record["error"] for record in engine.history]
    draw_curves(out / "curve.png", {"averaged weights": (seconds, errors)}, "minutes", "error (%)",
                {"published, 300 epochs: 0.93 %": 0.93}, logarithmic=True)  # fmt: skip


def main(config: Config) -> None:
    """Run all splits and write their mean and spread."""
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    data = fetch_mnist() if config.data is None else read_mnist(config.data)
    seeds = range(config.seed, config.seed + config.splits)
    each = [replace(config, seed=seed) for seed in seeds]
    if config.jobs > 1:
        rows = Parallel(n_jobs=config.jobs)(delayed(run_alone)(one, data) for one in each)
    else:
        rows = [run_split(one, data) for one in each]
    errors = [row["test_error_percent"] for row in rows]
    seconds = sum(row["seconds"] for row in rows)
    spread = float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0
    metrics = {"test_error_percent_mean": float(np.mean(errors)), "test_error_percent_std": spread}
    write_result(
        config.out, "semi_supervised_mnist", asdict(config), metrics,
        f"mean and standard deviation over {len(errors)} splits of the error with averaged weights of the last step",
        seconds, config.steps * len(rows) / seconds, config.device,
        rows=[{"seed": seed, **row} for seed, row in zip(seeds, rows)],
    )  # fmt: skip
    for seed, row in zip(seeds, rows):
        print(f"split {seed}: {row['test_error_percent']:.2f} % error after {row['seconds'] / 60:.1f} minutes")
    print(f"mean {metrics['test_error_percent_mean']:.2f} %, standard deviation {spread:.2f} %; see {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
