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

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from gan_ext import Compute, Engine, Game
from gan_ext.data import (
    ImageData,
    RandomFlip,
    RandomShift,
    SemiStream,
    ZCAWhitening,
    read_cifar10,
    semi_supervised_split,
    strong_augmentation,
)
from gan_ext.engine import Every, SaveEvery, adam, cosine, ensure_writable, linear
from gan_ext.games import KPlusOne, SemiBatch, TripleGAN
from gan_ext.latents import Gaussian
from gan_ext.nets import (
    Classifier,
    ProjectionDiscriminator,
    cnn13,
    conv_conditional_generator,
    data_dependent_init,
    salimans_generator,
    strided_net,
    wide_resnet,
)
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Progress, plain_errors, write_result
from gan_ext.terms import ClassBalance, MeanTeacher

SHAPE, CLASSES, LATENT = (3, 32, 32), 10, 128
STATED = {"published, Triple-GAN-V2, ResNet-26: 6.54 %": 6.54}


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path
    """Folder with CIFAR-10 in its binary version."""
    out: Path = Path("runs/semi_supervised_cifar10")
    """Where pictures, checkpoints and result.json go."""
    full: bool = False
    """The run for a GPU; takes the place of --game, --net, --width, --steps, --batch, --labeled-batch, --samples,
    --averaging and --measure-every."""
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
    seed: int = 0
    """Decides the labeled images, the initial weights and the noise."""
    validation: int = 0
    """Training images kept apart; if not 0, they take the place of the test images in every figure (for choosing
    settings without a look at test data)."""
    measure_every: int = 300
    """Steps between measurements (for the curve only), each followed by a checkpoint."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    resume: bool = False
    """Go on from the checkpoints in --out."""


def as_full(config: Config) -> Config:
    """Return the settings of the run for a GPU."""
    return replace(
        config, game="triple", net="wide_resnet", width=2, steps=100_000, batch=256, labeled_batch=64, samples=64,
        averaging=0.999, measure_every=2000,
    )  # fmt: skip


class Images:
    """CIFAR-10 as tensors: pixels in [-1, 1], or whitened where nothing is augmented."""

    def __init__(self, config: Config) -> None:
        data: ImageData = read_cifar10(config.data)
        split = semi_supervised_split(
            data.y_train, config.labels, n_validation=config.validation, random_state=config.seed
        )
        self.known = torch.from_numpy(split.labeled)
        self.pool = torch.from_numpy(np.union1d(split.labeled, split.unlabeled))
        x, held_out = data.x_train.astype(np.float32) / 127.5 - 1, data.x_test.astype(np.float32) / 127.5 - 1
        if config.augmentation == "none":
            whitening = ZCAWhitening().fit(x[self.pool.numpy()])
            x, held_out = whitening.transform(x), whitening.transform(held_out)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(data.y_train)
        self.x_test, self.y_test = torch.from_numpy(held_out), torch.from_numpy(data.y_test)
        if config.validation:
            rows = torch.from_numpy(split.validation)
            self.x_test, self.y_test = self.x[rows], self.y[rows]


def augmentations(config: Config) -> tuple[nn.Module, nn.Module]:
    """Return the weak transformation of labeled images and of what the teacher sees, and that of what follows it."""
    if config.augmentation == "none":
        return nn.Identity(), nn.Identity()
    weak = nn.Sequential(RandomShift(4), RandomFlip())
    return weak, nn.Sequential(weak, strong_augmentation()) if config.augmentation == "strong" else weak


def build_classifier(config: Config) -> Classifier:
    """Build the net that classifies."""
    if config.net == "cnn13":
        return cnn13(SHAPE, CLASSES, "weight" if config.game == "kplusone" else "batch", width=config.width)
    # In the two-player game generated images are judged beside real ones, so no statistics of a batch.
    return wide_resnet(SHAPE, CLASSES, width=config.width, norm="group" if config.game == "kplusone" else "batch")


def build_game(config: Config, images: Tensor) -> KPlusOne | TripleGAN:
    """Make the networks, and initialize weight-normalized ones on real images."""
    torch.manual_seed(config.seed)
    weak, strong = augmentations(config)
    teacher = MeanTeacher(strong, decay=config.averaging, threshold=0.95, weak=weak)
    terms = [teacher, ClassBalance([1 / CLASSES] * CLASSES)]
    classifier, prior = build_classifier(config), Gaussian(LATENT)
    last = nn.Identity() if config.augmentation == "none" else nn.Tanh()
    game: KPlusOne | TripleGAN
    if config.game == "kplusone":
        widths = (4 * config.width, 2 * config.width, config.width) if config.net == "cnn13" else (512, 256, 128)
        generator = salimans_generator(SHAPE, LATENT, widths, output=last)
        game = KPlusOne(
            generator, classifier, prior, unsupervised_weight=config.unsupervised, augment=weak, terms=terms,
            samples=config.samples,
        )  # fmt: skip
        data_dependent_init(game.generator, prior.sample(200))
    else:
        channels = 512 if config.full else 64
        maker = conv_conditional_generator(SHAPE, LATENT, CLASSES, channels, output=last)
        trunk = strided_net(SHAPE, channels // 2, [channels // 8, channels // 4, channels // 2], spectral=True)
        judge = ProjectionDiscriminator(trunk, channels // 2, CLASSES, spectral=True)
        game = TripleGAN(classifier, maker, judge, prior, CLASSES, augment=weak, terms=terms, samples=config.samples)
    data_dependent_init(classifier, images[torch.randperm(len(images))[:200]])
    return game


def build_engine(config: Config, game: KPlusOne | TripleGAN) -> Engine:
    """Return the engine with the players' optimizers and schedules."""
    rate, small = adam(config.learning_rate, betas=(0.9, 0.99), eps=1e-6), adam(2e-4, betas=(0.0, 0.99))
    fall = cosine(config.learning_rate, config.learning_rate / 50, config.steps)
    start = config.steps // 4

    # Generated images and scores of guesses teach the classifier only when both have become sensible.
    def rise(value: float) -> Callable[[int], float]:
        return lambda step: linear(0, value, start)(max(0, step - start))

    schedules: dict[str, Callable[[int], float]]
    if isinstance(game, KPlusOne):
        optimizers = {"discriminator": rate, "generator": rate}
        schedules = {"discriminator.lr": fall, "generator.lr": fall}
    else:
        optimizers = {"classifier": rate, "generator": small, "discriminator": small}
        schedules = {"classifier.lr": fall, "adversarial": rise(0.03), "generated": rise(0.1), "pseudo": rise(1.0)}
    return Engine(
        game, optimizers, seed=config.seed, ema=config.averaging, schedules=schedules,
        compute=Compute(config.device, config.precision),
    )  # fmt: skip


def classifier_of(game: Game) -> nn.Module:
    """Return the net that classifies."""
    assert isinstance(game, (KPlusOne, TripleGAN))
    return game.discriminator if isinstance(game, KPlusOne) else game.classifier


@torch.no_grad()
def error_rate(engine: Engine, x: Tensor, y: Tensor) -> float:
    """Return the share of wrongly classified images, in percent."""
    net = classifier_of(engine.averaged)
    wrong = [net(part.to(engine.device))[0].argmax(1).cpu() != truth for part, truth in zip(x.split(500), y.split(500))]
    return 100 * float(torch.cat(wrong).float().mean())


def draw(engine: Engine, out: Path) -> None:
    """Draw generated images and the learning curve."""
    game: Any = engine.averaged
    with torch.no_grad():
        z = game.prior.sample(100)
        labels = torch.arange(100, device=z.device) % CLASSES
        made = game.generator(z) if isinstance(game, KPlusOne) else game.generator(z, labels)
    draw_images(out / "samples.png", {"generated images": (made.float().cpu().numpy().clip(-1, 1) + 1) / 2})
    steps, errors = ([record[name] for record in engine.history] for name in ("step", "error"))
    draw_curves(out / "curve.png", {"averaged weights": (steps, errors)}, "step", "error (%)", STATED)


def main(config: Config) -> None:
    """Train until the end or until the time of this call is over, and test the averaged weights."""
    began = time.monotonic()
    config = as_full(config) if config.full else config
    out = ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    images = Images(config)
    engine = build_engine(config, build_game(config, images.x[images.pool]))
    if config.resume and engine.resume(out):
        print(f"Resuming at step {engine.step}.")
    spent = engine.history[-1]["seconds"] if engine.history else 0.0
    start, progress = time.monotonic(), Progress(config.steps, config.game)

    def measure(engine: Engine) -> None:
        error = error_rate(engine, images.x_test, images.y_test)
        engine.record(error=error, seconds=spent + time.monotonic() - start, **engine.meters.read())
        progress.note = f"error {error:.2f} %"

    def watch_the_clock(engine: Engine) -> None:
        if config.minutes and time.monotonic() - began > 60 * config.minutes:
            engine.stop()

    stream = SemiStream(
        SemiBatch, images.x[images.known], images.y[images.known], images.x[images.pool], config.batch,
        config.labeled_batch, seed=config.seed,
    )  # fmt: skip
    with progress:
        every = config.measure_every
        engine.fit(stream, config.steps, [watch_the_clock, Every(every, measure), progress, SaveEvery(every, out)])
    draw(engine, out)
    last, done = engine.history[-1], engine.step >= config.steps
    part = "validation" if config.validation else "test"
    write_result(
        out, "semi_supervised_cifar10", asdict(config), {"test_error_percent": last["error"], "done": float(done)},
        f"error on {len(images.x_test)} {part} images, averaged weights of step {engine.step} of {config.steps}",
        last["seconds"], engine.step / last["seconds"], engine.device, history=engine.history,
    )  # fmt: skip
    print(f"step {engine.step} of {config.steps}: {last['error']:.2f} % error after {last['seconds'] / 60:.1f} minutes")
    print(f"Done; see {out}." if done else "Not done: the same command with --resume goes on.")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
