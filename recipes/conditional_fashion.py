"""Draw clothes of a wanted kind: five ways of telling a GAN the class, side by side at an equal budget.

    python recipes/conditional_fashion.py --data FOLDER --out runs/fashion

FOLDER holds the four idx.gz files of Fashion-MNIST, or of any set of that form.  All arms have networks of the same
size, the same steps and the same batches; only `concatenation` has a generator without conditional normalization, and
the discriminators differ in how they look at the class.  A small classifier, trained here on the real training images,
judges: does it see the wanted class (hit rate), how much of each class's variety is there (density and coverage), how
far are its features from real ones (Frechet distance)?  And how well does a classifier trained on generated images
alone read real test images?  Leaves in --out pictures of samples and scores, and result.json; --resume skips what a
killed run has finished and goes on within the fit it was killed in.
"""

import json
import shutil
import time
from collections.abc import Mapping
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
from torch import Tensor

from gan_ext import Compute, ConditionalGAN
from gan_ext.data import DataError, ImageData, read_mnist
from gan_ext.engine import ensure_writable, read_tensors, resolve_device, write_tensors
from gan_ext.estimators import (
    AuxiliaryClassifier,
    ClassConditioning,
    Concatenation,
    ConditionalNormalization,
    DiscriminativeClassifier,
    Projection,
)
from gan_ext.explorer import write_explorer
from gan_ext.latents import Categorical, Product
from gan_ext.metrics import class_density_coverage, frechet_distance
from gan_ext.nets import Classifier, conv_discriminator, data_dependent_init
from gan_ext.pictures import draw_images
from gan_ext.runs import Progress, plain_errors, write_json, write_result

Array = NDArray[Any]
Arm = Literal["concatenation", "normalization", "projection", "ac-gan", "adc-gan"]
ARMS: dict[Arm, ClassConditioning] = {
    "concatenation": Concatenation(),
    "normalization": ConditionalNormalization(),
    "projection": Projection(),
    "ac-gan": AuxiliaryClassifier(),
    "adc-gan": DiscriminativeClassifier(),
}
CLOTHES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
SCORES = {
    "hit rate": "the classifier sees the wanted class, in %",
    "coverage": "real images with a generated one near, within classes",
    "density": "generated images near real ones, within classes; 1 for real",
    "frechet": "Frechet distance of the classifier's features",
    "gan-train": "accuracy on real images of a classifier trained on generated ones, in %",
}


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files."""
    out: Path = Path("runs/conditional_fashion")
    """Where pictures, checkpoints and result.json go."""
    arms: tuple[Arm, ...] = ("concatenation", "normalization", "projection", "ac-gan", "adc-gan")
    """Ways of telling the class."""
    seeds: int = 1
    """Fits of each arm, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """The first seed."""
    steps: int = 5000
    """Training steps of one fit."""
    batch_size: int = 64
    """Images in a step."""
    channels: int = 64
    """Channels of the generator's first layer; the discriminator has half as many in its first."""
    learning_rate: float = 1e-3
    """Of both players; flat for the first half, then falling to 0."""
    mode_seeking: float = 0.0
    """Weight of the term against samples that differ less than their noise."""
    r1: float = 0.0
    """Weight of the penalty on the discriminator's gradients."""
    spectral: bool = True
    """Whether the discriminator is spectrally normalized."""
    classifier_steps: int = 3000
    """Training steps of every classifier, of 100 images each."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks in training."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    save_every: int = 500
    """Steps between checkpoints."""
    validation: int = 0
    """Training images kept apart; if not 0, they take the place of the test images in every figure (for choosing
    settings without a look at test data)."""
    resume: bool = False
    """Go on where a killed run stopped."""


class Judge:
    """A classifier of real images, and the images that everything is compared with."""

    def __init__(self, config: Config, x: Array, y: Array, x_held: Array, y_held: Array) -> None:
        self.config, self.y = config, y_held
        self.net = kept_classifier(config, x, y)
        self.x = x_held
        self.features, predicted = self.read(x_held)
        self.accuracy = 100 * float(np.mean(predicted == y_held))

    def read(self, x: Array) -> tuple[Array, Array]:
        """Return the features [n, F] and the classes [n] that the classifier gives to images."""
        return read(self.net, x, self.config)

    def scores(self, x: Array, x_train: Array, y_train: Array, label: str) -> dict[str, float]:
        """Return all scores of images x [n, ...] of the held-out classes, and of a larger set to train on."""
        features, predicted = self.read(x)
        within = class_density_coverage(self.features, self.y, features, self.y).values()
        pupil = train_classifier(self.config, x_train, y_train, seed=2, label=label)
        return {
            "hit rate": 100 * float(np.mean(predicted == self.y)),
            "coverage": float(np.mean([each.coverage for each in within])),
            "density": float(np.mean([each.density for each in within])),
            "frechet": frechet_distance(self.features, features),
            "gan-train": 100 * float(np.mean(read(pupil, self.x, self.config)[1] == self.y)),
        }


def read(net: Classifier, x: Array, config: Config) -> tuple[Array, Array]:
    """Return the features [n, F] and the classes [n] that a classifier gives to images."""
    device = resolve_device(config.device)
    with torch.no_grad():
        parts = [net(part.to(device)) for part in torch.from_numpy(x).split(2000)]
    features = torch.cat([part.features for part in parts]).cpu().numpy()
    return features, torch.cat([part.logits.argmax(1) for part in parts]).cpu().numpy()


def train_classifier(config: Config, x: Array, y: Array, seed: int, label: str) -> Classifier:
    """Train a small convolutional net on images x [n, c, h, w] of classes y [n], and return it for use."""
    torch.manual_seed(seed)
    device, compute = resolve_device(config.device), Compute(config.device, config.precision)
    images, classes = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    net = new_classifier(x, y)
    data_dependent_init(net, images[:500].cpu())
    net = net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in track(range(config.classifier_steps), label, transient=True):
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / config.classifier_steps)
        rows = torch.randint(len(images), (100,)).to(device)
        with compute.autocast(device):
            logits: Tensor = net(images[rows]).logits
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits.float(), classes[rows]).backward()
        optimizer.step()
    return net.eval()


def kept_classifier(config: Config, x: Array, y: Array) -> Classifier:
    """Train the classifier that judges, or take the one that a killed run has trained."""
    path = config.out / "classifier.safetensors"
    if not path.exists():
        net = train_classifier(config, x, y, seed=1, label="classifier of real images")
        write_tensors(path, net.state_dict(), {})
    net = new_classifier(x, y)
    net.load_state_dict(read_tensors(path).tensors)
    return net.to(resolve_device(config.device)).eval()


def new_classifier(x: Array, y: Array) -> Classifier:
    """Return a small convolutional net for images x [n, c, h, w] of classes y [n]."""
    return conv_discriminator(x.shape[1:], len(np.unique(y)), channels=32, features=128, input_noise=0, noise=0.3)


def load(config: Config) -> tuple[Array, Array, Array, Array]:
    """Return training images and classes, and those that figures are measured on."""
    data: ImageData = read_mnist(config.data)
    x, x_test = (part[:, None].astype(np.float32) / 255 for part in (data.x_train, data.x_test))
    if not config.validation:
        return x, data.y_train, x_test, data.y_test
    if not 0 < config.validation < len(x):
        raise DataError(f"--validation {config.validation} must be below the {len(x)} training images.")
    split = len(x) - config.validation
    return x[:split], data.y_train[:split], x[split:], data.y_train[split:]


def fit(config: Config, arm: Arm, seed: int, x: Array, y: Array) -> ConditionalGAN:
    """Fit one arm, with a live bar and checkpoints."""
    with Progress(config.steps, f"{arm}, seed {seed}") as progress:
        return ConditionalGAN(
            ARMS[arm],
            max_iter=config.steps,
            batch_size=config.batch_size,
            channels=config.channels,
            learning_rate=config.learning_rate,
            mode_seeking=config.mode_seeking,
            r1=config.r1,
            spectral=config.spectral,
            precision=config.precision,
            device=config.device,
            checkpoint=config.out / "fits" / f"{arm}-seed-{seed}",
            checkpoint_every=config.save_every,
            callbacks=(progress,),
            random_state=seed,
        ).fit(x, y)


def run(config: Config, arm: Arm, seed: int, x: Array, y: Array, judge: Judge) -> dict[str, float]:
    """Fit one arm, draw its samples, and return its scores and the seconds of the fit."""
    start = time.monotonic()
    model = fit(config, arm, seed, x, y)
    seconds = time.monotonic() - start
    classes = np.repeat(model.classes_, 10)
    np.save(config.out / f"samples-{arm}-{seed}.npy", model.sample(y=classes, random_state=0)[:, 0].astype(np.float32))
    write_explorer(
        config.out / f"classes-{arm}-{seed}.html", model.game_.generator,
        Product(clothing=Categorical(len(model.classes_))), model.game_.prior, model.sample_shape_,
        title=f"Fashion-MNIST by class: {arm}", text="Choose a class, and draw new noise.",
        labels={"clothing": [CLOTHES[k] for k in model.classes_]},
    )  # fmt: skip
    made = model.sample(y=judge.y, random_state=1).astype(np.float32)
    lesson = model.sample(y=y, random_state=2).astype(np.float32)  # as many as there are real ones, of the same classes
    return {**judge.scores(made, lesson, y, f"classifier of images by {arm}"), "seconds": seconds}


def real_scores(config: Config, x: Array, y: Array, judge: Judge) -> dict[str, float]:
    """Return the scores of real training images, as many of each class as are held out: what can be reached."""
    rng, rows = np.random.default_rng(config.seed), np.empty(len(judge.y), np.int64)
    for each in np.unique(judge.y):
        wanted = judge.y == each
        rows[wanted] = rng.choice(np.flatnonzero(y == each), wanted.sum())
    scores = judge.scores(x[rows], x, y, "a second classifier of real images")
    return {**scores, "hit rate": judge.accuracy, "seconds": 0.0}  # on images that it was not trained on


def finished(config: Config) -> dict[str, Any]:
    """Return what a killed run with the same settings has finished."""
    path, free = (
        config.out / "finished.json",
        {"out", "arms", "seeds", "seed", "device", "threads", "save_every", "resume"},
    )
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    shutil.rmtree(config.out / "fits", ignore_errors=True)
    (config.out / "classifier.safetensors").unlink(missing_ok=True)
    fresh: dict[str, Any] = {"settings": settings, "rows": {}}
    write_json(path, fresh)  # at once, so that a run killed in its first fit can be resumed too
    return fresh


def mean(rows: list[dict[str, float]], score: str) -> float:
    """Return the mean of a score over seeds."""
    return float(np.mean([row[score] for row in rows]))


def spread(rows: list[dict[str, float]], score: str) -> float:
    """Return the standard deviation of a score over seeds, 0 for one."""
    return float(np.std([row[score] for row in rows], ddof=1)) if len(rows) > 1 else 0.0


def table(rows: Mapping[str, list[dict[str, float]]]) -> Table:
    """Lay the scores out, the best generated one of each in bold."""
    shown = Table(title="Class-conditional generation, mean (+- standard deviation) over seeds")
    for heading in ("", *SCORES, "seconds"):
        shown.add_column(heading, justify="right" if heading else "left")
    best = {score: (min if score == "frechet" else max) for score in SCORES}
    arms = [arm for arm in rows if arm != "real images"]
    for arm, scores in rows.items():
        cells = []
        for score in (*SCORES, "seconds"):
            text = f"{mean(scores, score):.3g}" + (f" +- {spread(scores, score):.2g}" if len(scores) > 1 else "")
            top = score in best and arm == best[score](arms, key=lambda each: mean(rows[each], score))
            cells.append(f"[bold]{text}[/]" if top else text)
        shown.add_row(arm, *cells)
    return shown


def draw_scores(path: Path, rows: Mapping[str, list[dict[str, float]]]) -> None:
    """Draw a bar for every arm and score, and a line for real images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.1 * len(SCORES), 3.4), layout="constrained")
    arms = [arm for arm in rows if arm != "real images"]
    for axis, score in zip(figure.subplots(1, len(SCORES)), SCORES):
        heights, errors = ([function(rows[arm], score) for arm in arms] for function in (mean, spread))
        axis.bar(range(len(arms)), heights, yerr=errors, color=[f"C{n}" for n in range(len(arms))])
        axis.axhline(mean(rows["real images"], score), color="black", linestyle=":", linewidth=1, label="real images")
        axis.set_xticks(range(len(arms)), arms, rotation=40, ha="right", fontsize=8)
        axis.set_title(score + (" (lower is better)" if score == "frechet" else ""), fontsize=10)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main(config: Config) -> None:
    """Fill the table arm by arm, then print, draw and write it."""
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    x, y, x_held, y_held = load(config)
    kept, start = finished(config), time.monotonic()
    done: dict[str, dict[str, float]] = kept["rows"]
    judge = Judge(config, x, y, x_held, y_held)
    part = "validation" if config.validation else "test"
    print(f"The classifier reads {judge.accuracy:.2f} % of the real {part} images right.")

    def score(name: str, make: Any) -> None:
        if name not in done:
            done[name] = make()
            write_json(config.out / "finished.json", kept)

    score("real images", lambda: real_scores(config, x, y, judge))
    seeds = range(config.seed, config.seed + config.seeds)
    for seed in seeds:
        for arm in config.arms:
            score(f"{arm}/{seed}", lambda: run(config, arm, seed, x, y, judge))  # noqa: B023  # called at once
    rows = {"real images": [done["real images"]]}
    for arm in config.arms:
        rows[arm] = [done[f"{arm}/{seed}"] for seed in seeds]
    Console(width=120).print(table(rows))
    panels: dict[str, Array] = {arm: np.load(config.out / f"samples-{arm}-{config.seed}.npy") for arm in config.arms}
    draw_images(config.out / "samples.png", panels)
    draw_scores(config.out / "scores.png", rows)
    metrics = {"classifier, accuracy on real images": round(judge.accuracy, 3)}
    for title, scores in rows.items():
        metrics |= {f"{title}, {name}": round(mean(scores, name), 4) for name in SCORES}
        if len(scores) > 1:
            metrics |= {f"{title}, {name}, std": round(spread(scores, name), 4) for name in SCORES}
    seconds = sum(row["seconds"] for scores in rows.values() for row in scores)
    write_result(
        config.out, "conditional_fashion", asdict(config), metrics,
        f"{len(judge.y)} generated images of the classes of as many {part} images, averaged weights of the last step; "
        "features and hit rate of a classifier trained on real images; mean over seeds",
        seconds, len(config.arms) * config.seeds * config.steps / max(seconds, 1e-9), config.device,
        rows=done, scores=SCORES,
    )  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
