"""Find the ten digits without a label, and see what every code does: InfoGAN on scikit-learn's embedded digits.

    python recipes/infogan_digits.py

Takes under a minute on two cores.  Leaves in --out a page with sliders (open codes.html in a browser), pictures of what
the codes do, the report, and result.json; --resume goes on where a killed run stopped.  `--seeds 10` repeats it.
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture

from gan_ext import InfoGAN, report_codes
from gan_ext.data import RandomAffine
from gan_ext.explorer import write_explorer
from gan_ext.metrics import cluster_scores, cluster_table
from gan_ext.pictures import draw_heatmap, draw_traversals
from gan_ext.runs import Experiment, Progress, Seeds, at_least, flat, launch, named, print_table, read_npz, spreads

Array = NDArray[Any]
SCORES = ("accuracy", "purity", "NMI", "ARI")


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/infogan_digits")
    steps: int = 1500
    """Training steps of one fit."""
    clusters: int = 10
    """Categories of the code."""
    adversarial: float = 0.2
    """Weight of telling real from generated; 0 (with --information 0) shows what is left without the game."""
    information: float = 1.0
    """Weight of the codes' information."""
    data: Path | None = None
    """An .npz file of your own with X (n, h, w), sides multiples of 4, and y (n,) to compare with; the embedded digits
    if not given."""


def load(path: Path | None) -> tuple[Array, Array]:
    """Return images [n, 1, h, w] in [0, 1] and their classes."""
    if path is None:
        digits = load_digits()
        return digits.images[:, None] / 16, digits.target
    x, y = read_npz(path, ("X", "y"))
    if x.ndim != 3 or len(x) != len(y) or x.shape[1] % 4 or x.shape[2] % 4:
        raise ValueError(f"--data {path} needs X (n, h, w), sides multiples of 4, and y (n,); X is {x.shape}.")
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
            checkpoint=config.fits / f"seed-{seed}",
            callbacks=(progress,),
            random_state=seed,
        ).fit(x)


def compare(x: Array, y: Array, model: InfoGAN, seed: int) -> dict[str, dict[str, float]]:
    """Return the scores, in percent, of ours and of scikit-learn's clusterings of the same images."""
    flat = x.reshape(len(x), -1)
    k = model.codes_["category"].dim
    clusters = {
        "InfoGAN": model.labels_,
        "k-means": KMeans(k, n_init=10, random_state=seed).fit_predict(flat),
        "Gaussian mixture": GaussianMixture(k, reg_covar=1e-2, random_state=seed).fit_predict(flat),
    }
    return {name: cluster_scores(y, found).percent() for name, found in clusters.items()}


def draw(model: InfoGAN, y: Array, out: Path, seed: int) -> None:
    """Draw what the codes do, and write the page with sliders."""
    table = cluster_table(y, model.labels_, model.codes_["category"].dim)
    kinds = model.traverse("category", table.clusters, n_samples=6, random_state=seed)
    panels = {"category (columns), noise (rows)": kinds[:, :, 0]}
    for code in ("style[0]", "style[1]"):
        rows = [
            model.traverse(code, codes={"category": cluster}, random_state=seed)[0, :, 0] for cluster in table.clusters
        ]
        panels[f"{code} from -1 to 1, a row for each category"] = np.stack(rows)
    draw_traversals(out / "traversals.png", panels, columns=3)
    draw_heatmap(out / "clusters.png", *table.shown, x_label="category", y_label="digit")
    write_explorer(
        out / "codes.html", model.game_.generator, model.codes_, model.game_.noise, model.sample_shape_,
        title="What the codes do", text="Categories were found without labels. Move the sliders.",
        labels={"category": [f"{cluster} (mostly {name})" for cluster, name in enumerate(table.stands_for)]},
        tables={"Digits (rows) by category": table.shown},
    )  # fmt: skip


def main(config: Config) -> None:
    """Fit every seed, print the first one's report, compare, and write the result."""
    at_least(config, 1, "seeds", "steps")
    x, y = load(config.data)
    run, fitted = Experiment("infogan_digits", config), cache(partial(fit, x, config))
    rows = run.fill(config.each_seed(), lambda seed: compare(x, y, fitted(seed), seed))

    model = fitted(config.seed)  # after a kill from its last checkpoint
    codes = report_codes(model, x, y, random_state=config.seed)
    print(codes)
    codes.write(config.out)
    draw(model, y, config.out, config.seed)
    found, names = spreads(map(flat, rows.values())), list(rows[config.seed])
    print_table(
        "Clusters against digits, %, mean +- standard deviation over seeds", ("", "seeds", *SCORES),
        [(name, str(len(rows)), *(f"{found[f'{name}, {score}']:.1f}" for score in SCORES)) for name in names],
    )  # fmt: skip
    run.finish(
        named(found, ", mean", digits=3, alone=True),
        f"clusters of the {len(x)} images trained on, labels unseen; mean and deviation over {len(rows)} seeds",
        config.steps * len(rows), rows=rows,
        said="open {out}/codes.html in a browser, pictures and result.json are beside it",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
