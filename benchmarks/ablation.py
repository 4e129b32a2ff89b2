"""What each ingredient of the semi-supervised objective is worth, and what it costs.

    python benchmarks/ablation.py --data FOLDER --out runs/ablation

The base is the objective of `recipes/semi_supervised_mnist.py`: the game, a teacher whose sure classes are labels, a
balance of classes, and bent labelled images.  Each of those is removed once, each other ingredient is added once, at
every number of labels, on the same splits of MNIST and with the same steps.  The error is that on validation images:
this is for choosing.  Weights are those of the papers where there is one, else 1; nothing is tuned, so an ingredient
that does not help here may with another weight, longer training or other data.

The cost is processor time for one step over the base's, the median of several short fits in one process.  A killed run
goes on where it stopped.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.data import ImageData, RandomAffine, read_mnist, semi_supervised_split
from gan_ext.engine import ensure_writable
from gan_ext.nets import compact_discriminator, conv_encoder, mlp_generator
from gan_ext.runs import plain_errors, write_result
from gan_ext.terms import (
    ConditionalEntropy,
    FeatureMatching,
    GeneratorTerm,
    ManifoldSmoothing,
    MeanTeacher,
    MixUp,
    PiModel,
    PseudoLabel,
    PullAway,
    TangentSmoothing,
    Term,
    VariationalEntropy,
    VirtualAdversarial,
)

SHAPE, LATENT = (1, 28, 28), 100


@dataclass
class Config:
    """Settings."""

    data: Path
    """Folder with the four idx.gz files."""
    out: Path = Path("runs/ablation")
    """Where finished fits and result.json go."""
    labels: tuple[int, ...] = (20, 100, 1000)
    """Labelled images over all classes."""
    seeds: int = 2
    """Splits, with seeds seed, seed + 1, ..."""
    seed: int = 200
    """The first seed."""
    steps: int = 800
    """Training steps of one fit."""
    channels: int = 16
    """Channels of the discriminator's first convolution."""
    validation: int = 5000
    """Training images kept apart, on which the error is measured."""
    jobs: int = 1
    """Fits at a time."""
    cost_steps: int = 40
    """Steps of the short fits that the cost is measured by."""
    cost_repeats: int = 3
    """Short fits of each arm."""
    only: tuple[str, ...] = ()
    """Arms to run; all if not given."""


def teacher(threshold: float | None = 0.95) -> MeanTeacher:
    """Return the base's teacher."""
    return MeanTeacher(RandomAffine(), decay=0.999, threshold=threshold)


def with_tangents() -> list[Term | GeneratorTerm]:
    """Return smoothing along the generator's surface, and the term that teaches the encoder it needs."""
    encoder = conv_encoder(SHAPE, LATENT)
    return [VariationalEntropy(encoder, 0.01), TangentSmoothing(encoder, radius=1.0)]


def arms(config: Config) -> dict[str, SemiSupervisedGANClassifier]:
    """Return every objective by its name: the base, the base without something, the base with something."""
    base: list[Term | GeneratorTerm] = [teacher()]
    fit = partial(
        SemiSupervisedGANClassifier,
        max_iter=config.steps,
        generator=partial(mlp_generator, widths=(500, 500)),
        discriminator=partial(compact_discriminator, channels=config.channels),
        latent_dim=LATENT, entropy=0.0, smoothing=0.0, averaging=0.99, precision="bfloat16", device="cpu",
    )  # fmt: skip
    bent = RandomAffine()
    without: dict[str, Callable[[], Any]] = {
        "base": lambda: fit(augment=bent, terms=base),
        "- game (w = 0)": lambda: fit(augment=bent, terms=base, unsupervised=0.0),
        "- teacher": lambda: fit(augment=bent),
        "- balance of classes": lambda: fit(augment=bent, terms=base, balance=0.0),
        "- bent labelled images": lambda: fit(terms=base),
    }
    added: dict[str, Callable[[], list[Term | GeneratorTerm]]] = {
        "conditional entropy": lambda: [ConditionalEntropy(0.3)],
        "virtual adversarial": lambda: [VirtualAdversarial(2.0)],
        "manifold (Jacobian)": lambda: [ManifoldSmoothing()],
        "tangent, variational entropy": with_tangents,
        "mix-up": lambda: [MixUp()],
        "Pi-model": lambda: [PiModel(RandomAffine(), 10.0)],
        "pull-away": lambda: [PullAway(0.8)],
        "variational entropy": lambda: [VariationalEntropy(conv_encoder(SHAPE, LATENT), 0.01)],
        "covariance matching": lambda: [FeatureMatching(), FeatureMatching("covariance")],
        "absolute in place of mean matching": lambda: [FeatureMatching("absolute")],
        "MMD in place of mean matching": lambda: [FeatureMatching("mmd")],
    }
    instead: dict[str, Callable[[], list[Term | GeneratorTerm]]] = {
        "published mean teacher (no threshold)": lambda: [MeanTeacher(RandomAffine(), 10.0, decay=0.999)],
        "own sure classes, no teacher (FixMatch-like)": lambda: [PseudoLabel(RandomAffine())],
    }
    found = {name: make() for name, make in without.items()}
    found |= {f"+ {name}": fit(augment=bent, terms=base + make()) for name, make in added.items()}
    found |= {f"teacher -> {name}": fit(augment=bent, terms=make()) for name, make in instead.items()}
    return {name: model for name, model in found.items() if not config.only or name in config.only}


def load(config: Config) -> ImageData:
    """Return training images, and validation images in the place of test images, which are not looked at."""
    data = read_mnist(config.data)
    kept = semi_supervised_split(data.y_train, 10, n_validation=config.validation, random_state=0).validation
    rest = np.setdiff1d(np.arange(len(data.y_train)), kept)
    return ImageData(data.x_train[rest], data.y_train[rest], data.x_train[kept], data.y_train[kept])


def costs(config: Config, models: dict[str, Any], x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return processor seconds a step for every arm."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(config.cost_repeats):
        for name, model in models.items():
            clock = _Clock()
            model.set_params(max_iter=config.cost_steps, callbacks=[clock], random_state=0).fit(x, y)
            seconds[name].append(statistics.median(clock.steps()))
    return {name: statistics.median(found) for name, found in seconds.items()}


class _Clock:
    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, engine: Any) -> None:
        self.times.append(time.process_time())

    def steps(self) -> list[float]:
        """Return the processor seconds of every step but the first five."""
        return np.diff(self.times)[5:].tolist()


def main(config: Config) -> None:
    """Run every arm on every split."""
    ensure_writable(config.out)
    torch.set_num_threads(1)
    data = load(config)
    images = [part[:, None].astype(np.float32) for part in (data.x_train, data.x_test)]
    protocol = SemiSupervisedProtocol(
        config.labels, range(config.seed, config.seed + config.seeds), n_jobs=config.jobs, measure_every=0, verbose=True
    )
    start = time.monotonic()
    result = protocol.run(arms(config), images[0], data.y_train, images[1], data.y_test, folder=config.out / "scores")
    seconds = time.monotonic() - start
    path = config.out / "costs.json"
    if not path.exists():
        split = semi_supervised_split(data.y_train, 100, random_state=0)
        path.write_text(json.dumps(costs(config, arms(config), *split.training_data(images[0], data.y_train))))
    cost = json.loads(path.read_text())
    metrics = {}
    for each in (result.summary(name, count) for name in result.estimators for count in config.labels):
        metrics[f"{each.estimator}, {each.n_labelled} labels, mean"] = 100 * each.mean
        metrics[f"{each.estimator}, {each.n_labelled} labels, std"] = 100 * each.std
    metrics |= {f"{name}, seconds a step": value for name, value in cost.items()}
    print(result)
    print("\n".join(f"{1000 * value:6.1f} ms of processor time a step: {name}" for name, value in cost.items()))
    write_result(
        config.out, "ablation", asdict(config), metrics,
        f"error in % on {config.validation} validation images, averaged weights of the last step",
        seconds, 1 / cost["base"], "cpu", cells=[cell._asdict() for cell in result.cells],
    )  # fmt: skip


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
