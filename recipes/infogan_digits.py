"""Find the ten digits without a label, and see what every code does: InfoGAN on scikit-learn's embedded digits.

    python recipes/infogan_digits.py

Takes under a minute on two cores.  Leaves in --out a page with sliders (open codes.html in a browser), pictures of what
the codes do, the report, and result.json; --resume goes on where a killed run stopped.  `--seeds 10` repeats it.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from gan_ext import InfoGAN, report_codes
from gan_ext.data import DataError, RandomAffine
from gan_ext.engine import ensure_writable
from gan_ext.explorer import write_explorer
from gan_ext.metrics import hungarian_accuracy, matching, purity
from gan_ext.pictures import draw_heatmap, draw_traversals
from gan_ext.runs import Progress, plain_errors, write_json, write_result

Array = NDArray[Any]
SCORES = ("accuracy", "purity", "NMI", "ARI")


@dataclass
class Config:
    """Settings of the recipe."""

    seeds: int = 1
    """Fits, with seeds seed, seed + 1, ...; all are reported."""
    seed: int = 0
    """The first seed."""
    steps: int = 1500
    """Training steps of one fit."""
    clusters: int = 10
    """Categories of the code."""
    adversarial: float = 0.2
    """Weight of telling real from generated; 0 (with --information 0) shows what is left without the game."""
    information: float = 1.0
    """Weight of the codes' information."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N; nets this small do not need a GPU."""
    threads: int = 1
    """Threads of torch; layers this small gain little from more, and lose much on a busy machine."""
    data: Path | None = None
    """An .npz file of your own with X (n, h, w), sides multiples of 4, and y (n,) to compare with; the embedded digits
    if not given."""
    out: Path = Path("runs/infogan_digits")
    """Where pictures, the page and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""


def load(config: Config) -> tuple[Array, Array]:
    """Return images [n, 1, h, w] in [0, 1] and their classes."""
    if config.data is None:
        digits = load_digits()
        return digits.images[:, None] / 16, digits.target
    try:
        with np.load(config.data) as file:
            x, y = file["X"], file["y"]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"--data {config.data} must be an .npz file with arrays X and y ({error}).") from error
    if x.ndim != 3 or len(x) != len(y) or x.shape[1] % 4 or x.shape[2] % 4:
        raise DataError(f"--data {config.data} needs X (n, h, w), sides multiples of 4, and y (n,); X is {x.shape}.")
    return (x[:, None] - x.min()) / (np.ptp(x) or 1), y


def fit(x: Array, config: Config, seed: int) -> InfoGAN:
    """Fit with a live bar and checkpoints; a digit bent a little stays the same digit."""
    with Progress(config.steps, f"seed {seed}") as progress:
        return InfoGAN(
            config.clusters,
            max_iter=config.steps,
            learning_rate=3e-3,
            entropy=0.2,
            balance=0.8,
            adversarial=config.adversarial,
            information=config.information,
            augment=RandomAffine(rotation=0.2, stretch=0.1, shear=0.15, shift=0.6),
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


def compare(x: Array, y: Array, model: InfoGAN, seed: int) -> dict[str, dict[str, float]]:
    """Return the scores of ours and of scikit-learn's clusterings of the same images."""
    flat = x.reshape(len(x), -1)
    k = model.codes_["category"].dim
    return {
        "InfoGAN": scores(y, model.labels_),
        "k-means": scores(y, KMeans(k, n_init=10, random_state=seed).fit_predict(flat)),
        "Gaussian mixture": scores(y, GaussianMixture(k, reg_covar=1e-2, random_state=seed).fit_predict(flat)),
    }


def draw(model: InfoGAN, y: Array, out: Path, seed: int) -> None:
    """Draw what the codes do, and write the page with sliders."""
    class_of = matching(y, model.labels_)
    k = model.codes_["category"].dim
    order = sorted(range(k), key=lambda cluster: (class_of.get(cluster) is None, str(class_of.get(cluster))))
    panels = {"category (columns), noise (rows)": model.traverse("category", order, 6, random_state=seed)[:, :, 0]}
    for code in ("style[0]", "style[1]"):
        rows = [model.traverse(code, codes={"category": cluster}, random_state=seed)[0, :, 0] for cluster in order]
        panels[f"{code} from -1 to 1, a row for each category"] = np.stack(rows)
    draw_traversals(out / "traversals.png", panels, columns=3)
    classes, clusters = [str(name) for name in np.unique(y)], [str(cluster) for cluster in order]
    table = np.array([[np.sum((y == name) & (model.labels_ == k)) for k in order] for name in np.unique(y)])
    draw_heatmap(out / "clusters.png", table, classes, clusters, x_label="category", y_label="digit")
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, model.sample_shape_,
        title="What the codes do", text="Categories were found without labels. Move the sliders.",
        labels={"category": [f"{cluster} (mostly {class_of.get(cluster)})" for cluster in range(k)]},
        tables={"Digits (rows) by category": (table, classes, clusters)},
    )  # fmt: skip


def finished(config: Config) -> dict[str, Any]:
    """Return the seeds that a killed run with the same settings has finished."""
    path = config.out / "finished.json"
    free = ("seeds", "seed", "device", "threads", "out", "resume")
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    shutil.rmtree(config.out / "fits", ignore_errors=True)
    fresh: dict[str, Any] = {"settings": settings, "rows": {}}
    write_json(path, fresh)  # at once, so that a run killed in its first fit can be resumed too
    return fresh


def summary(rows: list[dict[str, dict[str, float]]]) -> tuple[Table, dict[str, float]]:
    """Return a table, and its numbers by name: means and standard deviations over seeds."""
    table = Table(title="Clusters against digits, %, mean +- standard deviation over seeds")
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
    x, y = load(config)
    kept, start = finished(config), time.monotonic()
    seeds = range(config.seed, config.seed + config.seeds)
    for seed in seeds:
        if str(seed) in kept["rows"]:
            continue
        model = fit(x, config, seed)
        kept["rows"][str(seed)] = compare(x, y, model, seed)
        write_json(config.out / "finished.json", kept)
        if seed == config.seed:
            codes = report_codes(model, x, y, random_state=seed)
            print(codes)
            codes.draw(config.out / "report.png")
            write_json(config.out / "report.json", codes.as_dict())
            draw(model, y, config.out, seed)
    rows = [kept["rows"][str(seed)] for seed in seeds]
    table, metrics = summary(rows)
    Console(width=110).print(table)
    seconds = time.monotonic() - start
    write_result(
        config.out, "infogan_digits", asdict(config), metrics,
        f"clusters of the {len(x)} images trained on, labels unseen; mean and deviation over {len(rows)} seeds",
        seconds, config.steps * len(rows) / seconds, config.device, rows=dict(zip(map(str, seeds), rows)),
    )  # fmt: skip
    print(f"{seconds:.0f} s; open {config.out / 'codes.html'} in a browser, pictures and result.json are beside it")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
