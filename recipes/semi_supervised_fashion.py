"""Sort clothes from 1000 labels, beside the same network without its terms, and label spreading.

    python recipes/semi_supervised_fashion.py --data FOLDER --out runs/fashion

FOLDER holds the four idx.gz files of Fashion-MNIST, or of any set of that form.  Every method sees the same splits: the
labeled images are drawn by the seed, all others are shown without label, and test images are looked at once, after the
last step.  (They are also looked at on the way, for the column "best on test", which says what picking the best step
on them would have claimed.)  All networks are the same, and take the same number of steps.  Leaves in --out a picture
of the errors by number of labels (if there are several) and result.json.  A killed run goes on with --resume: whole
fits are not repeated, and a fit goes on where its last checkpoint was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading
from torch import nn

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.data import ImageData, RandomAffine, RandomFlip, read_mnist, semi_supervised_split
from gan_ext.estimators import LabeledOnly, ProtocolResult
from gan_ext.nets import Classifier, compact_discriminator, mlp_generator
from gan_ext.runs import Experiment, Seeds, at_least, launch, spread
from gan_ext.terms import MeanTeacher

Arm = Literal["gan", "game alone", "mean teacher", "supervised", "label spreading"]


@dataclass(kw_only=True)
class Config(Seeds):
    """Settings of the recipe."""

    data: Path
    """Folder with the four idx.gz files."""
    out: Path = Path("runs/semi_supervised_fashion")
    arms: tuple[Arm, ...] = ("gan", "game alone", "mean teacher", "supervised", "label spreading")
    """Methods: our best objective, the published game, a mean teacher, the labeled images alone, label spreading."""
    labels: tuple[int, ...] = (1000,)
    """Labeled images over all classes; several numbers make a learning curve."""
    seeds: int = 3
    jobs: int = 1
    """Fits at a time; more than one gives each a process with one thread."""
    steps: int = 3000
    """Training steps of one fit."""
    channels: int = 16
    """Channels of the networks' first convolution."""
    teacher: float = 1.0
    """Weight of following the teacher's sure classes."""
    unsupervised: float = 1.0
    """Weight of telling real from generated images in our best objective; 0 shows what is left without the GAN."""
    measure_every: int = 500
    """Steps between looks at the test error for the column "best on test"; 0 for none."""
    validation: int = 0
    """Training images kept apart; if not 0, they take the place of the test images in every figure (for choosing
    settings without a look at test data)."""
    device: str = "auto"
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks in training."""


def augment() -> nn.Module:
    """Return the transformations that leave a piece of clothing what it is: mirrored, moved and bent a little."""
    return nn.Sequential(RandomAffine(rotation=0.1, stretch=0.1, shear=0.1, shift=2.0), RandomFlip())


def network(shape: tuple[int, ...], classes: int, channels: int) -> Classifier:
    """Build the network that every method but label spreading uses."""
    return compact_discriminator(shape, classes, channels)


def gan(config: Config, **options: Any) -> SemiSupervisedGANClassifier:
    """Build a classifier; the terms for tables and small images are off unless an option puts them on."""
    settings: dict[str, Any] = {
        "entropy": 0.0, "balance": 0.0, "smoothing": 0.0, "augment": augment(), "averaging": 0.999,
        "generator": partial(mlp_generator, widths=(500, 500)), "latent_dim": 100, "clip": 1.0,
        "checkpoint": config.fits,
    }  # fmt: skip
    return SemiSupervisedGANClassifier(
        max_iter=config.steps,
        discriminator=partial(network, channels=config.channels),
        device=config.device,
        precision=config.precision,
        **settings | options,
    )


def label_spreading() -> Any:
    """Build label spreading over the ten nearest neighbors of pixels, which fits into memory."""
    flatten = FunctionTransformer(lambda x: x.reshape(len(x), -1) / 255)
    return make_pipeline(flatten, LabelSpreading(kernel="knn", n_neighbors=10))


def methods(config: Config) -> dict[str, Any]:
    """Return the methods by name."""
    teacher = MeanTeacher(augment(), config.teacher, decay=0.999, threshold=0.95)
    published = MeanTeacher(augment(), 100.0, decay=0.999)
    makers: dict[Arm, Callable[[], Any]] = {
        "gan": lambda: gan(config, unsupervised=config.unsupervised, balance=1.0, terms=(teacher,)),
        "game alone": lambda: gan(config),
        "mean teacher": lambda: gan(config, unsupervised=0.0, terms=(published,)),
        "supervised": lambda: LabeledOnly(gan(config, unsupervised=0.0, unlabeled=None, checkpoint=None)),
        "label spreading": label_spreading,
    }
    return {name: makers[name]() for name in config.arms}


def load(config: Config) -> ImageData:
    """Read the images; validation images, if wanted, take the place of the test images."""
    data = read_mnist(config.data)
    if not config.validation:
        return data
    kept = semi_supervised_split(data.y_train, 10, n_validation=config.validation, random_state=0).validation
    rest = np.setdiff1d(np.arange(len(data.y_train)), kept)
    return ImageData(data.x_train[rest], data.y_train[rest], data.x_train[kept], data.y_train[kept])


def metrics(result: ProtocolResult) -> dict[str, float]:
    """Return every figure by name, in percent and seconds."""
    found = {}
    for each in (result.summary(name, count) for name in result.estimators for count in result.n_labeled):
        name = f"{each.estimator}, {each.n_labeled} labels"
        found[f"{name}, mean"] = 100 * each.mean
        found[f"{name}, std"] = 100 * spread(each.errors).std
        found[f"{name}, best step on test"] = 100 * each.best_step
        found[f"{name}, best step and seed on test"] = 100 * each.best_on_test
        found[f"{name}, seconds"] = each.seconds
    return found


def main(config: Config) -> None:
    """Run all methods on all splits."""
    at_least(config, 1, "labels", "seeds", "steps", "jobs")
    data = load(config)
    run = Experiment("semi_supervised_fashion", config, free=("arms", "labels"))
    protocol = SemiSupervisedProtocol(
        config.labels, config.each_seed(), n_jobs=config.jobs, measure_every=config.measure_every, verbose=True
    )
    images = [part[:, None].astype(np.float32) for part in (data.x_train, data.x_test)]
    folder = config.out / "rows"
    result = protocol.run(methods(config), images[0], data.y_train, images[1], data.y_test, folder=folder)

    print(result)
    if len(config.labels) > 1:
        result.draw(config.out / "learning_curves.png")
    run.finish(
        metrics(result),
        f"error in % on {len(data.y_test)} {'validation' if config.validation else 'test'} images after the last step",
        steps=config.steps * len(result.cells), seconds=sum(cell.seconds for cell in result.cells),
        said="result.json is in {out}", cells=[cell._asdict() for cell in result.cells],
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)
