"""What each ingredient of the semi-supervised objective is worth, and what it costs.

    python benchmarks/ablation.py --out runs/ablation
    python benchmarks/ablation.py --data FOLDER --labels 20 100 1000 --seeds 2 --steps 800 --out runs/ablation-mnist

The base is the objective of `recipes/semi_supervised_mnist.py`: the game, a teacher whose sure classes are labels,
virtual adversarial smoothing, a balance of classes, and bent labeled images.  Each of those is removed once, each
other ingredient is added once, at every number of labels, on the same splits and with the same steps: of
scikit-learn's embedded digits, or of MNIST where FOLDER holds its four idx.gz files.  The error is that on validation
images: this is for choosing.  Weights are those of the papers where there is one, else 1; nothing is tuned, so an
ingredient that does not help here may with another weight, longer training or other data.

The cost is processor time for one step, the median of several short fits in one process.  A killed run goes on where it
stopped.
"""

import json
import statistics
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import tyro
from sklearn.datasets import load_digits

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.data import RandomAffine, read_mnist, semi_supervised_split
from gan_ext.engine import ensure_writable
from gan_ext.nets import compact_discriminator, mlp_encoder, mlp_generator
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

LATENT = 50


@dataclass
class Config:
    """Settings."""

    data: Path | None = None
    """Folder with the four idx.gz files of MNIST; the embedded digits if not given."""
    out: Path = Path("runs/ablation")
    """Where finished fits and result.json go."""
    labels: tuple[int, ...] = (20, 50, 100)
    """Labeled images over all classes."""
    seeds: int = 3
    """Splits, with seeds seed, seed + 1, ..."""
    seed: int = 200
    """The first seed."""
    steps: int = 400
    """Training steps of one fit."""
    validation: int = 500
    """Images kept apart, on which the error is measured."""
    jobs: int = 1
    """Fits at a time."""
    cost_steps: int = 40
    """Steps of the short fits that the cost is measured by."""
    cost_repeats: int = 3
    """Short fits of each arm."""
    only: tuple[str, ...] = ()
    """Arms to run; all if not given."""


class Data(NamedTuple):
    """Images [n, 1, side, side] with their classes, for training and for validation."""

    x: np.ndarray
    y: np.ndarray
    x_held: np.ndarray
    y_held: np.ndarray


def fit(config: Config, side: int, **options: Any) -> SemiSupervisedGANClassifier:
    """Return a classifier without any term of its own."""
    nets: dict[str, Any] = {}
    if side == 28:
        nets = {"discriminator": compact_discriminator, "generator": partial(mlp_generator, widths=(500, 500))}
    precision = "bfloat16" if nets else "float32"  # which is faster for nets as small as those for 8 x 8 pixels
    settings = {"augment": RandomAffine(shift=side / 14), "precision": precision} | nets | options
    return SemiSupervisedGANClassifier(
        max_iter=config.steps, latent_dim=LATENT, entropy=0.0, smoothing=0.0, device="cpu",
        **settings,
    )  # fmt: skip


def arms(config: Config, side: int) -> dict[str, SemiSupervisedGANClassifier]:
    """Return every objective by its name: the base, the base without something, the base with something."""
    bent, shape = RandomAffine(shift=side / 14), (1, side, side)
    teacher = MeanTeacher(bent, decay=0.999, threshold=0.95)
    smoothing = VirtualAdversarial(2.0)
    base: list[Term | GeneratorTerm] = [teacher, smoothing]

    def with_tangents() -> list[Term | GeneratorTerm]:
        encoder = mlp_encoder(shape, LATENT)
        return [VariationalEntropy(encoder, 0.01), TangentSmoothing(encoder, radius=1.0)]

    found = {
        "base": fit(config, side, terms=base),
        "- game (w = 0)": fit(config, side, terms=base, unsupervised=0.0),
        "- teacher": fit(config, side, terms=[smoothing]),
        "- virtual adversarial": fit(config, side, terms=[teacher]),
        "- balance of classes": fit(config, side, terms=base, balance=0.0),
        "- bent labeled images": fit(config, side, terms=base, augment=None),
        "the game alone": fit(config, side, balance=0.0, augment=None),
    }
    added: dict[str, list[Term | GeneratorTerm]] = {
        "conditional entropy": [ConditionalEntropy(0.3)],
        "manifold (Jacobian)": [ManifoldSmoothing()],
        "tangent, variational entropy": with_tangents(),
        "mix-up": [MixUp()],
        "Pi-model": [PiModel(bent, 10.0)],
        "pull-away": [PullAway(0.8)],
        "variational entropy": [VariationalEntropy(mlp_encoder(shape, LATENT), 0.01)],
        "covariance matching": [FeatureMatching(), FeatureMatching("covariance")],
        "absolute in place of mean matching": [FeatureMatching("absolute")],
        "MMD in place of mean matching": [FeatureMatching("mmd")],
    }
    instead: dict[str, list[Term | GeneratorTerm]] = {
        "published mean teacher (no threshold)": [MeanTeacher(bent, 10.0, decay=0.999)],
        "own sure classes, no teacher (FixMatch-like)": [PseudoLabel(bent)],
    }
    found |= {f"+ {name}": fit(config, side, terms=base + terms) for name, terms in added.items()}
    found |= {f"teacher -> {name}": fit(config, side, terms=[smoothing, *terms]) for name, terms in instead.items()}
    return {name: model for name, model in found.items() if not config.only or name in config.only}


def load(config: Config) -> Data:
    """Return training images, and validation images kept apart from them; test images are not looked at."""
    if config.data is None:
        x, y = load_digits(return_X_y=True)
        x = x.reshape(-1, 1, 8, 8).astype(np.float32)
    else:
        data = read_mnist(config.data)
        x, y = data.x_train[:, None].astype(np.float32), data.y_train
    split = semi_supervised_split(y, 10, n_validation=config.validation, random_state=0)
    rest = np.setdiff1d(np.arange(len(y)), split.validation)
    return Data(x[rest], y[rest], x[split.validation], y[split.validation])


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
    side = data.x.shape[-1]
    protocol = SemiSupervisedProtocol(
        config.labels, range(config.seed, config.seed + config.seeds), n_jobs=config.jobs, measure_every=0, verbose=True
    )
    start = time.monotonic()
    result = protocol.run(arms(config, side), *data, folder=config.out / "scores")
    seconds = time.monotonic() - start
    path = config.out / "costs.json"
    if not path.exists():
        split = semi_supervised_split(data.y, 100, random_state=0)
        path.write_text(json.dumps(costs(config, arms(config, side), *split.training_data(data.x, data.y))))
    cost = json.loads(path.read_text())
    metrics = {}
    for each in (result.summary(name, count) for name in result.estimators for count in config.labels):
        metrics[f"{each.estimator}, {each.n_labeled} labels, mean"] = 100 * each.mean
        metrics[f"{each.estimator}, {each.n_labeled} labels, std"] = 100 * each.std
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
