"""What a classifier of few labels is worth besides its error: calibration, rejection, foreign images, an ensemble.

    python benchmarks/after_fit.py --data MNIST --fashion FASHION --cifar CIFAR --out runs/after_fit

Fits several seeds of the objective of `recipes/semi_supervised_mnist.py` on one split of MNIST, sets each one's
temperature on validation images, and then looks at MNIST's test images and at foreign ones, which no fit and no
temperature has seen: the calibration error before and after, the area under the curve that tells foreign from familiar
images by each kind of novelty, the error on the surest part of the images, and all of that for the ensemble of the
seeds.

Foreign are the test images of Fashion-MNIST, and of CIFAR-10 in gray, cut to the middle 28 x 28 pixels.  The form of
`feature_distance` was chosen with a look at Fashion-MNIST (see docs/results.md); CIFAR-10 had no part in it.
"""

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import tyro

from gan_ext import SeedEnsembleClassifier, SemiSupervisedGANClassifier
from gan_ext.data import RandomAffine, read_cifar10, read_mnist, semi_supervised_split
from gan_ext.engine import ensure_writable
from gan_ext.estimators import NoveltyScore
from gan_ext.metrics import auroc, expected_calibration_error, false_positive_rate, risk_coverage
from gan_ext.nets import compact_discriminator, mlp_generator
from gan_ext.runs import plain_errors, write_result
from gan_ext.terms import MeanTeacher, VirtualAdversarial


@dataclass
class Config:
    """Settings."""

    data: Path
    """Folder with the four idx.gz files of MNIST."""
    fashion: Path
    """Folder with those of Fashion-MNIST."""
    cifar: Path | None = None
    """Folder with CIFAR-10; left out if not given."""
    out: Path = Path("runs/after_fit")
    """Where result.json goes."""
    labels: int = 100
    """Labeled images over all classes."""
    validation: int = 1000
    """Labeled images kept apart for the temperature; a practitioner with fewer sets it worse."""
    members: int = 3
    """Seeds in the ensemble."""
    seed: int = 0
    """Of the split and of the ensemble's seeds."""
    steps: int = 3000
    """Training steps of one fit."""
    unsupervised: float = 1.0
    """Weight of telling real from generated images; 0 shows what is left without the GAN."""
    jobs: int = 1
    """Fits at a time."""


def objective(config: Config) -> SemiSupervisedGANClassifier:
    """Return the classifier that is fitted."""
    bent = RandomAffine()
    return SemiSupervisedGANClassifier(
        max_iter=config.steps,
        generator=partial(mlp_generator, widths=(500, 500)),
        discriminator=compact_discriminator,
        latent_dim=100,
        unsupervised=config.unsupervised,
        entropy=0.0,
        smoothing=0.0,
        averaging=0.999,
        clip=1.0,
        augment=bent,
        terms=(MeanTeacher(bent, decay=0.999, threshold=0.95), VirtualAdversarial(2.0)),
        precision="bfloat16",
        device="cpu",
    )


def figures(probabilities: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return what class probabilities alone say: error, calibration, and the error on the surest images."""
    right, sure = probabilities.argmax(1) == y, probabilities.max(1)
    curve = risk_coverage(sure, right)
    found = {
        "error, %": 100 * float(1 - right.mean()),
        "calibration error, %": 100 * expected_calibration_error(y, probabilities),
    }
    for share in (0.99, 0.95, 0.9):
        found[f"error on the surest {share:.0%}, %"] = 100 * float(np.interp(share, curve.coverage, curve.risk))
    return found | {"area under risk and coverage": curve.area}


def foreign_images(config: Config) -> dict[str, np.ndarray]:
    """Return foreign images by the name of their set."""
    found = {"Fashion-MNIST": read_mnist(config.fashion).x_test[:, None].astype(np.float32)}
    if config.cifar is not None:
        gray = read_cifar10(config.cifar).x_test.astype(np.float32).mean(1, keepdims=True)
        found["CIFAR-10"] = np.ascontiguousarray(gray[:, :, 2:30, 2:30])
    return found


def foreignness(
    model: SemiSupervisedGANClassifier, known: np.ndarray, foreign: dict[str, np.ndarray]
) -> dict[str, float]:
    """Return how well each kind of novelty tells foreign images from familiar ones."""
    found = {}
    for score in get_args(NoveltyScore):
        familiar = model.novelty(known, score)
        for name, images in foreign.items():
            strange = model.novelty(images, score)
            found[f"{name}: AUROC, {score}"] = auroc(familiar, strange)
            found[f"{name}: let in at 95 % of familiar, {score}, %"] = 100 * false_positive_rate(familiar, strange)
    return found


def main(config: Config) -> None:
    """Fit, and look."""
    ensure_writable(config.out)
    torch.set_num_threads(1)
    data, foreign = read_mnist(config.data), foreign_images(config)
    x, x_test = (part[:, None].astype(np.float32) for part in (data.x_train, data.x_test))
    split = semi_supervised_split(data.y_train, config.labels, n_validation=config.validation, random_state=config.seed)
    start = time.monotonic()
    ensemble = SeedEnsembleClassifier(
        objective(config), config.members, n_jobs=config.jobs, random_state=config.seed
    ).fit(*split.training_data(x, data.y_train))
    seconds = time.monotonic() - start
    rows = []
    for member in ensemble.estimators_:
        raw = expected_calibration_error(data.y_test, member.predict_proba(x_test))
        member.calibrate(x[split.validation], data.y_train[split.validation])
        row = {"calibration error before, %": 100 * raw, "temperature": float(member.temperature_)}
        rows.append(row | figures(member.predict_proba(x_test), data.y_test) | foreignness(member, x_test, foreign))
    metrics: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        metrics[f"{name}, mean"], metrics[f"{name}, std"] = float(np.mean(values)), float(np.std(values, ddof=1))
    whole = figures(ensemble.predict_proba(x_test), data.y_test)
    for name, images in foreign.items():
        unsure = [1 - ensemble.predict_proba(part).max(1) for part in (x_test, images)]
        whole[f"{name}: AUROC, max_probability"] = auroc(*unsure)
        pair = ensemble.disagreement(x_test), ensemble.disagreement(images)
        whole[f"{name}: AUROC, disagreement"] = auroc(*pair)
    metrics |= {f"ensemble: {name}": value for name, value in whole.items()}
    for name, value in metrics.items():
        print(f"{value:9.4f}  {name}")
    write_result(
        config.out, "after_fit", asdict(config), metrics,
        f"{len(x_test)} MNIST test images, foreign test images; temperatures set on validation images",
        seconds, config.steps * config.members / seconds, "cpu", rows=rows,
    )  # fmt: skip


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))
