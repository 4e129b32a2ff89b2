"""Read MNIST from 100 labels: the K+1-class semi-supervised GAN on real images.

    python recipes/semi_supervised_mnist.py --data FOLDER --out runs/mnist

FOLDER holds the four standard idx.gz files; without --data they are fetched through scikit-learn.  Leaves in --out a
picture of samples, one of the learning curve, and result.json; --resume goes on where a killed run stopped.
`--splits 10 --jobs 2` runs ten splits, two at a time, each in a process with one thread.

The game is the published one (Salimans et al., 2016) with changes that cut training from hours to minutes and the
error with it: convolutions without noise on the pixels, images bent at random, a teacher of averaged weights whose sure
classes are labels for them, virtual adversarial smoothing, and classes in balance.  `--published` plays that one.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.data import ImageData, RandomAffine, SemiStream, fetch_mnist, few_labels, read_mnist
from gan_ext.engine import adam, ensure_writable, flat_then_linear
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.metrics import error_rate
from gan_ext.nets import compact_discriminator, data_dependent_init, mlp_discriminator, mlp_generator
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Experiment, Options, at_least, fit_recorded, launch, spread, write_result
from gan_ext.terms import ClassBalance, ConditionalEntropy, MeanTeacher, VirtualAdversarial

SHAPE = (1, 28, 28)
STATED = {"published, 300 epochs: 0.93 %": 0.93}


@dataclass
class Config(Options):
    """Settings of the recipe."""

    data: Path | None = None
    """Folder with the four idx.gz files; fetched through scikit-learn if not given."""
    out: Path = Path("runs/semi_supervised_mnist")
    device: str = "auto"
    splits: int = 1
    """How many splits to run, with seeds seed, seed + 1, ..., which decide the labeled images and the weights."""
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
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""
    learning_rate: float = 3e-3
    """Of both players; flat for the first half, then falling to 0."""
    clip: float = 1.0
    """Largest norm of the discriminator's gradient; 0 for none, with which one split in four blew up."""
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
    """Training images kept apart, for choosing settings; if not 0, they take the place of the test images."""
    measure_every: int = 600
    """Steps between measurements (for the curve only: nothing is chosen by them), each followed by a checkpoint."""


def build_game(config: Config, seed: int, images: Tensor) -> KPlusOne:
    """Make the networks and initialize them on real images."""
    torch.manual_seed(seed)
    generator, prior = mlp_generator(SHAPE, latent_dim=100), Uniform(100)
    if config.published:
        game = KPlusOne(generator, mlp_discriminator(SHAPE, classes=10), prior)
    else:
        terms = [
            MeanTeacher(RandomAffine(), config.teacher, decay=0.999, threshold=0.95),
            VirtualAdversarial(config.radius, config.smoothing),
            ConditionalEntropy(config.entropy),
            ClassBalance([0.1] * 10, config.balance),
        ]
        game = KPlusOne(
            generator, compact_discriminator(SHAPE, 10, config.channels), prior, augment=RandomAffine(), terms=terms,
            unsupervised_weight=config.unsupervised, samples=config.samples,
        )  # fmt: skip
    data_dependent_init(game.discriminator, images[torch.randperm(len(images))[:500]])
    return game


def run_split(config: Config, data: ImageData, seed: int) -> dict[str, Any]:
    """Train on the split of a seed, and test the averaged weights of the last step."""
    parts = few_labels(data, config.labels, n_validation=config.validation, random_state=seed)
    rate, optimizer = flat_then_linear(config.learning_rate, config.steps), adam(betas=(0.5, 0.999), eps=1e-4)
    engine = Engine(
        build_game(config, seed, parts.pool), {"discriminator": optimizer, "generator": optimizer},
        seed=seed, ema=config.averaging, clip={"discriminator": config.clip} if config.clip else None,
        schedules={"discriminator.lr": rate, "generator.lr": rate}, compute=Compute(config.device, config.precision),
    )  # fmt: skip
    game, labeled = engine.averaged, 100 if config.published else config.labeled_batch
    assert isinstance(game, KPlusOne)
    history = fit_recorded(
        engine, SemiStream(SemiBatch, *parts[:3], 100, labeled, seed), config.steps,
        lambda engine: {"error": 100 * error_rate(game.discriminator, *parts[3:], device=engine.device)},
        folder=config.fits / f"split-{seed}", every=config.measure_every, label=f"split {seed}",
        note="error {error:.2f} %", bar=config.jobs == 1,
    )  # fmt: skip
    samples = game.generator(game.prior.sample(100)).detach()
    last = {"test_error_percent": history[-1]["error"], "seconds": history[-1]["seconds"]}
    return {**last, "history": history, "samples": samples}


def report_split(config: Config, tested: int, row: dict[str, Any], samples: NDArray[Any]) -> None:
    """Draw generated images and the learning curve of a split, and write its figures."""
    out = ensure_writable(config.out / f"split-{config.seed}")
    draw_images(out / "samples.png", {"generated digits": samples})
    course = [record["seconds"] / 60 for record in row["history"]], [record["error"] for record in row["history"]]
    draw_curves(out / "curve.png", {"averaged weights": course}, "minutes", "error (%)", STATED, logarithmic=True)
    part, error, seconds = "validation" if config.validation else "test", row["test_error_percent"], row["seconds"]
    write_result(
        out, "semi_supervised_mnist", asdict(config), {"test_error_percent": error},
        f"error on {config.validation or tested} {part} images, averaged weights of the last step",
        seconds, config.steps / seconds, config.device, history=row["history"],
    )  # fmt: skip
    print(f"split {config.seed}: {error:.2f} % error after {seconds / 60:.1f} minutes")


def main(config: Config) -> None:
    """Run all splits and write their mean and spread."""
    at_least(config, 1, "splits", "jobs", "steps", "measure_every")
    data = fetch_mnist() if config.data is None else read_mnist(config.data)
    run = Experiment("semi_supervised_mnist", config, free=("splits",))
    seeds, label = range(config.seed, config.seed + config.splits), "splits" if config.jobs > 1 else ""
    rows = run.fill(seeds, partial(run_split, config, data), config.jobs, label)
    for seed, row in rows.items():
        report_split(replace(config, seed=seed), len(data.y_test), row, run.arrays(seed)["samples"])
    found = spread(row["test_error_percent"] for row in rows.values())
    run.finish(
        {"test_error_percent_mean": found.mean, "test_error_percent_std": found.std},
        f"mean and standard deviation over {len(found)} splits of the error with averaged weights of the last step",
        config.steps * len(found), sum(row["seconds"] for row in rows.values()),
        said=f"mean {found.mean:.2f} %, standard deviation {found.std:.2f} %; see {{out}}",
        rows=[{"seed": seed, **{name: row[name] for name in row if name != "history"}} for seed, row in rows.items()],
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
