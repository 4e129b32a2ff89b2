"""Every branch of the tree of generative models, at an equal number of parameters and in equal time.

    python recipes/taxonomy.py

About five minutes on one core; needs the extra `taxonomy`.  The tree is that of Goodfellow's tutorial (2016), https://arxiv.org/abs/1701.00160,
section 2: models differ in how they treat the likelihood.  A row for each branch:

* autoregressive: explicit and tractable; each number given those before it (MADE);
* flow: explicit and tractable; nonlinear independent components (neural spline couplings of zuko);
* variational: explicit, with a lower bound (variational autoencoder);
* Boltzmann: explicit up to a constant, trained by a Markov chain (scikit-learn's restricted machine, persistent
  contrastive divergence); points are told to it as the bits, in Gray's code, of a grid of 64 x 64 cells;
* generative stochastic: implicit, samples come from a Markov chain that undoes noise (with walkback);
* GAN: implicit, samples come at once (R3GAN's losses);
* GAN, likelihood: the same nets with the generator's loss that follows maximum likelihood (section 3.2.5).

Data: eight Gaussians on a ring, whose density is known, and scikit-learn's embedded digits in black and white (MNIST
with --data).  All likelihoods are in nats of the same thing: densities in the plane, probabilities of black and white
images.  Leaves in --out pictures of samples and of the time to draw them, the table, and result.json; --resume skips
what a killed run has finished.  `--seeds 3` makes the table of the documentation.
"""

import json
import math
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
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits

from gan_ext.data import DataError, read_mnist
from gan_ext.engine import ensure_writable
from gan_ext.estimators import ClassifierFeatures
from gan_ext.metrics import frechet_distance, manifold_scores, mode_scores, parzen_bandwidth, parzen_log_density
from gan_ext.pictures import draw_clouds, draw_traversals
from gan_ext.runs import plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, reseed
from gan_ext.taxonomy import (
    GAN,
    Autoregressive,
    Boltzmann,
    Chain,
    Data,
    Flow,
    Form,
    LikelihoodGAN,
    Model,
    Stochastic,
    Variational,
    largest_width,
)
from gan_ext.toys import GaussianRing

Array = NDArray[Any]
Set = Literal["ring", "images"]
Row = Literal[
    "autoregressive", "flow", "variational", "Boltzmann", "generative stochastic", "GAN", "GAN, likelihood"
]  # fmt: skip
MODELS: dict[Row, type[Model]] = {
    "autoregressive": Autoregressive,
    "flow": Flow,
    "variational": Variational,
    "Boltzmann": Boltzmann,
    "generative stochastic": Stochastic,
    "GAN": GAN,
    "GAN, likelihood": LikelihoodGAN,
}
CPU = torch.device("cpu")
RING = GaussianRing(8, 1.0, 0.05)
WALKS = (1, 3, 10, 30, 100)  # after how many passes of a chain its samples are judged


@dataclass
class Config:
    """Settings of the recipe."""

    out: Path = Path("runs/taxonomy")
    """Where pictures and result.json go."""
    data: Path | None = None
    """A folder with MNIST's four files; scikit-learn's embedded digits if not given."""
    sets: tuple[Set, ...] = ("ring", "images")
    """What is learned."""
    rows: tuple[Row, ...] = tuple(MODELS)
    """Which branches of the tree."""
    seeds: int = 1
    """Fits of each row on each set, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """The first seed."""
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
    device: str = "cpu"
    """cpu only: the figures are times of one core."""
    resume: bool = False
    """Skip the fits that a killed run has finished."""


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


def built(config: Config, row: Row, form: Form, seed: int, like: Form | None = None) -> Model:
    """Return a row's model before its first step, as wide as its parameters allow (in another form, if given)."""
    with kept_generators(CPU):
        reseed(CPU, seed, 3)
        return MODELS[row](form, largest_width(MODELS[row], like or form, config.parameters[form.bits]))


def fit(config: Config, which: Set, row: Row, seed: int, data: Data, reader: "Reader | None") -> dict[str, Any]:
    """Fit one row on one set, keep samples, and return its figures."""
    model = built(config, row, data.form, seed)
    steps = config.steps or max(1, round(config.seconds * model.rates[data.form.bits]))
    start = time.process_time()
    model.fit(data, steps, seed)
    seconds = time.process_time() - start
    figures: dict[str, Any] = {
        "steps": steps, "seconds": seconds, "parameters": model.sizes()[0], "parameters that draw": model.sizes()[1],
        "passes": model.passes(), "kind": model.kinds[data.form.bits], "course": model.course,
    }  # fmt: skip
    with kept_generators(CPU), torch.no_grad():
        reseed(CPU, seed, 7)
        start = time.process_time()
        samples = model.sample(config.samples[data.form.bits])
        figures["seconds for 10 000"] = (time.process_time() - start) * 10_000 / len(samples)
        likelihood, bound = model.log_likelihood(data.test), model.bound(data.test)
        if likelihood is not None:
            figures["nll"] = -float(likelihood.mean())
            figures["nll, standard error"] = float(likelihood.std() / math.sqrt(len(likelihood)))
        if bound is not None:
            figures["bound"] = -bound
        if isinstance(model, GAN) and data.form.bits:
            figures["flip"] = model.flip
        if likelihood is not None and not data.form.bits:
            figures["forward kl"] = float((RING.log_prob(data.test) - likelihood).mean())
            own = model.log_likelihood(samples[:2000])
            assert own is not None
            figures["reverse kl"] = float((own - RING.log_prob(samples[:2000])).mean())
        figures |= seen(samples, data, reader)
        if isinstance(model, Chain):
            walks = model.walks(min(1000, len(samples)), WALKS)
            figures["walks"] = {passes: seen(x, data, reader, True) for passes, x in walks.items()}
    np.save(config.out / "samples" / f"{title(which, row, seed)}.npy", samples[:1000].numpy())
    write_json(config.out / "rows" / f"{title(which, row, seed)}.json", figures)
    return figures


class Reader:
    """Features of a small classifier of the training images.

    Args:
        data: images with classes.
        steps: of its training.
        seed: of its training.
    """

    def __init__(self, data: Data, steps: int, seed: int) -> None:
        self.side = math.isqrt(data.form.size)
        self.net = ClassifierFeatures(max_iter=steps, device="cpu", random_state=seed)
        self.net.fit(self.shaped(data.train), data.labels)
        self.test = self(data.test)

    def shaped(self, x: torch.Tensor) -> Array:
        """Return images [n, 1, h, w]."""
        return x.view(-1, 1, self.side, self.side).numpy()

    def __call__(self, x: torch.Tensor) -> Array:
        features: Array = self.net.transform(self.shaped(x))
        return features


def seen(samples: torch.Tensor, data: Data, reader: Reader | None, quick: bool = False) -> dict[str, float]:
    """Return the quality and coverage of samples."""
    if reader is not None:
        features = reader(samples[: len(data.test)])
        scores = manifold_scores(reader.test, features)._asdict()
        return {**scores, "frechet": frechet_distance(reader.test, features)}
    found = mode_scores(RING.modes, RING.std, samples)
    figures = {"modes": found.modes, "good": found.high_quality, "mode kl": found.reverse_kl}
    if quick:
        return figures
    half, width = len(samples) // 2, parzen_bandwidth(samples, data.valid[:500])
    own = parzen_log_density(samples[:half], samples[half:], width)
    parzen = -float(parzen_log_density(samples, data.test, width).mean())
    reverse = float((own - RING.log_prob(samples[half:])).mean())
    forward = parzen + float(RING.log_prob(data.test).mean())
    return figures | {"parzen nll": parzen, "parzen forward kl": forward, "parzen reverse kl": reverse}


def growth(config: Config, row: Row) -> dict[str, Any]:
    """Return how long samples of different sizes take, and the exponent of the size in that."""
    seconds, passes = {}, {}
    for size in config.sizes:
        model = built(config, row, Form(size, True), 0, Form(config.sizes[0], True))
        with kept_generators(CPU), torch.no_grad():
            passes[size] = model.passes()
            model.sample(10)
            start, drawn = time.process_time(), 0
            while drawn == 0 or time.process_time() - start < 0.2:
                drawn += len(model.sample(config.timed))
            seconds[size] = (time.process_time() - start) * 10_000 / drawn
    slope = float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]) if len(seconds) > 1 else None
    return {"seconds": seconds, "exponent": slope, "passes": passes}


def title(which: Set, row: Row, seed: int) -> str:
    """Return the name of a fit."""
    return f"{which}_{row}_{seed}"


def finished(config: Config) -> set[str]:
    """Return the names of the fits that a killed run with the same settings has finished."""
    free = {"out", "data", "sets", "rows", "seeds", "seed", "device", "resume"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    settings["images"] = "MNIST" if config.data else "digits"
    path, rows = config.out / "settings.json", config.out / "rows"
    if config.resume and path.exists():
        if json.loads(path.read_text()) != settings:
            raise DataError(f"{path} is of a run with other settings; use another --out or leave out --resume.")
    else:
        shutil.rmtree(rows, ignore_errors=True)
        write_json(path, settings)
    for folder in (rows, config.out / "samples"):
        ensure_writable(folder)
    return {file.stem for file in rows.glob("*.json")}


def real(data: dict[Set, Data], readers: dict[Set, Reader | None], samples: tuple[int, int]) -> dict[str, Any]:
    """Return the figures of real data as if a model had drawn them: the best that there is."""
    figures: dict[str, Any] = {}
    for which, each in data.items():
        drawn = each.valid if each.form.bits else RING.sample(samples[0], 4)
        figures[which] = seen(drawn, each, readers[which])
        if not each.form.bits:
            figures[which]["nll"] = -float(RING.log_prob(each.test).mean())
    return figures


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return means and deviations over seeds of all plain numbers."""
    figures = {}
    for name, value in rows[0].items():
        if isinstance(value, int | float):
            values = np.array([row[name] for row in rows], dtype=np.float64)
            figures[name] = float(values.mean())
            if len(values) > 1:
                figures[f"{name}, std"] = float(values.std(ddof=1))
    return figures


SHOWN = {
    "ring": ("nll", "forward kl", "reverse kl", "parzen forward kl", "parzen reverse kl", "good", "modes", "mode kl"),
    "images": ("nll", "bound", "precision", "recall", "density", "coverage", "frechet"),
}


def table(which: Set, figures: dict[Row, dict[str, float]], floor: dict[str, float]) -> Table:
    """Lay the figures of a set out."""
    shown, names = Table(title=which), (*SHOWN[which], "seconds", "seconds for 10 000")
    for heading in ("", *names):
        shown.add_column(heading, justify="right" if heading else "left")
    for row, values in [("real data", floor), *figures.items()]:
        shown.add_row(row, *(f"{values[name]:.3g}" if name in values else "" for name in names))
    return shown


def draw(config: Config, data: dict[Set, Data], growths: dict[Row, Any], figures: dict[Set, Any]) -> None:
    """Draw samples of every row side by side, and how the time of samples grows."""
    for which, each in data.items():
        arms: dict[str, Array] = {
            row: np.load(config.out / "samples" / f"{title(which, row, config.seed)}.npy") for row in config.rows
        }
        if each.form.bits:
            side = math.isqrt(each.form.size)
            panels = {name: x[:32].reshape(4, 8, side, side) for name, x in {"real": each.test.numpy(), **arms}.items()}
            draw_traversals(config.out / "images.png", panels, columns=4)
        else:
            draw_clouds(config.out / "ring.png", {"real": each.test[:1000].numpy(), **arms}, RING.modes.numpy())
    draw_growth(config.out / "growth.png", growths)
    draw_tree(config.out / "tree.png", figures, growths)


def draw_growth(path: Path, rows: dict[Row, Any]) -> None:
    """Draw seconds for 10 000 samples against their size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axis = figure.subplots()
    for row, found in rows.items():
        label = row if found["exponent"] is None else f"{row}: $D^{{{found['exponent']:.2f}}}$"
        axis.plot([int(size) for size in found["seconds"]], list(found["seconds"].values()), marker="o", label=label)
    axis.set(xscale="log", yscale="log", xlabel="pixels, D", ylabel="seconds for 10 000 samples, one core")
    sizes = sorted({int(size) for found in rows.values() for size in found["seconds"]})
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=120)


TREE: dict[str, tuple[float, float, str | None]] = {  # place, and what it hangs from
    "likelihood": (0.0, 3.0, None), "explicit": (1.0, 4.5, "likelihood"), "implicit": (1.0, 1.0, "likelihood"),
    "tractable": (2.0, 5.5, "explicit"), "approximate": (2.0, 3.5, "explicit"),
    "Markov chain": (2.0, 2.0, "implicit"), "direct": (2.0, 0.5, "implicit"),
    "autoregressive": (3.2, 6.0, "tractable"), "flow": (3.2, 5.0, "tractable"),
    "variational": (3.2, 4.0, "approximate"), "Boltzmann": (3.2, 3.0, "approximate"),
    "generative stochastic": (3.2, 2.0, "Markov chain"), "GAN": (3.2, 1.0, "direct"),
    "GAN, likelihood": (3.2, 0.0, "direct"),
}  # fmt: skip


def draw_tree(path: Path, figures: dict[Set, Any], growths: dict[Row, Any]) -> None:
    """Draw the tree with the numbers of its leaves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    axis = figure.subplots()
    columns = [
        ("ring:\nKL, nats", "ring", "forward kl"), ("ring:\ngood, %", "ring", "good"),
        ("images:\nNLL, nats", "images", "nll"), ("images:\nFrechet", "images", "frechet"),
    ]  # fmt: skip
    for name, (x, y, parent) in TREE.items():
        if parent is not None:
            axis.plot([TREE[parent][0] + 0.45, x - 0.45], [TREE[parent][1], y], color="0.7", linewidth=1, zorder=0)
        axis.text(x, y, name.replace("generative ", "generative\n"), ha="center", va="center", fontsize=9)
        cells = [_cell(figures, which, name, key) for _, which, key in columns]
        if name in growths:
            cells += [f"{next(iter(growths[name]['seconds'].values())):.2g}", f"{growths[name]['exponent'] or 0:.2f}"]
        for place, cell in enumerate(cells):
            axis.text(4.4 + 0.75 * place, y, cell, ha="center", va="center", fontsize=9)
    for place, heading in enumerate([*(each[0] for each in columns), "seconds for\n10 000", "exponent\nof pixels"]):
        axis.text(4.4 + 0.75 * place, 6.8, heading, ha="center", va="center", fontsize=9, fontweight="bold")
    axis.set(xlim=(-0.5, 8.7), ylim=(-0.4, 7.2))
    axis.axis("off")
    figure.savefig(path, dpi=120)


def _cell(figures: dict[Set, Any], which: Any, row: Any, key: str) -> str:
    values = figures.get(which, {}).get(row, {})
    if key == "forward kl":
        return f"{values[key]:.2f}" if key in values else _cell(figures, which, row, f"parzen {key}")
    digits = {"good": 1, "parzen forward kl": 2}.get(key, 1)
    text = f"{values[key] * (100 if key == 'good' else 1):.{digits}f}" if key in values else ""
    return f"{text}, Parzen" if text and key.startswith("parzen") else text


def main(config: Config) -> None:
    """Fit every row on every set, time the samples, then print, draw and write."""
    if min(config.seeds, config.timed, *config.parameters, *config.sizes) < 1 or min(config.samples) < 8:
        raise DataError("--seeds, --timed, --parameters and --sizes must be at least 1, --samples at least 8.")
    if (config.steps is not None and config.steps < 1) or not config.seconds > 0:
        raise DataError(f"--seconds {config.seconds:g} must be positive, and --steps {config.steps} at least 1.")
    if config.device != "cpu":
        raise DataError(f"--device {config.device}: the figures are times of one core, so that it can only be cpu.")
    ensure_writable(config.out)
    torch.set_num_threads(1)
    done, rows = finished(config), config.out / "rows"
    data = {which: load(config, which) for which in config.sets}
    readers = {
        which: Reader(each, config.reader_steps, config.seed) if each.form.bits else None
        for which, each in data.items()
    }
    seeds = range(config.seed, config.seed + config.seeds)
    fits = [(which, row, seed) for seed in seeds for which in config.sets for row in config.rows]
    left = [each for each in fits if title(*each) not in done]
    for which, row, seed in track(left, f"{len(left)} fits"):
        fit(config, which, row, seed, data[which], readers[which])
    for row in track([row for row in config.rows if f"growth_{row}" not in done], "time of samples"):
        write_json(rows / f"growth_{row}.json", growth(config, row))
    found = {each: json.loads((rows / f"{title(*each)}.json").read_text()) for each in fits}
    growths = {row: json.loads((rows / f"growth_{row}.json").read_text()) for row in config.rows}
    figures = {
        which: {row: summary([found[which, row, seed] for seed in seeds]) for row in config.rows}
        for which in config.sets
    }
    floor = real(data, readers, config.samples)
    for which in config.sets:
        Console(width=150).print(table(which, figures[which], floor[which]))
    draw(config, data, growths, figures)
    seconds = sum(each["seconds"] for each in found.values())
    write_result(
        config.out, "taxonomy", asdict(config),
        {
            f"{which}, {row}, {score}": round(value, 5)
            for which, by_row in figures.items() for row, values in by_row.items() for score, value in values.items()
        },
        f"means over {config.seeds} seeds; the best of 10 looks at held-out data where a model has a loss to look at; "
        "figures of test data; seconds are process time of one core",
        seconds, sum(each["steps"] for each in found.values()) / max(seconds, 1e-9), config.device,
        rows={title(*each): values for each, values in found.items()}, growth=growths, real=floor,
        images={"pixels": data["images"].form.size, "test": len(data["images"].test)} if "images" in data else {},
    )  # fmt: skip
    print(f"{time.process_time():.0f} s of one core; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
