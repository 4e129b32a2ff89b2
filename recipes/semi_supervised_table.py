"""Sort the rows of a table from a few labels per class, beside label spreading and classifiers of scikit-learn.

    python recipes/semi_supervised_table.py --out runs/table

Takes scikit-learn's embedded tables (wine, breast cancer, iris), or tables of your own by --data.  A third of the rows
is held out for testing, the same for all seeds; of the others, the seed decides which show their label.  Every method
sees the same splits, and all columns are scaled to mean 0 and deviation 1 on the training rows, labeled or not.
Settings of all methods, ours included, were chosen on seeds from 100 on, and on training rows kept apart for that.
Leaves in --out result.json and a picture for each table.  A killed run goes on with --resume: whole fits are not
repeated, and a fit goes on where its last checkpoint was.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.data import DataError
from gan_ext.engine import ensure_writable
from gan_ext.estimators import LabeledOnly, ProtocolResult
from gan_ext.runs import Experiment, Seeds, Spread, at_least, launch, named, print_table, read_npz, spread

Array = NDArray[Any]
Table = Literal["wine", "breast_cancer", "iris"]
EMBEDDED: dict[Table, Callable[..., Any]] = {
    "wine": load_wine, "breast_cancer": load_breast_cancer, "iris": load_iris,
}  # fmt: skip


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    tables: tuple[Table, ...] = ("wine", "breast_cancer", "iris")
    """Tables of scikit-learn; unused if --data is given."""
    data: tuple[Path, ...] = ()
    """Tables of your own: .npz files with arrays X (n, d) and y (n,)."""
    out: Path = Path("runs/semi_supervised_table")
    labels: tuple[int, ...] = (1, 2, 5, 10)
    """Labels per class."""
    seeds: int = 10
    steps: int = 200
    """Training steps of one fit of ours."""
    unsupervised: float = 1.0
    """Weight of telling real rows from generated ones; 0 shows what is left without the game."""
    jobs: int = 1
    """Fits at a time; more than one gives each a process with one thread."""


def methods(config: Config, table: str) -> dict[str, Any]:
    """Return ours and what scikit-learn offers for the same task, by name."""
    spreading = {
        "label spreading, rbf": LabelSpreading(kernel="rbf", gamma=0.2, max_iter=500),
        "label spreading, knn": LabelSpreading(kernel="knn", n_neighbors=10, max_iter=500),
    }
    others = {
        "self-training SVC": SelfTrainingClassifier(SVC(C=10, probability=True)),
        "SVC, labeled rows only": LabeledOnly(SVC(C=10)),
        "logistic regression, labeled rows only": LabeledOnly(LogisticRegression(max_iter=1000)),
    }
    scaled = {name: make_pipeline(StandardScaler(), model) for name, model in (spreading | others).items()}
    return {"semi-supervised GAN": gan(config, table), **scaled}


def gan(config: Config, table: str) -> SemiSupervisedGANClassifier:
    """Build ours, with settings for tables of some hundred rows: narrow layers, small batches, a smaller ball."""
    return SemiSupervisedGANClassifier(
        max_iter=config.steps,
        unsupervised=config.unsupervised,
        batch_size=64,
        hidden_layer_sizes=(64, 64),
        smoothing_radius=1.0,
        scaling="standard",
        device=config.device,
        checkpoint=config.fits / table,
    )


def load(config: Config) -> dict[str, tuple[Array, Array]]:
    """Return rows and classes, as numbers from 0, of every table by name."""
    if not config.data:
        return {name: EMBEDDED[name](return_X_y=True) for name in config.tables}
    names = [path.stem for path in config.data]
    if len(set(names)) < len(names):
        raise DataError(f"--data has files of the same name, {names}; results go by the names, rename one.")
    return {path.stem: read(path) for path in config.data}


def read(path: Path) -> tuple[Array, Array]:
    """Read one table from an .npz file."""
    x, y = read_npz(path, ("X", "y"))
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or x.dtype.kind not in "biuf" or not np.isfinite(x).all():
        raise DataError(f"--data {path} needs finite numbers X (n, d) and y (n,), got {x.shape} and {y.shape}.")
    names, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.min() < 3:
        raise DataError(f"--data {path}: a class of {names.tolist()} has less than 3 rows, or there is only one class.")
    return x.astype(np.float64), codes


def compare(name: str, x: Array, y: Array, config: Config) -> ProtocolResult:
    """Run all methods on one table."""
    counts = [count * len(np.unique(y)) for count in config.labels]
    protocol = SemiSupervisedProtocol(counts, config.each_seed(), n_jobs=config.jobs, measure_every=0, verbose=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=1 / 3, stratify=y, random_state=0)
    return protocol.run(methods(config, name), x_train, y_train, x_test, y_test, folder=config.out / "rows" / name)


def accuracies(results: dict[str, ProtocolResult], config: Config) -> dict[str, Spread]:
    """Return the accuracy in percent, over seeds, of every table, method and number of labels."""
    return {
        f"{table}, {method}, {labels} per class": spread(100 - 100 * e for e in result.summary(method, count).errors)
        for table, result in results.items()
        for method in result.estimators
        for labels, count in zip(config.labels, result.n_labeled)
    }


def main(config: Config) -> None:
    """Run all methods on all tables."""
    at_least(config, 1, "labels", "seeds", "steps", "jobs")
    tables = load(config)
    run = Experiment("semi_supervised_table", config, free=("tables", "data", "labels"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence and rows that no label reaches, of no interest here
        os.environ["PYTHONWARNINGS"] = "ignore"  # the same in processes of --jobs
        results = {name: compare(name, x, y, config) for name, (x, y) in tables.items()}

    for name, result in results.items():
        print(f"\n{name}\n{result}")
        if len(config.labels) > 1:
            result.draw(ensure_writable(config.out / name) / "learning_curves.png")
    found = accuracies(results, config)
    columns = [(table, count) for table in results for count in config.labels]
    rows = {
        method: [found[f"{table}, {method}, {count} per class"].mean for table, count in columns]
        for method in next(iter(results.values())).estimators
    }
    average = {method: float(np.mean(means)) for method, means in rows.items()}
    print_table(
        "Test accuracy in %, mean over seeds, by labels per class",
        ("", *(f"{table} {count}" for table, count in columns), "average"),
        [(method, *(f"{mean:.1f}" for mean in [*means, average[method]])) for method, means in rows.items()],
        width=120,
    )
    cells = [{"table": name, **cell._asdict()} for name, result in results.items() for cell in result.cells]
    run.finish(
        named(found, ", mean", digits=3, alone=True)
        | {f"all tables, {method}, mean": round(mean, 3) for method, mean in average.items()},
        "accuracy in % on a third of the rows, held out, after the last step; mean and deviation over splits",
        config.steps * len(tables) * len(config.labels) * config.seeds,
        sum(cell["seconds"] for cell in cells),
        cells=cells,
    )


if __name__ == "__main__":
    launch(main, Config)
