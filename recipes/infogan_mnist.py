"""Find the ten digits of MNIST without a label, and two directions in which they vary: InfoGAN.

    python recipes/infogan_mnist.py --data FOLDER --out runs/infogan_mnist

FOLDER holds the four standard idx.gz files; without --data they are fetched through scikit-learn.  Trains once for
every seed and reports them all.  Leaves in --out, for every seed, what the codes do (traversals, a table of clusters
against digits, a page with sliders), and result.json; --resume goes on where a killed run stopped.

Labels are used for measuring only.  The game is InfoGAN's with two additions that the published one lacks: the category
must be the same for a digit and for the same digit bent a little, and be sure and balanced on real digits.
`--published` leaves them out; `--adversarial 0 --information 0` leaves the GAN out.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from gan_ext import InfoGAN, report_codes
from gan_ext.data import DataError, ImageData, RandomAffine, fetch_mnist, read_mnist
from gan_ext.engine import ensure_writable
from gan_ext.explorer import write_explorer
from gan_ext.metrics import hungarian_accuracy, matching, purity
from gan_ext.pictures import draw_heatmap, draw_traversals
from gan_ext.runs import Progress, plain_errors, write_json, write_result

Array = NDArray[Any]
SCORES = ("accuracy", "purity", "NMI", "ARI")
PUBLISHED = {
    "InfoGAN, published": {"accuracy": 95.0},
    "Bidirectional InfoGAN, published": {"accuracy": 96.61},
    "ClusterGAN, published": {"purity": 91.0, "NMI": 85.4, "ARI": 82.9},
}


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """Folder with the four idx.gz files; fetched through scikit-learn if not given."""
    out: Path = Path("runs/infogan_mnist")
    """Where pictures, pages, checkpoints and result.json go."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """The first seed."""
    seeds: int = 3
    """How many seeds to train, one after the other; all are reported."""
    steps: int = 5000
    """Training steps of one seed, each of 100 images."""
    published: bool = False
    """Play the published game: no terms on real digits, all weights one (a tenth for the continuous codes)."""
    adversarial: float = 0.2
    """Weight of telling real from generated; 0 (with --information 0) shows what is left without the game."""
    information: float = 1.0
    """Weight of the category's information."""
    style: float = 1.0
    """Weight of the two continuous codes' information."""
    baselines: bool = True
    """Also run k-means and a Gaussian mixture (on 50 principal components) on the same images."""
    validation: int = 0
    """Training images kept apart; if not 0, they take the place of the test images in every figure (for choosing
    settings without a look at test data)."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""
    resume: bool = False
    """Go on from the checkpoints in --out."""


def build(config: Config, seed: int, progress: Progress) -> InfoGAN:
    """Return the estimator for one seed."""
    weights = {"category": config.information, "style": config.style}
    game: dict[str, Any] = {
        "adversarial": config.adversarial,
        "information": weights,
        "entropy": 0.1,
        "balance": 0.4,
        "augment": RandomAffine(),
    }
    if config.published:
        game = {
            "adversarial": 1.0,
            "information": {"category": 1.0, "style": 0.1},
            "entropy": 0.0,
            "balance": 0.0,
            "consistency": 0.0,
            "smoothing": 0.0,
        }
    return InfoGAN(
        10,
        n_continuous=2,
        latent_dim=62,
        averaging=0.999,
        max_iter=config.steps,
        device=config.device,
        precision=config.precision,
        checkpoint=config.out / f"seed-{seed}" / "fit",
        callbacks=(progress,),
        random_state=seed,
        **game,
    )


def images(x: Array) -> Array:
    """Return images as [n, 1, 28, 28], values 0 to 1."""
    return (x.astype(np.float32) / 255)[:, None]


def scores(y: Array, clusters: Array) -> dict[str, float]:
    """Return how well clusters agree with digits, in percent; accuracy matches each cluster with one digit."""
    return {
        "accuracy": 100 * hungarian_accuracy(y, clusters),
        "purity": 100 * purity(y, clusters),
        "NMI": 100 * float(normalized_mutual_info_score(y, clusters)),
        "ARI": 100 * float(adjusted_rand_score(y, clusters)),
    }


def shape_of(x: Array) -> dict[str, Array]:
    """Return slant and width of the ink in images [n, 28, 28]: shear of the second moments, and width in pixels."""
    rows, columns = np.mgrid[: x.shape[1], : x.shape[2]]
    ink = x.sum((1, 2)).clip(1e-6)
    middle_row, middle_column = (x * rows).sum((1, 2)) / ink, (x * columns).sum((1, 2)) / ink
    down, across = rows - middle_row[:, None, None], columns - middle_column[:, None, None]
    vertical = (x * down**2).sum((1, 2)).clip(1e-6)
    return {
        "slant": -(x * down * across).sum((1, 2)) / vertical,
        "width": np.sqrt((x * across**2).sum((1, 2)) / ink),
        "ink": ink / x[0].size,
    }


def directions(model: InfoGAN, seed: int) -> dict[str, float]:
    """Return how steadily slant, width and ink follow each continuous code: mean rank correlation, all else held."""
    found: dict[str, list[float]] = {}
    for code in ("style[0]", "style[1]"):
        for digit in range(10):
            rows = model.traverse(code, n_samples=20, codes={"category": digit}, random_state=seed)[:, :, 0]
            for row in rows:
                for name, values in shape_of(row.astype(np.float64)).items():
                    found.setdefault(f"{name} by {code}", []).append(float(spearmanr(range(len(row)), values)[0]))
    return {name: float(np.mean(values)) for name, values in found.items()}


def run_seed(config: Config, seed: int, x: Array, x_test: Array, y_test: Array) -> dict[str, Any]:
    """Train once, measure on images that training did not see, and draw what the codes do."""
    out = ensure_writable(config.out / f"seed-{seed}")
    start = time.monotonic()
    with Progress(config.steps, f"seed {seed}") as progress:
        model = build(config, seed, progress).fit(x)
    seconds = time.monotonic() - start
    clusters = model.predict(x_test)
    codes = report_codes(model, x_test, y_test, random_state=seed)
    print(codes)
    codes.draw(out / "report.png")
    write_json(out / "report.json", codes.as_dict())
    draw(model, y_test, clusters, out, seed)
    return {
        "scores": scores(y_test, clusters),
        "directions": directions(model, seed),
        "codes": codes.as_dict(),
        "seconds": seconds,
        "history": model.history_,
    }


def draw(model: InfoGAN, y: Array, clusters: Array, out: Path, seed: int) -> None:
    """Draw traversals and the table of clusters against digits, and write the page with sliders."""
    digit_of = matching(y, clusters)
    order = sorted(range(10), key=lambda k: (digit_of.get(k) is None, str(digit_of.get(k))))
    kinds = model.traverse("category", order, n_samples=10, random_state=seed)
    panels = {"category (columns) with ten noises (rows)": kinds[:, :, 0]}
    for code in ("style[0]", "style[1]"):
        rows = [model.traverse(code, codes={"category": k}, random_state=seed)[0, :, 0] for k in order]
        panels[f"{code} from -1 to 1"] = np.stack(rows)
    draw_traversals(out / "traversals.png", panels)
    table = np.array([[np.sum((y == digit) & (clusters == k)) for k in order] for digit in range(10)])
    names = [str(k) for k in order]
    draw_heatmap(out / "clusters.png", table, [str(k) for k in range(10)], names, x_label="category", y_label="digit")
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, (1, 28, 28),
        title="InfoGAN on MNIST", text="Categories were found without labels. Move the sliders.",
        labels={"category": [f"{k} (digit {digit_of.get(k)})" for k in range(10)]},
        tables={"Test digits (rows) by category": (table, [str(k) for k in range(10)], names)},
    )  # fmt: skip


def baselines(x: Array, x_test: Array, y_test: Array, seeds: range) -> dict[str, list[dict[str, float]]]:
    """Return the scores of scikit-learn's clusterings, fitted on the training images, for every seed."""
    flat, flat_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    found: dict[str, list[dict[str, float]]] = {"k-means": [], "Gaussian mixture (50 components)": []}
    for seed in seeds:
        found["k-means"].append(scores(y_test, KMeans(10, n_init=3, random_state=seed).fit(flat).predict(flat_test)))
        reduced = PCA(50, random_state=seed).fit(flat)
        mixture = GaussianMixture(10, random_state=seed, reg_covar=1e-3).fit(reduced.transform(flat))
        clusters = mixture.predict(reduced.transform(flat_test))
        found["Gaussian mixture (50 components)"].append(scores(y_test, clusters))
    return found


def load(config: Config) -> tuple[Array, Array, Array]:
    """Return training images, and images and digits to measure on."""
    data: ImageData = fetch_mnist() if config.data is None else read_mnist(config.data)
    x, x_test, y_test = images(data.x_train), images(data.x_test), data.y_test
    if config.validation:
        if not 1000 <= config.validation < len(x):
            raise DataError(f"--validation {config.validation} must be at least 1000 and less than {len(x)}.")
        cut = len(x) - config.validation
        x, x_test, y_test = x[:cut], x[cut:], data.y_train[cut:]
    return x, x_test, y_test


def finished(config: Config) -> dict[str, Any]:
    """Return the seeds that a killed run with the same settings has finished."""
    path = config.out / "finished.json"
    free = ("out", "seeds", "resume", "threads", "device", "baselines")
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    for folder in config.out.glob("seed-*/fit"):
        shutil.rmtree(folder)
    fresh: dict[str, Any] = {"settings": settings, "seeds": {}, "baselines": {}}
    write_json(path, fresh)
    return fresh


def summary(rows: dict[str, list[dict[str, float]]]) -> tuple[Table, dict[str, float]]:
    """Return a table, and its numbers by name: means and standard deviations over seeds."""
    table = Table(title="Clusters against digits, %, mean +- standard deviation over seeds")
    for heading in ("", "seeds", *SCORES):
        table.add_column(heading, justify="right" if heading else "left")
    metrics: dict[str, float] = {}
    for name, found in rows.items():
        cells = []
        for score in SCORES:
            values = [each[score] for each in found]
            mean, spread = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            metrics |= {f"{name}, {score}, mean": round(mean, 3), f"{name}, {score}, std": round(spread, 3)}
            cells.append(f"{mean:.1f} +- {spread:.1f}")
        table.add_row(name, str(len(found)), *cells)
    for name, published in PUBLISHED.items():
        table.add_row(
            f"[dim]{name}", "", *(f"[dim]{published[score]:.1f}" if score in published else "" for score in SCORES)
        )
    return table, metrics


def main(config: Config) -> None:
    """Train every seed, compare, and write the result."""
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    x, x_test, y_test = load(config)
    kept = finished(config)
    seeds = range(config.seed, config.seed + config.seeds)
    for seed in seeds:
        if str(seed) not in kept["seeds"]:
            kept["seeds"][str(seed)] = run_seed(config, seed, x, x_test, y_test)
            write_json(config.out / "finished.json", kept)
    if config.baselines and not kept["baselines"]:
        kept["baselines"] = baselines(x, x_test, y_test, seeds)
        write_json(config.out / "finished.json", kept)
    done = [kept["seeds"][str(seed)] for seed in seeds]
    table, metrics = summary({"InfoGAN": [each["scores"] for each in done], **kept["baselines"]})
    Console(width=120).print(table)
    seconds = sum(each["seconds"] for each in done)
    part = "validation images" if config.validation else "test images"
    write_result(
        config.out, "infogan_mnist", asdict(config), metrics,
        f"{len(x_test)} {part}, averaged weights of the last step, mean and standard deviation over {len(done)} seeds",
        seconds, config.steps * len(done) / seconds, config.device, rows=dict(zip(map(str, seeds), done)),
    )  # fmt: skip
    print(f"{seconds / 60:.1f} minutes of training; pictures, pages and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
