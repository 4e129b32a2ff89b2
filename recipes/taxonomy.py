"""Every branch of the tree of generative models, at an equal number of parameters and in equal time.

    python recipes/taxonomy.py

About five minutes on one core; needs the extra `taxonomy`.  The tree is that of Goodfellow's tutorial (2016),
https://arxiv.org/abs/1701.00160, section 2: models differ in how they treat the likelihood.  A row for each branch:

* autoregressive: explicit and tractable; each number given those before it (MADE);
* flow: explicit and tractable; nonlinear independent components (neural spline couplings of zuko);
* variational: explicit, with a lower bound (variational autoencoder);
* Boltzmann: explicit up to a constant, trained by a Markov chain (scikit-learn's restricted machine); points are told
  to it as the bits, in Gray's code, of a grid of 64 x 64 cells;
* generative stochastic: implicit, samples come from a Markov chain that undoes noise (with walkback);
* GAN: implicit, samples come at once (R3GAN's losses);
* GAN, likelihood: the same nets with the generator's loss that follows maximum likelihood (section 3.2.5).

Data: eight Gaussians on a ring, whose density is known, and scikit-learn's embedded digits in black and white (MNIST
with --data).  Likelihoods are in nats: densities in the plane, probabilities of black and white images.  Leaves in
--out pictures of samples and of the time to draw them, the tree with its numbers, and result.json; --resume skips what
a killed run has finished.  `--seeds 3` makes the table of the documentation.
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.datasets import load_digits

from gan_ext import runs
from gan_ext import taxonomy as tree
from gan_ext.data import read_mnist
from gan_ext.estimators import ClassifierFeatures
from gan_ext.pictures import draw_clouds, draw_growth, draw_traversals, draw_tree
from gan_ext.taxonomy import Data, Form, Leaf, SampleScores
from gan_ext.toys import GaussianRing

Set = Literal["ring", "images"]
RING = GaussianRing(8, 1.0, 0.05)
SHOWN: dict[Set, tuple[str, ...]] = {
    "ring": ("nll", "forward kl", "reverse kl", "parzen forward kl", "parzen reverse kl", "good", "modes", "mode kl"),
    "images": ("nll", "bound", "precision", "recall", "density", "coverage", "frechet"),
}


@dataclass
class Config(runs.Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/taxonomy")
    device: str = "cpu"
    data: Path | None = None
    """A folder with MNIST's four files; scikit-learn's embedded digits if not given."""
    sets: tuple[Set, ...] = ("ring", "images")
    """What is learned."""
    rows: tuple[Leaf, ...] = tuple(tree.MODELS)
    """Which branches of the tree."""
    seconds: float = 10.0
    """Time of one fit, in seconds of one core; steps follow from it by fixed rates, so that a run can be repeated."""
    steps: int | None = None
    """Training steps of every fit, instead of equal time."""
    parameters: tuple[int, int] = (10_000, 40_000)
    """Parameters that are trained in a model of the ring and of images, all nets together."""
    samples: tuple[int, int] = (4000, 1000)
    """Samples of the ring and of images that are measured."""
    reader_steps: int = 600
    """Training steps of the classifier whose features images are judged by."""
    sizes: tuple[int, ...] = (64, 256, 1024)
    """Numbers of pixels for which the time of samples is taken, with nets as wide as those of 64."""
    timed: int = 500
    """Samples that are timed; the time of 10 000 is taken to be proportional."""


def load(config: Config, which: Set) -> Data:
    """Return points of the ring, or black and white images [n, D] of 0 and 1; the split is the same for every seed."""
    if which == "ring":
        return Data(Form(2, False), RING.sample(20_000, 1), RING.sample(2000, 2), RING.sample(2000, 3))
    if config.data is not None:
        mnist = read_mnist(config.data)
        images = torch.from_numpy(np.concatenate([mnist.x_train[:51_000], mnist.x_test[:1000]]) >= 128).flatten(1)
        x, held, labels = images.float(), 50_000, mnist.y_train
    else:
        digits, order = load_digits(), np.random.default_rng(0).permutation(1797)
        x, held, labels = torch.from_numpy(digits.data[order] >= 8).float(), 1097, digits.target[order]
    half = (len(x) - held) // 2
    return Data(Form(x.shape[1], True), x[:held], x[held : held + half], x[held + half :], labels[:held])


def scores_of(config: Config, which: Set, data: Data) -> SampleScores:
    """Return what samples are scored by: images in the features of a small classifier of the training images."""
    if which == "ring":
        return tree.PointScores(RING, data)
    shape, folder = (-1, 1, *[math.isqrt(data.form.size)] * 2), config.fits / f"reader-{config.seed}"
    reader = ClassifierFeatures(max_iter=config.reader_steps, checkpoint=folder, random_state=config.seed, device="cpu")
    reader.fit(data.train.view(shape).numpy(), data.labels)
    return tree.ImageScores(lambda x: reader.transform(x.view(shape).numpy()), data)


def fit(config: Config, sets: dict[Set, tuple[Data, SampleScores]], which: Set, row: Leaf, seed: int) -> dict[str, Any]:
    """Fit one row on one set, and return its figures and samples."""
    data, scores = sets[which]
    model = tree.small_model(tree.MODELS[row], data.form, config.parameters[data.form.bits], seed)
    steps = config.steps or max(1, round(config.seconds * model.rates[data.form.bits]))
    return tree.fit_and_measure(model, data, scores, steps, config.samples[data.form.bits], seed)


def draw(config: Config, run: runs.Experiment, data: dict[Set, Data], times: dict[str, Any]) -> None:
    """Draw samples of every row side by side, and how the time of samples grows."""
    for which, each in data.items():
        shown = {"real": each.test[:1000].numpy()}
        shown |= {row: run.arrays((which, row, config.seed))["samples"] for row in config.rows}
        if which == "ring":
            draw_clouds(config.out / "ring.png", shown, RING.modes.numpy())
        else:
            rows = {name: x[:32].reshape(4, 8, *[math.isqrt(each.form.size)] * 2) for name, x in shown.items()}
            draw_traversals(config.out / "images.png", rows, columns=4)
    curves = {row: ((config.sizes, list(of["seconds"].values())), of["exponent"]) for row, of in times.items()}
    draw_growth(config.out / "growth.png", curves, "pixels, D", "seconds for 10 000 samples, one core")


def leaf(means: dict[str, dict[str, float]], row: Leaf, times: dict[str, Any]) -> dict[str, str]:
    """Return the numbers beside a leaf of the tree."""
    ring, images = (means.get(f"{which}, {row}", {}) for which in ("ring", "images"))
    kl, parzen, good = runs.table_cells(ring, {"forward kl": ".2f", "parzen forward kl": ".2f", "good": ".1%"})
    nll, frechet = runs.table_cells(images, {"nll": ".1f", "frechet": ".1f"})
    return {
        "ring:\nKL, nats": kl or (parzen and f"{parzen}, Parzen"), "ring:\ngood": good, "images:\nNLL, nats": nll,
        "images:\nFrechet": frechet, "seconds for\n10 000": f"{next(iter(times['seconds'].values())):.2g}",
        "exponent\nof pixels": f"{times['exponent'] or 0:.2f}",
    }  # fmt: skip


def main(config: Config) -> None:
    """Fit every row on every set, time the samples, then print, draw and write."""
    runs.at_least(config, 1, "seeds", "timed", "parameters", "sizes", "steps", "reader_steps")
    runs.at_least(config, 8, "samples")
    runs.at_least(config, 0.001, "seconds")
    if (config.device, config.threads) != ("cpu", 1):
        place = f"--device {config.device} --threads {config.threads}"
        raise ValueError(f"{place}: figures are times of one core, so that it can only be cpu and 1.")
    data = {which: load(config, which) for which in config.sets}
    run = runs.Experiment("taxonomy", config, free=("sets", "rows"))
    sets = {which: (each, scores_of(config, which, each)) for which, each in data.items()}
    cells = [(which, row, seed) for seed, which, row in product(config.each_seed(), config.sets, config.rows)]
    found = run.fill(cells, partial(fit, config, sets), label=f"{len(run.left(cells))} fits")
    growth = partial(tree.sample_times, budget=config.parameters[1], sizes=config.sizes, n=config.timed)
    timed = run.fill(product(["growth"], config.rows), lambda _, row: growth(tree.MODELS[row]), label="time of samples")
    real = run.fill(product(["real"], config.sets), lambda _, which: sets[which][1].real(config.samples[0]))
    times, floor = ({str(name): row for (_, name), row in of.items()} for of in (timed, real))

    spreads = {arm: runs.spreads(rows) for arm, rows in runs.over_seeds(found).items()}
    means = {arm: {score: each.mean for score, each in of.items()} for arm, of in spreads.items()}
    for which in config.sets:
        names = (*SHOWN[which], "seconds", "seconds for 10 000")
        rows: dict[str, Any] = {"real data": floor[which], **{row: means[f"{which}, {row}"] for row in config.rows}}
        lines = [(name, *runs.table_cells(row, dict.fromkeys(names, ".3g"))) for name, row in rows.items()]
        runs.print_table(which, ("", *names), lines, width=150)
    draw(config, run, data, times)
    draw_tree(config.out / "tree.png", tree.TREE, {str(row): leaf(means, row, times[row]) for row in config.rows})
    run.finish(
        runs.named(spreads),
        f"means over {config.seeds} seeds; the best of 10 looks at held-out data where a model has a loss to look at; "
        "figures of test data; seconds are process time of one core",
        sum(row["steps"] for row in found.values()), sum(row["seconds"] for row in found.values()),
        rows=found, growth=times, real=floor,
        images={"pixels": data["images"].form.size, "test": len(data["images"].test)} if "images" in data else {},
    )  # fmt: skip


if __name__ == "__main__":
    runs.launch(main, Config)
