"""Recognize CIFAR-10's pictures from 4000 labels.

    python recipes/semi_supervised_cifar10.py --data FOLDER --out runs/cifar10
    python recipes/semi_supervised_cifar10.py --data FOLDER --out runs/cifar10-full --full --minutes 9 --resume

FOLDER holds the binary version of CIFAR-10 (data_batch_1.bin ...).  The first is a reduced run that shows on two cores
that the game learns: a small net of the same kind, few steps.  The second is meant for a GPU: a net in which papers
compare, Triple-GAN with a mean teacher whose sure classes are labels for strongly transformed images, 100 000 steps.
`--minutes` ends a call in time, with a checkpoint; the same command goes on, until it says that it is done.  Leaves in
--out pictures of generated images and of the learning curve, and result.json.

The test images are classified by the averaged weights of the last step; the curve chooses nothing.  **The full run has
not been made: it waits for a GPU.**  See docs/results.md for what has been measured.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.data import SemiStream, SplitTensors, few_labels, read_cifar10, weak_and_strong
from gan_ext.engine import StopAfter, adam, cosine, linear
from gan_ext.games import KPlusOne, SemiBatch, TripleGAN
from gan_ext.latents import Gaussian
from gan_ext.metrics import error_rate
from gan_ext.nets import benchmark_classifier, data_dependent_init, projection_pair, salimans_generator
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Experiment, Options, at_least, fit_recorded, launch
from gan_ext.terms import ClassBalance, MeanTeacher

SHAPE, CLASSES, LATENT = (3, 32, 32), 10, 128
STATED = {"published, Triple-GAN-V2, ResNet-26: 6.54 %": 6.54}


@dataclass(kw_only=True)
class Config(Options):
    """Settings of the recipe."""

    data: Path
    """Folder with CIFAR-10 in its binary version."""
    out: Path = Path("runs/semi_supervised_cifar10")
    device: str = "auto"
    threads: int = 0
    full: bool = False
    """The run for a GPU: game, net, steps, sizes and averaging are those of FULL, whatever else is given."""
    minutes: float = 0.0
    """End this call after so many minutes, to go on with --resume; 0 runs to the end."""
    game: Literal["kplusone", "triple"] = "kplusone"
    """One discriminator that is the classifier, or a classifier beside generator and discriminator."""
    net: Literal["cnn13", "wide_resnet"] = "cnn13"
    """Of the classifier; cnn13 is weight-normalized in the first game and batch-normalized in the second."""
    width: int = 16
    """Channels of the first layers of cnn13 (128 as published), or how much wider than 16 wide_resnet is (2)."""
    labels: int = 4000
    """Labeled images over all ten classes."""
    steps: int = 3000
    """Training steps."""
    batch: int = 50
    """Unlabeled images in a step."""
    labeled_batch: int = 32
    """Labeled images in a step."""
    samples: int = 25
    """Generated images in a step."""
    learning_rate: float = 2e-3
    """Of the classifier; falls along a cosine.  Generator and discriminator have 2e-4 in the three-player game."""
    averaging: float = 0.995
    """Decay of the averaged weights that are tested."""
    augmentation: Literal["none", "weak", "strong"] = "strong"
    """Of images: none (with whitened pixels, as in tables "without augmentation"), mirrored and moved, or also strongly
    transformed where the teacher is followed."""
    unsupervised: float = 1.0
    """Weight of telling real from generated images in the two-player game; 0 shows what is left without the GAN."""
    validation: int = 0
    """Training images kept apart, for choosing settings; if not 0, they take the place of the test images."""
    measure_every: int = 300
    """Steps between measurements (for the curve only), each followed by a checkpoint."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""


FULL: dict[str, Any] = {
    "game": "triple", "net": "wide_resnet", "width": 2, "steps": 100_000, "batch": 256, "labeled_batch": 64,
    "samples": 64, "averaging": 0.999, "measure_every": 2000,
}  # fmt: skip


def build(config: Config, images: Tensor) -> Engine:
    """Make the networks, weight-normalized ones initialized on real images, and what moves them."""
    torch.manual_seed(config.seed)
    two, prior, (weak, strong) = config.game == "kplusone", Gaussian(LATENT), weak_and_strong(config.augmentation)
    teacher = MeanTeacher(strong, decay=config.averaging, threshold=0.95, weak=weak)
    balance = ClassBalance([1 / CLASSES] * CLASSES)
    shared: dict[str, Any] = {"augment": weak, "terms": [teacher, balance], "samples": config.samples}
    # In the two-player game generated images are judged beside real ones, so no statistics of a batch.
    classifier = benchmark_classifier(config.net, SHAPE, CLASSES, config.width, apart=two)
    last = nn.Identity() if config.augmentation == "none" else nn.Tanh()
    fast, slow = adam(betas=(0.9, 0.99), eps=1e-6), adam(2e-4, betas=(0.0, 0.99))
    fall, start = cosine(config.learning_rate, config.learning_rate / 50, config.steps), config.steps // 4
    game: KPlusOne | TripleGAN
    if two:
        widths = (4 * config.width, 2 * config.width, config.width) if config.net == "cnn13" else (512, 256, 128)
        generator = salimans_generator(SHAPE, LATENT, widths, output=last)
        game = KPlusOne(generator, classifier, prior, unsupervised_weight=config.unsupervised, **shared)
        data_dependent_init(generator, prior.sample(200))
        optimizers = {"discriminator": fast, "generator": fast}
        schedules = {"discriminator.lr": fall, "generator.lr": fall}
    else:
        maker, judge = projection_pair(SHAPE, LATENT, CLASSES, 512 if config.full else 64, output=last)
        game = TripleGAN(classifier, maker, judge, prior, CLASSES, **shared)
        optimizers = {"classifier": fast, "generator": slow, "discriminator": slow}
        # Generated images and scores of guesses teach the classifier only when both have become sensible.
        weights = {"adversarial": 0.03, "generated": 0.1, "pseudo": 1.0}
        schedules = {name: linear(0, weight, start, wait=start) for name, weight in weights.items()}
        schedules["classifier.lr"] = fall
    data_dependent_init(classifier, images[torch.randperm(len(images))[:200]])
    compute = Compute(config.device, config.precision)
    return Engine(game, optimizers, seed=config.seed, ema=config.averaging, schedules=schedules, compute=compute)


def train(config: Config, images: SplitTensors, clock: StopAfter) -> dict[str, Any]:
    """Train until the end or until the clock says so; return the errors on the way, and images made at the end."""
    engine = build(config, images.pool)
    game = engine.averaged
    assert isinstance(game, KPlusOne | TripleGAN)
    net = game.discriminator if isinstance(game, KPlusOne) else game.classifier
    history = fit_recorded(
        engine, SemiStream(SemiBatch, *images[:3], config.batch, config.labeled_batch, config.seed), config.steps,
        lambda engine: {"error": 100 * error_rate(net, *images[3:], batch_size=500, device=engine.device)},
        folder=config.fits, every=config.measure_every, label=config.game, note="error {error:.2f} %",
        callbacks=[clock],
    )  # fmt: skip
    z = game.prior.sample(100)
    y = torch.arange(100, device=z.device) % CLASSES
    made = (game.generator(z) if isinstance(game, KPlusOne) else game.generator(z, y)).detach().float()
    return {"history": history, "samples": (made.clip(-1, 1) + 1) / 2}


def main(config: Config) -> None:
    """Train until the end or until the time of this call is over, and test the averaged weights."""
    clock = StopAfter(60 * config.minutes or None)
    config = replace(config, **FULL) if config.full else config
    at_least(config, 1, "steps", "measure_every")
    images = few_labels(
        read_cifar10(config.data), config.labels, n_validation=config.validation, low=-1,
        whiten=config.augmentation == "none", random_state=config.seed,
    )  # fmt: skip
    run = Experiment("semi_supervised_cifar10", config, free=("minutes",))
    if "fit" not in run or run.rows(["fit"])["fit"]["history"][-1]["step"] < config.steps:
        run.keep("fit", train(config, images, clock))

    history = run.rows(["fit"])["fit"]["history"]
    draw_images(config.out / "samples.png", {"generated images": run.arrays("fit")["samples"]})
    steps, errors = ([record[name] for record in history] for name in ("step", "error"))
    draw_curves(config.out / "curve.png", {"averaged weights": (steps, errors)}, "step", "error (%)", STATED)
    step, error, seconds = steps[-1], errors[-1], history[-1]["seconds"]
    part = "validation" if config.validation else "test"
    run.finish(
        {"test_error_percent": error, "done": float(step >= config.steps)},
        f"error on {len(images.truth)} {part} images, averaged weights of step {step} of {config.steps}",
        step, seconds, said="", history=history,
    )  # fmt: skip
    print(f"step {step} of {config.steps}: {error:.2f} % error after {seconds / 60:.1f} minutes")
    print(f"Done; see {config.out}." if step >= config.steps else "Not done: the same command with --resume goes on.")


if __name__ == "__main__":
    launch(main, Config)
