"""Read handwritten digits from a handful of labels, and compare with what scikit-learn alone gives.

    python recipes/semi_supervised_digits.py

Takes under a minute on two cores, with scikit-learn's embedded digits.  `--labels 1 2 5 10` makes the whole table.
Leaves in --out a picture of generated digits, one of the learning curve, and result.json; --resume skips what a killed
run has finished and goes on within the fit it was killed in.
"""

import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from gan_ext import SemiSupervisedGANClassifier
from gan_ext.data import DataError, semi_supervised_split
from gan_ext.engine import ensure_writable
from gan_ext.pictures import draw_curves, draw_images
from gan_ext.runs import Progress, plain_errors, write_json, write_result

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
    steps: int = 600
    """Training steps of one fit."""
    unsupervised: float = 1.0
    """Weight of telling real digits from generated ones; 0 shows what is left without the game."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N; nets this small do not need a GPU."""
    threads: int = 1
    """Threads of torch; layers this small gain nothing from more, and lose much on a busy machine."""
    data: Path | None = None
    """An .npz file with arrays X (n, d) and y (n,) of your own; the embedded digits if not given."""
    test: int = 500
    """Rows held out for testing."""
    out: Path = Path("runs/semi_supervised_digits")
    """Where pictures and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""


def methods() -> dict[str, Callable[[], BaseEstimator]]:
    """Return what scikit-learn offers for the same task, with settings that suit it (tuned on seeds 100 to 109)."""
    return {
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
    folder = config.out / "fits" / f"labels-{labels}-seed-{seed}"
    with Progress(config.steps, f"{labels} labels per class, seed {seed}") as progress:
        model = SemiSupervisedGANClassifier(
            max_iter=config.steps,
            unsupervised=config.unsupervised,
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


def finished(config: Config) -> dict[str, Any]:
    """Return the splits that a killed run with the same settings has finished."""
    path = config.out / "finished.json"
    settings = {
        name: str(value)
        for name, value in asdict(config).items()
        if name in ("seed", "steps", "data", "test", "unsupervised")
    }
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    shutil.rmtree(config.out / "fits", ignore_errors=True)
    fresh: dict[str, Any] = {"settings": settings, "rows": {}}
    ensure_writable(config.out)
    write_json(path, fresh)  # at once, so that a run killed in its first fit can be resumed too
    return fresh


def table(rows: dict[int, list[dict[str, float]]]) -> Table:
    """Lay the accuracies out: a row for each number of labels, the best mean in bold."""
    shown = Table(title="Test accuracy in %, mean +- standard deviation over splits")
    names = [*methods(), GAN]
    for heading in ("labels per class", "splits", *names):
        shown.add_column(heading, justify="right", overflow="fold")
    for labels, scores in rows.items():
        means = {name: float(np.mean([score[name] for score in scores])) for name in names}
        spreads = {name: spread([score[name] for score in scores]) for name in names}
        best = max(means.values())
        cells = [
            f"[bold]{means[name]:.1f} +- {spreads[name]:.1f}[/]" if means[name] == best else
            f"{means[name]:.1f} +- {spreads[name]:.1f}"
            for name in names
        ]  # fmt: skip
        shown.add_row(str(labels), str(len(scores)), *cells)
    return shown


def spread(values: list[float]) -> float:
    """Return the standard deviation of a sample, 0 for one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def main(config: Config) -> None:
    """Fill the table split by split, then print and write it."""
    ensure_writable(config.out)
    torch.set_num_threads(config.threads)
    x, y = load(config)
    kept, start = finished(config), time.monotonic()
    done: dict[str, dict[str, float]] = kept["rows"]
    for labels in config.labels:
        for seed in range(config.seed, config.seed + config.seeds):
            if f"{labels}/{seed}" not in done:
                done[f"{labels}/{seed}"] = accuracies(x, y, config, labels, seed)
                write_json(config.out / "finished.json", kept)
    seeds = range(config.seed, config.seed + config.seeds)
    rows = {labels: [done[f"{labels}/{seed}"] for seed in seeds] for labels in config.labels}
    Console(width=120).print(table(rows))
    metrics = {
        f"{name}, {labels} per class, {what}": round(function([score[name] for score in scores]), 3)
        for labels, scores in rows.items()
        for name in (*methods(), GAN)
        for what, function in (("mean", lambda values: float(np.mean(values))), ("std", spread))
    }
    seconds = time.monotonic() - start
    fits = len(config.labels) * config.seeds
    write_result(
        config.out, "semi_supervised_digits", asdict(config), metrics,
        f"accuracy in % on {config.test} held-out rows; mean and standard deviation over {config.seeds} splits",
        seconds, fits * config.steps / seconds, config.device, rows=done,
    )  # fmt: skip
    print(f"{seconds:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
