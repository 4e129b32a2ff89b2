"""Read handwritten digits from a handful of labels, and compare with what scikit-learn alone gives.

    python recipes/semi_supervised_digits.py

Takes under a minute on two cores, with scikit-learn's embedded digits.  `--labels 1 2 5 10` makes the whole table.
Leaves in --out a picture of generated digits, one of the learning curve, and result.json; --resume skips what a killed
run has finished and goes on within the fit it was killed in.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from gan_ext import SemiSupervisedGANClassifier
from gan_ext.data import DataError, semi_supervised_split
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Progress

Array = NDArray[Any]
GAN = "semi-supervised GAN"


@dataclass
class Config:
    """Settings of the recipe."""

    labels: tuple[int, ...] = (10,)
    """Labels per class, one row of the table each; `--labels 1 2 5 10` makes the whole table."""
    seeds: int = 5
    """Splits (and initial weights) of each row, with seeds seed, seed + 1, ...; all methods see the same splits."""
    seed: int = 0
    """The first seed."""
    steps: int = 1500
    """Training steps of one fit."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N; nets this small do not need a GPU."""
    data: Path | None = None
    """An .npz file with arrays X (n, d) and y (n,) of your own; the embedded digits if not given."""
    test: int = 500
    """Rows held out for testing."""
    out: Path = Path("runs/semi_supervised_digits")
    """Where pictures and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""


def methods() -> dict[str, Callable[[], BaseEstimator]]:
    """Return what scikit-learn offers for the same task."""
    return {
        "LabelSpreading, rbf": lambda: LabelSpreading(kernel="rbf", gamma=0.25, max_iter=100),
        "LabelSpreading, knn": lambda: LabelSpreading(kernel="knn", n_neighbors=7, max_iter=100),
        "SelfTrainingClassifier(SVC)": lambda: SelfTrainingClassifier(SVC(probability=True, random_state=0)),
        "SVC, labelled rows only": lambda: SVC(),
    }


def load(config: Config) -> tuple[Array, Array]:
    """Return all data and labels."""
    if config.data is None:
        x, y = load_digits(return_X_y=True)
        return x / 16.0, y
    try:
        with np.load(config.data) as file:
            return file["X"], file["y"]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"--data {config.data} must be an .npz file with arrays X and y ({error}).") from error


def accuracies(x: Array, y: Array, config: Config, labels: int, seed: int) -> dict[str, float]:
    """Return the test accuracy in percent of every method on one split."""
    split = semi_supervised_split(y, labels * len(np.unique(y)), n_test=config.test, random_state=seed)
    x_train, y_train = split.training_data(x, y)
    shown = y_train != -1
    scores = {}
    for name, make in methods().items():
        rows = shown if name.startswith("SVC") else slice(None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about convergence and probabilities, of no interest here
            scores[name] = make().fit(x_train[rows], y_train[rows]).score(x[split.test], y[split.test])
    scores[GAN] = fit_gan(x_train, y_train, config, labels, seed).score(x[split.test], y[split.test])
    return {name: 100 * score for name, score in scores.items()}


def fit_gan(x: Array, y: Array, config: Config, labels: int, seed: int) -> SemiSupervisedGANClassifier:
    """Fit ours, with a live bar and checkpoints; draw its samples and losses."""
    folder = config.out / f"labels-{labels}-seed-{seed}"
    with Progress(config.steps, f"{labels} labels per class, seed {seed}") as progress:
        model = SemiSupervisedGANClassifier(
            max_iter=config.steps,
            device=config.device,
            checkpoint=folder,
            callbacks=(progress,),
            random_state=seed,
        ).fit(x, y)
    draw(model, x, config.out)
    return model


def draw(model: SemiSupervisedGANClassifier, x: Array, out: Path) -> None:
    """Draw real and generated digits, and the losses of both players."""
    side = round(x.shape[1] ** 0.5)
    if side * side == x.shape[1]:
        shape = (-1, side, side)
        panels = {"real": x[:100].reshape(shape), "generated": model.sample(100, random_state=0).reshape(shape)}
        draw_images(out / "samples.png", panels)
    steps = [record["step"] for record in model.history_]
    curves = {
        name: (steps, [record[f"{name}/loss"] for record in model.history_]) for name in ("discriminator", "generator")
    }
    draw_curves(out / "curve.png", curves, "step", "loss", logarithmic=True)
