"""Find the ten digits of MNIST without a label, and two directions in which they vary: InfoGAN.

    python recipes/infogan_mnist.py --data FOLDER --out runs/infogan_mnist

FOLDER holds the four standard idx.gz files; without --data they are fetched through scikit-learn.  Trains once for
every seed and reports them all.  Leaves in --out, for every seed, what the codes do (traversals, a table of clusters
against digits, a page with sliders), and result.json; --resume goes on where a killed run stopped.

Labels are used for measuring only.  The game is InfoGAN's with two additions that the published one lacks: the category
must be the same for a digit and for the same digit bent a little, and be sure and balanced on real digits.
`--published` leaves them out; `--adversarial 0 --information 0` leaves the GAN out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from gan_ext import InfoGAN, report_codes
from gan_ext.data import RandomAffine, UnitImages, fetch_mnist, read_mnist, unit_images
from gan_ext.estimators import CodeReport
from gan_ext.explorer import write_explorer
from gan_ext.metrics import cluster_scores, cluster_table, monotonicity, stroke_moments
from gan_ext.pictures import draw_heatmap, draw_traversals
from gan_ext.runs import Experiment, Progress, Seeds, at_least, flat, launch, named, print_table, spreads, table_cells

SCORES, STYLES = ("accuracy", "purity", "NMI", "ARI"), ("style[0]", "style[1]")
PUBLISHED = {
    "InfoGAN, published": {"accuracy": 95.0},
    "Bidirectional InfoGAN, published": {"accuracy": 96.61},
    "ClusterGAN, published": {"purity": 91.0, "NMI": 85.4, "ARI": 82.9},
}
PUBLISHED_GAME: dict[str, Any] = {
    "adversarial": 1.0, "information": {"category": 1.0, "style": 0.1}, "entropy": 0.0, "balance": 0.0,
    "consistency": 0.0, "smoothing": 0.0,
}  # fmt: skip
BASELINES: dict[str, Callable[[int], Any]] = {
    "k-means": lambda seed: KMeans(10, n_init=3, random_state=seed),
    "Gaussian mixture (50 components)": lambda seed: make_pipeline(
        PCA(50, random_state=seed), GaussianMixture(10, random_state=seed, reg_covar=1e-3)),
}  # fmt: skip


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    data: Path | None = None
    """Folder with the four idx.gz files; fetched through scikit-learn if not given."""
    out: Path = Path("runs/infogan_mnist")
    device: str = "auto"
    seeds: int = 3
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
    """Training images kept apart, to choose settings by; if not 0, figures are of them instead of the test images."""
    threads: int = 0
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks."""


def fit(data: UnitImages, config: Config, seed: int) -> InfoGAN:
    """Train once, with a live bar and checkpoints; a digit bent a little stays the same digit."""
    game: dict[str, Any] = PUBLISHED_GAME if config.published else {
        "adversarial": config.adversarial, "information": {"category": config.information, "style": config.style},
        "entropy": 0.1, "balance": 0.4, "augment": RandomAffine(),
    }  # fmt: skip
    with Progress(config.steps, f"seed {seed}") as progress:
        return InfoGAN(
            10, n_continuous=2, latent_dim=62, **game, averaging=0.999, max_iter=config.steps, device=config.device,
            precision=config.precision, checkpoint=config.fits / f"seed-{seed}", callbacks=(progress,),
            random_state=seed,
        ).fit(data.x)  # fmt: skip


def directions(model: InfoGAN, seed: int) -> dict[str, float]:
    """Return how steadily slant, width and ink follow each continuous code: mean rank correlation, all else held."""
    found: dict[str, float] = {}
    for code in STYLES:
        kinds = [model.traverse(code, n_samples=20, codes={"category": k}, random_state=seed) for k in range(10)]
        shape = stroke_moments(np.concatenate(kinds)[:, :, 0])  # [samples, values] each
        found |= {f"{name} by {code}": monotonicity(each).correlation for name, each in shape._asdict().items()}
    return found


def measure(data: UnitImages, config: Config, fitted: Callable[[int], InfoGAN], seed: int) -> dict[str, Any]:
    """Train once, and return what is measured on images that training did not see."""
    start = time.monotonic()
    model = fitted(seed)
    seconds = time.monotonic() - start
    codes = report_codes(model, data.x_test, data.y_test, random_state=seed)
    return {
        "scores": cluster_scores(data.y_test, model.predict(data.x_test)).percent(),
        "directions": directions(model, seed), "codes": codes.as_dict(), "seconds": seconds, "history": model.history_,
    }  # fmt: skip


def cluster(data: UnitImages, name: str, seed: int) -> dict[str, float]:
    """Return the scores, in percent, of one of scikit-learn's clusterings, fitted on the training images."""
    x, x_test = (part.reshape(len(part), -1) for part in (data.x, data.x_test))
    return cluster_scores(data.y_test, BASELINES[name](seed).fit(x).predict(x_test)).percent()


def draw(model: InfoGAN, data: UnitImages, out: Path, seed: int) -> None:
    """Draw traversals and the table of clusters against digits, and write the page with sliders."""
    table = cluster_table(data.y_test, model.predict(data.x_test), 10)
    kinds = model.traverse("category", table.clusters, n_samples=10, random_state=seed)
    panels = {"category (columns) with ten noises (rows)": kinds[:, :, 0]}
    for code in STYLES:
        rows = [model.traverse(code, codes={"category": k}, random_state=seed)[0, :, 0] for k in table.clusters]
        panels[f"{code} from -1 to 1"] = np.stack(rows)
    draw_traversals(out / "traversals.png", panels)
    draw_heatmap(out / "clusters.png", *table.shown, x_label="category", y_label="digit")
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, model.sample_shape_,
        title="InfoGAN on MNIST", text="Categories were found without labels. Move the sliders.",
        labels={"category": [f"{k} (digit {digit})" for k, digit in enumerate(table.stands_for)]},
        tables={"Test digits (rows) by category": table.shown},
    )  # fmt: skip


def main(config: Config) -> None:
    """Train every seed, compare, and write the result."""
    at_least(config, 1, "seeds", "steps")
    at_least(config, 1000 if config.validation else 0, "validation")
    data = unit_images(fetch_mnist() if config.data is None else read_mnist(config.data), config.validation)
    run, fitted = Experiment("infogan_mnist", config, free=("baselines",)), cache(partial(fit, data, config))
    rows = run.fill(config.each_seed(), partial(measure, data, config, fitted))
    kinds = list(BASELINES) if config.baselines else []
    others = run.fill(product(kinds, config.each_seed()), partial(cluster, data))
    for seed, row in rows.items():
        codes, out = CodeReport.from_dict(row["codes"]), config.out / f"seed-{seed}"
        print(codes)
        codes.write(out)
        draw(fitted(seed), data, out, seed)
    found = spreads(flat({"InfoGAN": rows[n]["scores"], **{kind: others[kind, n] for kind in kinds}}) for n in rows)
    cells = {each: [f"{found[f'{each}, {score}']:.1f}" for score in SCORES] for each in ["InfoGAN", *kinds]}
    table = [(each, str(len(rows)), *shown) for each, shown in cells.items()]
    table += [(f"[dim]{each}", "", *table_cells(row, dict.fromkeys(SCORES, ".1f"))) for each, row in PUBLISHED.items()]
    print_table("Clusters against digits, %, mean +- standard deviation over seeds", ("", "seeds", *SCORES), table, 120)
    measured = f"{len(data.x_test)} {'validation' if config.validation else 'test'} images"
    run.finish(
        named(found, ", mean", digits=3, alone=True),
        f"{measured}, averaged weights of the last step, mean and standard deviation over {len(rows)} seeds",
        config.steps * len(rows), sum(row["seconds"] for row in rows.values()), rows=rows,
        said="of training; pictures, pages and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
