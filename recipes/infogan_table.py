"""Codes are not only for images: groups and directions in a real table, found without labels.

    python recipes/infogan_table.py --table wine

The tables are scikit-learn's embedded ones (wine, breast_cancer, iris), or your own with --data.  Leaves in --out how
each measurement moves with each code, in the table's own units, a page with sliders, the report, and result.json;
--resume goes on where a killed run stopped.  `--seeds 10` repeats it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from gan_ext import InfoGAN, report_codes
from gan_ext.explorer import write_explorer
from gan_ext.metrics import cluster_scores, matching, rank_correlation
from gan_ext.pictures import draw_feature_traversals, draw_heatmap
from gan_ext.runs import Experiment, Progress, Seeds, at_least, flat, launch, named, print_table, read_npz, spreads

Array = NDArray[Any]
EMBEDDED = {"wine": load_wine, "breast_cancer": load_breast_cancer, "iris": load_iris}
SCORES = ("accuracy", "purity", "NMI", "ARI")
STYLES = ("style[0]", "style[1]")


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/infogan_table")
    table: Literal["wine", "breast_cancer", "iris"] = "wine"
    """Which of scikit-learn's tables."""
    data: Path | None = None
    """An .npz file of your own with X (n, d) and y (n,) to compare with, and names (d,) if you like; it takes the place
    of --table."""
    steps: int = 800
    """Training steps of one fit."""


class Rows(NamedTuple):
    """Measurements [n, d], classes [n] to compare with, and the names of the measurements."""

    x: Array
    y: Array
    features: list[str]


def load(config: Config) -> Rows:
    """Return the table."""
    if config.data is None:
        table = EMBEDDED[config.table]()
        return Rows(table.data, np.asarray(table.target_names)[table.target], [str(n) for n in table.feature_names])
    x, y, names = read_npz(config.data, ("X", "y"), ("names",))
    names = np.arange(x.shape[-1] if x.ndim else 0) if names is None else names
    if x.ndim != 2 or len(x) != len(y) or len(names) != x.shape[1]:
        raise ValueError(f"--data {config.data} needs X (n, d), y (n,) and names (d,); X is {x.shape}.")
    return Rows(x, y, [str(name) for name in names])


def fit(table: Rows, config: Config, seed: int) -> InfoGAN:
    """Fit with a live bar and checkpoints."""
    with Progress(config.steps, f"seed {seed}") as progress:
        return InfoGAN(
            len(np.unique(table.y)),
            max_iter=config.steps,
            scaling="standard",
            device=config.device,
            checkpoint=config.fits / f"seed-{seed}",
            callbacks=(progress,),
            random_state=seed,
        ).fit(table.x)


def compare(table: Rows, model: InfoGAN, seed: int) -> dict[str, dict[str, float]]:
    """Return the scores, in percent, of ours and of scikit-learn's clusterings of the same standardized table."""
    scaled, k = StandardScaler().fit_transform(table.x), len(np.unique(table.y))
    clusters = {
        "InfoGAN": model.labels_,
        "k-means": KMeans(k, n_init=10, random_state=seed).fit_predict(scaled),
        "Gaussian mixture": GaussianMixture(k, reg_covar=1e-3, n_init=5, random_state=seed).fit_predict(scaled),
    }
    return {name: cluster_scores(table.y, found).percent() for name, found in clusters.items()}


def most_moved(moved: Mapping[str, Array], x: Array) -> list[int]:
    """Return the at most eight features that codes move most, in deviations of the data, in the table's order."""
    total = sum(np.ptp(rows.mean(0), axis=0) / x.std(0).clip(1e-12) for rows in moved.values())
    return sorted(np.argsort(-np.asarray(total))[:8].tolist())


def draw(model: InfoGAN, table: Rows, out: Path, seed: int) -> None:
    """Draw how the measurements move with the codes, and write the page with sliders."""
    classes, class_of = np.unique(table.y), matching(table.y, model.labels_)
    order, names = list(range(len(classes))), [str(name) for name in classes]
    values: dict[str, Array] = {"category": np.arange(len(classes)), **dict.fromkeys(STYLES, np.linspace(-1, 1, 9))}
    moved = {code: model.traverse(code, each, n_samples=20, random_state=seed) for code, each in values.items()}
    shown = most_moved(moved, table.x)
    features, categories = [table.features[j] for j in shown], [str(k) for k in order]
    panels: dict[str, Any] = {code: (values[code], rows[..., shown]) for code, rows in moved.items()}
    panels["category"] = categories, moved["category"][..., shown]
    draw_feature_traversals(out / "traversals.png", panels, features)
    style = model.transform(table.x)[:, -2:]
    draw_heatmap(
        out / "codes_and_features.png",
        np.array([[rank_correlation(each, table.x[:, j]) for each in style.T] for j in shown]),
        features, STYLES, fmt="{:.2f}", title="Rank correlation of measurements with codes, real rows",
    )  # fmt: skip
    counts = np.array([[np.sum((table.y == name) & (model.labels_ == k)) for k in order] for name in classes])
    draw_heatmap(out / "clusters.png", counts, names, categories, x_label="category", y_label="class")
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, model.sample_shape_,
        title="What the codes do", text="Groups were found without labels. Move the sliders.",
        scale=model.scaler_.scale.ravel(), shift=model.scaler_.shift.ravel(), feature_names=table.features,
        labels={"category": [f"{k} (mostly {class_of.get(k)})" for k in order]},
        tables={"Classes (rows) by category": (counts, names, categories)},
    )  # fmt: skip


def main(config: Config) -> None:
    """Fit every seed, print the first one's report, compare, and write the result."""
    at_least(config, 1, "seeds", "steps")
    table = load(config)
    run, fitted = Experiment("infogan_table", config), cache(partial(fit, table, config))
    rows = run.fill(config.each_seed(), lambda seed: compare(table, fitted(seed), seed))

    model = fitted(config.seed)  # after a kill from its last checkpoint
    codes = report_codes(model, table.x, table.y, random_state=config.seed)
    print(codes)
    codes.write(config.out)
    draw(model, table, config.out, config.seed)
    found, names = spreads(map(flat, rows.values())), list(rows[config.seed])
    print_table(
        "Clusters against classes, %, mean +- standard deviation over seeds", ("", "seeds", *SCORES),
        [(name, str(len(rows)), *(f"{found[f'{name}, {score}']:.1f}" for score in SCORES)) for name in names],
    )  # fmt: skip
    run.finish(
        named(found, ", mean", digits=3, alone=True),
        f"clusters of the {len(table.x)} rows trained on, labels unseen; mean and deviation over {len(rows)} seeds",
        config.steps * len(rows), rows=rows,
        said="open {out}/codes.html in a browser, pictures and result.json are beside it",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
