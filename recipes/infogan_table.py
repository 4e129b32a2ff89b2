"""Codes are not only for images: groups and directions in a real table, found without labels.

    python recipes/infogan_table.py --table wine

The tables are scikit-learn's embedded ones (wine, breast_cancer, iris), or your own with --data.  Leaves in --out how
each measurement moves with each code, in the table's own units, a page with sliders, the report, and result.json;
--resume goes on where a killed run stopped.  `--seeds 10` repeats it.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as RichTable
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from gan_ext import InfoGAN, report_codes
from gan_ext.data import DataError
from gan_ext.engine import ensure_writable
from gan_ext.explorer import write_explorer
from gan_ext.metrics import hungarian_accuracy, matching, purity
from gan_ext.pictures import draw_feature_traversals, draw_heatmap
from gan_ext.runs import Progress, plain_errors, write_json, write_result

Array = NDArray[Any]
SCORES = ("accuracy", "purity", "NMI", "ARI")


@dataclass
class Config:
    """Settings of the recipe."""

    table: Literal["wine", "breast_cancer", "iris"] = "wine"
    """Which of scikit-learn's tables."""
    data: Path | None = None
    """An .npz file of your own with X (n, d) and y (n,) to compare with, and names (d,) if you like; it takes the place
    of --table."""
    seeds: int = 1
    """Fits, with seeds seed, seed + 1, ...; all are reported."""
    seed: int = 0
    """The first seed."""
    steps: int = 800
    """Training steps of one fit."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N; nets this small do not need a GPU."""
    threads: int = 1
    """Threads of torch; layers this small gain nothing from more, and lose much on a busy machine."""
    out: Path = Path("runs/infogan_table")
    """Where pictures, the page and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""


class Rows(NamedTuple):
    """Measurements [n, d], classes [n] to compare with, and the names of both."""

    x: Array
    y: Array
    features: list[str]


def load(config: Config) -> Rows:
    """Return the table."""
    if config.data is None:
        loader = {"wine": load_wine, "breast_cancer": load_breast_cancer, "iris": load_iris}[config.table]
        table = loader()
        return Rows(table.data, np.asarray(table.target_names)[table.target], [str(n) for n in table.feature_names])
    try:
        with np.load(config.data) as file:
            x, y = file["X"], file["y"]
            names = file["names"] if "names" in file else np.arange(x.shape[-1])
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"--data {config.data} must be an .npz file with arrays X and y ({error}).") from error
    if x.ndim != 2 or len(x) != len(y) or len(names) != x.shape[1]:
        raise DataError(f"--data {config.data} needs X (n, d), y (n,) and names (d,); X is {x.shape}.")
    return Rows(x, y, [str(name) for name in names])


def fit(x: Array, clusters: int, config: Config, seed: int) -> InfoGAN:
    """Fit with a live bar and checkpoints."""
    with Progress(config.steps, f"seed {seed}") as progress:
        return InfoGAN(
            clusters,
            max_iter=config.steps,
            scaling="standard",
            device=config.device,
            checkpoint=config.out / "fits" / f"seed-{seed}",
            callbacks=(progress,),
            random_state=seed,
        ).fit(x)


def scores(y: Array, clusters: Array) -> dict[str, float]:
    """Return how well clusters agree with classes, in percent."""
    return {
        "accuracy": 100 * hungarian_accuracy(y, clusters),
        "purity": 100 * purity(y, clusters),
        "NMI": 100 * float(normalized_mutual_info_score(y, clusters)),
        "ARI": 100 * float(adjusted_rand_score(y, clusters)),
    }


def compare(rows: Rows, model: InfoGAN, seed: int) -> dict[str, dict[str, float]]:
    """Return the scores of ours and of scikit-learn's clusterings of the same standardized table."""
    scaled, k = StandardScaler().fit_transform(rows.x), len(np.unique(rows.y))
    mixture = GaussianMixture(k, reg_covar=1e-3, n_init=5, random_state=seed)
    return {
        "InfoGAN": scores(rows.y, model.labels_),
        "k-means": scores(rows.y, KMeans(k, n_init=10, random_state=seed).fit_predict(scaled)),
        "Gaussian mixture": scores(rows.y, mixture.fit_predict(scaled)),
    }


def draw(model: InfoGAN, rows: Rows, out: Path, seed: int) -> None:
    """Draw how the measurements move with the codes, and write the page with sliders."""
    values = np.linspace(-1, 1, 9)
    panels: dict[str, Any] = {}
    order = list(range(len(np.unique(rows.y))))
    panels["category"] = ([str(k) for k in order], model.traverse("category", order, n_samples=20, random_state=seed))
    for code in ("style[0]", "style[1]"):
        panels[code] = (values, model.traverse(code, values, n_samples=20, random_state=seed))
    shown = most_moved(panels, rows.x)
    features = [rows.features[j] for j in shown]
    draw_feature_traversals(out / "traversals.png", {k: (v, x[..., shown]) for k, (v, x) in panels.items()}, features)
    style = model.transform(rows.x)[:, -2:]
    ranks = np.array([[spearmanr(style[:, i], column)[0] for column in rows.x[:, shown].T] for i in range(2)]).T
    draw_heatmap(
        out / "codes_and_features.png", ranks, features, ["style[0]", "style[1]"], fmt="{:.2f}",
        title="Rank correlation of measurements with codes, real rows",
    )  # fmt: skip
    names, classes = np.unique(rows.y), [str(name) for name in np.unique(rows.y)]
    table = np.array([[np.sum((rows.y == name) & (model.labels_ == k)) for k in order] for name in names])
    draw_heatmap(out / "clusters.png", table, classes, [str(k) for k in order], x_label="category", y_label="class")
    class_of = matching(rows.y, model.labels_)
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, model.sample_shape_,
        title="What the codes do", text="Groups were found without labels. Move the sliders.",
        scale=model.scaler_.scale.ravel(), shift=model.scaler_.shift.ravel(), feature_names=rows.features,
        labels={"category": [f"{k} (mostly {class_of.get(k)})" for k in order]},
        tables={"Classes (rows) by category": (table, classes, [str(k) for k in order])},
    )  # fmt: skip


def most_moved(panels: dict[str, Any], x: Array) -> list[int]:
    """Return the at most eight features that codes move most, in deviations of the data, in the table's order."""
    moved = sum(np.ptp(rows.mean(0), axis=0) / x.std(0).clip(1e-12) for _, rows in panels.values())
    return sorted(np.argsort(-np.asarray(moved))[:8].tolist())


def finished(config: Config) -> dict[str, Any]:
    """Return the seeds that a killed run with the same settings has finished."""
    path = config.out / "finished.json"
    settings = {name: str(value) for name, value in asdict(config).items() if name in ("steps", "table", "data")}
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    shutil.rmtree(config.out / "fits", ignore_errors=True)
    fresh: dict[str, Any] = {"settings": settings, "rows": {}}
    write_json(path, fresh)  # at once, so that a run killed in its first fit can be resumed too
    return fresh


def summary(rows: list[dict[str, dict[str, float]]]) -> tuple[RichTable, dict[str, float]]:
    """Return a table, and its numbers by name: means and standard deviations over seeds."""
    table = RichTable(title="Clusters against classes, %, mean +- standard deviation over seeds")
    for heading in ("", "seeds", *SCORES):
        table.add_column(heading, justify="right" if heading else "left")
    metrics: dict[str, float] = {}
    for name in rows[0]:
        cells = []
        for score in SCORES:
            values = [row[name][score] for row in rows]
            mean, spread = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            metrics |= {f"{name}, {score}, mean": round(mean, 3), f"{name}, {score}, std": round(spread, 3)}
            cells.append(f"{mean:.1f} +- {spread:.1f}")
        table.add_row(name, str(len(rows)), *cells)
    return table, metrics


def main(config: Config) -> None:
    """Fit every seed, print the first one's report, compare, and write the result."""
    ensure_writable(config.out)
    torch.set_num_threads(config.threads)
    rows = load(config)
    kept, start = finished(config), time.monotonic()
    seeds = range(config.seed, config.seed + config.seeds)
    for seed in seeds:
        if str(seed) in kept["rows"]:
            continue
        model = fit(rows.x, len(np.unique(rows.y)), config, seed)
        kept["rows"][str(seed)] = compare(rows, model, seed)
        write_json(config.out / "finished.json", kept)
        if seed == config.seed:
            codes = report_codes(model, rows.x, rows.y, random_state=seed)
            print(codes)
            codes.draw(config.out / "report.png")
            write_json(config.out / "report.json", codes.as_dict())
            draw(model, rows, config.out, seed)
    done = [kept["rows"][str(seed)] for seed in seeds]
    table, metrics = summary(done)
    Console(width=110).print(table)
    seconds = time.monotonic() - start
    write_result(
        config.out, "infogan_table", asdict(config), metrics,
        f"clusters of the {len(rows.x)} rows trained on, labels unseen; mean and deviation over {len(done)} seeds",
        seconds, config.steps * len(done) / seconds, config.device, rows=dict(zip(map(str, seeds), done)),
    )  # fmt: skip
    print(f"{seconds:.0f} s; open {config.out / 'codes.html'} in a browser, pictures and result.json are beside it")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
