"""Draw clothes of a wanted kind: five ways of telling a GAN the class, side by side at an equal budget.

    python recipes/conditional_fashion.py --data FOLDER --out runs/fashion

FOLDER holds the four idx.gz files of Fashion-MNIST, or of any set of that form.  All arms have networks of the same
size, the same steps and the same batches; only `concatenation` has a generator without conditional normalization, and
the discriminators differ in how they look at the class.  A small classifier, trained here on the real training images,
judges: does it see the wanted class (hit rate), how much of each class's variety is there (density and coverage), how
far are its features from real ones (Frechet distance)?  And how well does a classifier trained on generated images
alone read real test images?  Leaves in --out pictures of samples and scores, and result.json; --resume skips what a
killed run has finished and goes on within the fit it was killed in.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_ext import ConditionalGAN, estimators
from gan_ext.data import UnitImages, read_mnist, unit_images
from gan_ext.estimators import ClassConditioning, ClassifierFeatures, ClassJudge
from gan_ext.explorer import write_explorer
from gan_ext.latents import Categorical, Product
from gan_ext.metrics import ClassConditionalScores
from gan_ext.pictures import draw_bars, draw_images
from gan_ext.runs import Experiment, Progress, Seeds, at_least, compared, launch, named, print_table, spreads

Array = NDArray[Any]
Arm = Literal["concatenation", "normalization", "projection", "ac-gan", "adc-gan"]
Fitted = Callable[[Arm, int], ConditionalGAN]
ARMS: dict[Arm, ClassConditioning] = {
    "concatenation": estimators.Concatenation(),
    "normalization": estimators.ConditionalNormalization(),
    "projection": estimators.Projection(),
    "ac-gan": estimators.AuxiliaryClassifier(),
    "adc-gan": estimators.DiscriminativeClassifier(),
}
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
REAL = "real images"
SCORES = {
    "hit rate": "the classifier sees the wanted class, in %",
    "coverage": "real images with a generated one near, within classes",
    "density": "generated images near real ones, within classes; 1 for real",
    "frechet": "Frechet distance of the classifier's features",
    "gan-train": "accuracy on real images of a classifier trained on generated ones, in %",
}


@dataclass(kw_only=True)
class Config(Seeds):
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files."""
    out: Path = Path("runs/conditional_fashion")
    arms: tuple[Arm, ...] = tuple(ARMS)
    """Ways of telling the class."""
    steps: int = 5000
    """Training steps of one fit."""
    batch_size: int = 64
    """Images in a step."""
    channels: int = 64
    """Channels of the generator's first layer; the discriminator has half as many in its first."""
    learning_rate: float = 1e-3
    """Of both players; flat for the first half, then falling to 0."""
    mode_seeking: float = 0.0
    """Weight of the term against samples that differ less than their noise."""
    r1: float = 0.0
    """Weight of the penalty on the discriminator's gradients."""
    spectral: bool = True
    """Whether the discriminator is spectrally normalized."""
    classifier_steps: int = 3000
    """Training steps of every classifier, of 100 images each."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks in training."""
    device: str = "auto"
    threads: int = 0
    save_every: int = 500
    """Steps between checkpoints."""
    validation: int = 0
    """Training images kept apart, to choose settings by; if not 0, figures are of them instead of the test images."""


def classifier(config: Config, x: Array, y: Array, seed: int, name: str) -> ClassifierFeatures:
    """Train a classifier, with a live bar and checkpoints."""
    with Progress(config.classifier_steps, f"classifier of {name}") as progress:
        return ClassifierFeatures(
            features=128, max_iter=config.classifier_steps, device=config.device, precision=config.precision,
            checkpoint=config.fits / f"classifier of {name}", callbacks=(progress,), random_state=seed,
        ).fit(x, y)  # fmt: skip


def fit(config: Config, data: UnitImages, arm: Arm, seed: int) -> ConditionalGAN:
    """Fit one arm, with a live bar and checkpoints."""
    with Progress(config.steps, f"{arm}, seed {seed}") as progress:
        return ConditionalGAN(
            ARMS[arm], max_iter=config.steps, batch_size=config.batch_size, channels=config.channels,
            learning_rate=config.learning_rate, mode_seeking=config.mode_seeking, r1=config.r1,
            spectral=config.spectral, precision=config.precision, device=config.device,
            checkpoint=config.fits / f"{arm}-seed-{seed}", checkpoint_every=config.save_every, callbacks=(progress,),
            random_state=seed,
        ).fit(data.x, data.y)  # fmt: skip


def scored(found: ClassConditionalScores, taught: float) -> dict[str, float]:
    """Return what the judge found, and how well a classifier reads that was taught by the same images."""
    return {
        "hit rate": 100 * found.hit_rate, "coverage": found.coverage, "density": found.density,
        "frechet": found.frechet, "gan-train": 100 * taught,
    }  # fmt: skip


def measure(config: Config, data: UnitImages, judge: ClassJudge, fitted: Fitted, arm: Arm, seed: int) -> dict[str, Any]:
    """Fit one arm, and return its scores, the seconds of the fit and ten samples of each class."""
    start = time.monotonic()
    model = fitted(arm, seed)
    seconds = time.monotonic() - start
    made = model.sample(y=data.y_test, random_state=1).astype(np.float32)
    lesson = model.sample(y=data.y, random_state=2).astype(np.float32)  # as many as real ones, of the same classes
    shown = model.sample(y=np.repeat(model.classes_, 10), random_state=0)[:, 0].astype(np.float32)
    taught = judge.accuracy(classifier(config, lesson, data.y, 2, f"images by {arm}, seed {seed}"))
    return {**scored(judge.scores(made, data.y_test), taught), "seconds": seconds, "samples": shown}


def measure_real(config: Config, data: UnitImages, judge: ClassJudge, _: str) -> dict[str, float]:
    """Return the scores of real training images, as many of each class as are held out: what can be reached."""
    taught = judge.accuracy(classifier(config, data.x, data.y, 2, "real images, again"))
    return {**scored(judge.reachable(data.x, data.y, random_state=0), taught), "seconds": 0.0}


def main(config: Config) -> None:
    """Fill the table arm by arm, then print, draw and write it."""
    at_least(config, 1, "seeds", "steps", "batch_size", "classifier_steps", "save_every")
    data, part = unit_images(read_mnist(config.data), config.validation), "validation" if config.validation else "test"
    run = Experiment("conditional_fashion", config, free=("arms", "save_every"))
    judge = ClassJudge(classifier(config, data.x, data.y, 1, REAL), data.x_test, data.y_test)
    read, fitted = 100 * judge.accuracy(), cache(partial(fit, config, data))
    print(f"The classifier reads {read:.2f} % of the real {part} images right.")
    real = run.fill([REAL], partial(measure_real, config, data, judge))
    cells = [(arm, seed) for seed, arm in product(config.each_seed(), config.arms)]
    rows = run.fill(cells, partial(measure, config, data, judge, fitted))

    formats = dict.fromkeys((*SCORES, "seconds"), ".3g")
    found = {REAL: spreads(real.values(), formats)}
    found |= {arm: spreads((rows[arm, seed] for seed in config.each_seed()), formats) for arm in config.arms}
    title = "Class-conditional generation, mean (+- standard deviation) over seeds"
    print_table(title, ("", *formats), compared(found, formats, ("frechet",), (REAL, "seconds")), width=120)
    draw_images(config.out / "samples.png", {arm: run.arrays((arm, config.seed))["samples"] for arm in config.arms})
    draw_bars(config.out / "scores.png", found, tuple(SCORES), lower=("frechet",), apart=(REAL,))
    for arm, seed in cells:
        model = fitted(arm, seed)  # after a kill from its last checkpoint
        write_explorer(
            config.out / f"classes-{arm}-{seed}.html", model.game_.generator,
            Product(clothing=Categorical(len(model.classes_))), model.game_.prior, model.sample_shape_,
            title=f"Fashion-MNIST by class: {arm}", text="Choose a class, and draw new noise.",
            labels={"clothing": [CLOTHES[k] for k in model.classes_]},
        )  # fmt: skip
    figures = named({f"{arm}, {name}": scores[name] for arm, scores in found.items() for name in SCORES}, digits=4)
    run.finish(
        {"classifier, accuracy on real images": round(read, 3)} | figures,
        f"{len(data.y_test)} generated images of the classes of as many {part} images, averaged weights of the last "
        "step; features and hit rate of a classifier trained on real images; mean over seeds",
        len(rows) * config.steps, sum(row["seconds"] for row in rows.values()),
        rows={**real, **{f"{arm}/{seed}": row for (arm, seed), row in rows.items()}}, scores=SCORES,
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
