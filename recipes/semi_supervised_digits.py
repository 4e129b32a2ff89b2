"""Read handwritten digits from a handful of labels, and compare with what scikit-learn alone gives.

    python recipes/semi_supervised_digits.py

Takes under a minute on two cores, with scikit-learn's embedded digits.  `--labels 1 2 5 10` makes the whole table.
Leaves in --out a picture of generated digits, one of the learning curve, and result.json; --resume skips what a killed
run has finished and goes on within the fit it was killed in.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from gan_ext import SemiSupervisedGANClassifier
from gan_ext.data import semi_supervised_split
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import (
    Experiment,
    Progress,
    Seeds,
    Spread,
    at_least,
    launch,
    named,
    print_table,
    read_npz,
    spreads,
)

Array = NDArray[Any]
GAN = "semi-supervised GAN"


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/semi_supervised_digits")
    labels: tuple[int, ...] = (10,)
    """Labels per class, one row of the table each; `--labels 1 2 5 10` makes the whole table."""
    seeds: int = 5
    """Splits (and initial weights) of each row, with seeds seed, seed + 1, ...; all methods see the same splits."""
    steps: int = 600
    """Training steps of one fit."""
    unsupervised: float = 1.0
    """Weight of telling real digits from generated ones; 0 shows what is left without the game."""
    data: Path | None = None
    """An .npz file with arrays X (n, d) and y (n,) of your own; the embedded digits if not given."""
    test: int = 500
    """Rows held out for testing."""


METHODS: dict[str, Callable[[], BaseEstimator]] = {  # with settings that suit the task, tuned on seeds 100 to 109
    "LabelSpreading, rbf": lambda: LabelSpreading(kernel="rbf", gamma=16, max_iter=200),
    "LabelSpreading, knn": lambda: LabelSpreading(kernel="knn", n_neighbors=10, max_iter=200),
    "SelfTrainingClassifier(SVC)": lambda: SelfTrainingClassifier(SVC(C=10, probability=True, random_state=0)),
    "SVC, labeled rows only": lambda: SVC(C=10),
}


def load(config: Config) -> tuple[Array, Array]:
    """Return all data and labels."""
    if config.data is None:
        x, y = load_digits(return_X_y=True)
        return x / 16.0, y
    x, y = read_npz(config.data, ("X", "y"))
    return x, y


def measure(x: Array, y: Array, config: Config, labels: int, seed: int) -> dict[str, Any]:
    """Return the test accuracy in percent of every method on one split, with our losses and samples."""
    split = semi_supervised_split(y, labels * len(np.unique(y)), n_test=config.test, random_state=seed)
    x_train, y_train = split.training_data(x, y)
    shown = y_train != -1
    scores = {}
    for name, make in METHODS.items():
        rows = shown if name.startswith("SVC") else slice(None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about convergence and probabilities, of no interest here
            scores[name] = make().fit(x_train[rows], y_train[rows]).score(x[split.test], y[split.test])
    model = fit(x_train, y_train, config, labels, seed)
    scores[GAN] = model.score(x[split.test], y[split.test])
    return {
        "scores": {name: 100 * score for name, score in scores.items()},
        "history": model.history_, "real": x_train[:100], "generated": model.sample(100, random_state=0),
    }  # fmt: skip


def fit(x: Array, y: Array, config: Config, labels: int, seed: int) -> SemiSupervisedGANClassifier:
    """Fit ours, with a live bar and checkpoints."""
    with Progress(config.steps, f"{labels} labels per class, seed {seed}") as progress:
        return SemiSupervisedGANClassifier(
            max_iter=config.steps,
            unsupervised=config.unsupervised,
            device=config.device,
            checkpoint=config.fits / f"labels-{labels}-seed-{seed}",
            callbacks=(progress,),
            random_state=seed,
        ).fit(x, y)


def draw(history: list[dict[str, float]], samples: dict[str, Array], out: Path) -> None:
    """Draw the losses of both players, and real and generated digits where rows are images."""
    steps = [record["step"] for record in history]
    curves = {name: (steps, [record[f"{name}/loss"] for record in history]) for name in ("discriminator", "generator")}
    draw_curves(out / "curve.png", curves, "step", "loss", logarithmic=True)
    side = round(samples["real"].shape[1] ** 0.5)
    if side * side == samples["real"].shape[1]:
        draw_images(out / "samples.png", {name: x.reshape(-1, side, side) for name, x in samples.items()})


def in_table(found: dict[str, Spread]) -> list[str]:
    """Return the cells of a row of the table, the best mean in bold."""
    best = max(found.values(), key=lambda each: each.mean).mean
    return [f"[bold]{each:.1f}[/]" if each.mean == best else f"{each:.1f}" for each in found.values()]


def main(config: Config) -> None:
    """Fill the table split by split, then print, draw and write it."""
    at_least(config, 1, "labels", "seeds", "steps", "test")
    x, y = load(config)
    run = Experiment("semi_supervised_digits", config, free=("labels",))
    cells = list(product(config.labels, config.each_seed()))
    rows = run.fill(cells, partial(measure, x, y, config))

    found = {labels: spreads([rows[labels, seed]["scores"] for seed in config.each_seed()]) for labels in config.labels}
    print_table(
        "Test accuracy in %, mean +- standard deviation over splits",
        ("labels per class", "splits", *METHODS, GAN),
        [(str(labels), str(config.seeds), *in_table(each)) for labels, each in found.items()],
        width=120,
    )
    draw(rows[cells[-1]]["history"], run.arrays(cells[-1]), config.out)
    figures = {f"{name}, {labels} per class": each for labels, row in found.items() for name, each in row.items()}
    run.finish(
        named(figures, ", mean", digits=3, alone=True),
        f"accuracy in % on {config.test} held-out rows; mean and standard deviation over {config.seeds} splits",
        len(cells) * config.steps,
        rows={f"{labels}/{seed}": row["scores"] for (labels, seed), row in rows.items()},
    )


if __name__ == "__main__":
    launch(main, Config)
