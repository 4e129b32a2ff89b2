"""The honest protocol of few labels: splits by seed, weights of the last step, several seeds, all figures kept."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from gan_ext.data import semi_supervised_split
from gan_ext.engine import CheckpointError, ensure_writable
from gan_ext.estimators.base.assembly import claim_folder
from gan_ext.estimators.base.classifier import Classifier
from gan_ext.estimators.base.estimator import FREE
from gan_ext.estimators.base.parameters import N_JOBS, Constraint, check_values, having, integer
from gan_ext.estimators.semi_supervised.protocol_cell import Cell, Job, ProtocolData, fitted_cell
from gan_ext.estimators.semi_supervised.protocol_result import ProtocolResult
from gan_ext.runs import write_json

__all__ = ["SemiSupervisedProtocol"]

Array = NDArray[Any]
_NAME = re.compile(r"[^/\\.][^/\\]*")
_CLASSIFIER = having("fit", "predict", "get_params")


def _different(least: int) -> Constraint:
    def right(value: Any) -> bool:
        return (
            isinstance(value, Sequence | np.ndarray)
            and all(map(integer(least).is_satisfied_by, value))
            and len(set(value)) == len(value) > 0
        )

    return Constraint(f"a list of different integers, at least one, each at least {least}", right)


class SemiSupervisedProtocol:
    """Compare classifiers on few labels: the same splits for all, several seeds, test data for one figure at the end.

    For every seed and number of labels, :func:`gan_ext.data.semi_supervised_split` says which training rows show their
    label and which are kept for validation; the others are trained on without label (-1).  Every classifier is cloned
    and its `random_state` set to the same seed, so that the spread is over labels, initial weights and order together.
    The error is that on all test samples after the last step; of a GAN with averaged weights.

    What papers often report instead is the lowest test error over steps, and sometimes over seeds.  It is recorded
    beside, as "best on test", so that both can be named; nothing else uses it.

    Several fits run side by side as processes of one torch thread each (`benchmarks/seeds_side_by_side.py` measures
    what that gains); on CUDA they share the device.

    References: Realistic Evaluation of Deep Semi-Supervised Learning Algorithms (Oliver et al., 2018),
    https://arxiv.org/abs/1804.09170

    Args:
        n_labeled: how many training rows show their label, over all classes; several numbers give learning curves.
        seeds: of splits and classifiers; a number n stands for 0, 1, ..., n - 1.
        n_validation: training rows kept apart; a classifier with `calibrate` is calibrated on them after `fit`.
        balanced: whether the same number of each class is labeled.
        n_jobs: fits at a time; -1 for as many as there are cores.  With 1 they run in this process, on torch's threads.
        measure_every: steps between looks at the test error during the fit of a GAN classifier; 0 for none.
        verbose: whether to print a line after every fit.

    Raises:
        ValueError: no or repeated seeds or numbers of labels, or numbers out of their range.

    Examples:
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from gan_ext import SemiSupervisedProtocol
        >>> from gan_ext.estimators import LabeledOnly
        >>> X, y = load_digits(return_X_y=True)
        >>> protocol = SemiSupervisedProtocol(n_labeled=[20, 100], seeds=range(5))
        >>> nearest = LabeledOnly(KNeighborsClassifier(1))
        >>> result = protocol.run({"1-NN": nearest}, X[:1200], y[:1200], X[1200:], y[1200:])
        >>> len(result.cells)
        10
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_labeled": [integer(1), _different(1)],
        "seeds": [integer(1), _different(0)],
        "n_validation": [integer(0)],
        "balanced": ["boolean"],
        "n_jobs": [N_JOBS],
        "measure_every": [integer(0)],
        "verbose": ["boolean", integer(0)],
    }

    def __init__(
        self,
        n_labeled: int | Sequence[int],
        seeds: Sequence[int] | int = range(10),
        n_validation: int = 0,
        balanced: bool = True,
        n_jobs: int = 1,
        *,
        measure_every: int = 100,
        verbose: bool | int = False,
    ) -> None:
        given = {
            "n_labeled": n_labeled, "seeds": seeds, "n_validation": n_validation, "balanced": balanced,
            "n_jobs": n_jobs, "measure_every": measure_every, "verbose": verbose,
        }  # fmt: skip
        check_values(self._parameter_constraints, given, type(self).__name__)
        self.n_labeled = [n_labeled] if isinstance(n_labeled, int | np.integer) else list(n_labeled)
        self.seeds = list(range(seeds) if isinstance(seeds, int | np.integer) else seeds)
        self.n_validation = n_validation
        self.balanced = balanced
        self.n_jobs = n_jobs
        self.measure_every = measure_every
        self.verbose = verbose

    def run(
        self,
        estimators: Mapping[str, Classifier],
        X_train: Any,
        y_train: Any,
        X_test: Any,
        y_test: Any,
        *,
        folder: str | Path | None = None,
        keep_models: bool = False,
    ) -> ProtocolResult:
        """Fit every classifier on every split, and score it.

        Args:
            estimators: classifiers by name.  They take y == -1 as "no label"; those that do not are wrapped in
                :class:`LabeledOnly`.
            X_train: training samples [n, ...].
            y_train: all their classes [n], integers or strings; the splits hide most of them.
            X_test: test samples [m, ...].
            y_test: their classes [m].
            folder: where every finished fit's scores are written at once, one JSON file each; another `run` with the
                same data and settings skips what is there, so that a killed one goes on.  Seeds, numbers of labels and
                classifiers may be added.  A classifier with a `checkpoint` folder uses one inside it for each fit, and
                goes on in the middle of one.
            keep_models: whether the result has the fitted classifiers, in `models`.

        Returns:
            The scores, which print as a table.

        Raises:
            ValueError: data or names that do not fit, or `keep_models` with `folder`, which holds scores only.
            CheckpointError: the folder cannot be written, or holds a run of other data or settings.
        """
        data = self._checked(estimators, ProtocolData(*map(np.asarray, (X_train, y_train, X_test, y_test))))
        if folder is not None and keep_models:
            raise ValueError("keep_models=True and folder exclude each other: a folder holds scores, not models.")
        paths = {} if folder is None else self._claim(Path(folder), estimators, data)
        jobs = [job for job in self._jobs(estimators) if not (paths and _file(paths, job).exists())]
        models = {}
        for cell, model in self._finished(jobs, data, paths, keep_models):
            models[cell[:3]] = (cell, model)
        cells = [
            _read(_file(paths, job)) if paths else models[job.name, job.n_labeled, job.seed][0]
            for job in self._jobs(estimators)
        ]
        return ProtocolResult(cells, {key: model for key, (_, model) in models.items()} if keep_models else None)

    def _jobs(self, estimators: Mapping[str, Classifier]) -> list[Job]:
        """Return every fit; those of one split follow each other, so that an early stop leaves whole comparisons."""
        threads = None if self.n_jobs == 1 else 1
        return [
            Job(name, model, n, seed, self.n_validation, self.balanced, self.measure_every, threads)
            for n in self.n_labeled
            for seed in self.seeds
            for name, model in estimators.items()
        ]

    def _finished(
        self, jobs: Sequence[Job], data: ProtocolData, paths: Mapping[str, Path], keep: bool
    ) -> Iterator[tuple[Cell, Classifier | None]]:
        # Processes of loky start afresh instead of being forked, so torch's threads cannot leave a lock behind.
        calls = (delayed(_run)(job, data, _file(paths, job) if paths else None, keep) for job in jobs)
        fits = Parallel(self.n_jobs, backend="loky", return_as="generator_unordered")(calls)
        for number, (cell, model) in enumerate(fits, 1):
            if self.verbose:
                print(f"[{number}/{len(jobs)}] {_sentence(cell)}", flush=True)
            yield cell, model

    def _checked(self, estimators: Mapping[str, Classifier], data: ProtocolData) -> ProtocolData:
        if not isinstance(estimators, Mapping) or not estimators:
            raise ValueError(f"estimators={estimators!r} must have classifiers by name, such as {{'GAN': classifier}}.")
        for name, model in estimators.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(f"The name {name!r} of an estimator must be a text that could be a folder's name.")
            if not _CLASSIFIER.is_satisfied_by(model):
                raise ValueError(f"estimators[{name!r}]={model!r} must be {_CLASSIFIER}.")
        for part, X, y in (("train", data.X_train, data.y_train), ("test", data.X_test, data.y_test)):
            if len(X) == 0 or y.ndim != 1 or len(X) != len(y):
                raise ValueError(f"X_{part} of shape {X.shape} and y_{part} of shape {y.shape} must have as many rows.")
            if y.dtype.kind in "if" and (y < 0).any():
                raise ValueError(
                    f"y_{part} has negative labels; pass all true classes, the protocol hides them itself."
                )
        for n in self.n_labeled:
            semi_supervised_split(data.y_train, n, balanced=self.balanced, n_validation=self.n_validation)
        return data

    def _claim(self, folder: Path, estimators: Mapping[str, Classifier], data: ProtocolData) -> dict[str, Path]:
        """Return a folder for every estimator, each with a note of what is in it."""
        classes, codes = np.unique(np.concatenate([data.y_train, data.y_test]), return_inverse=True)
        settings = {
            "n_validation": self.n_validation,
            "balanced": self.balanced,
            "measure_every": self.measure_every,
            "classes": classes.tolist(),
            "X_test": zlib.crc32(np.ascontiguousarray(data.X_test).tobytes()),
        }
        claim_folder(folder, data.X_train, codes.astype(np.int64), settings, "folder")
        paths = {name: folder / name for name in estimators}
        for name, model in estimators.items():
            own = {
                key: value
                for key, value in model.get_params().items()
                if key.split("__")[-1] not in FREE | {"random_state"}
            }
            claim_folder(
                ensure_writable(paths[name]), np.zeros(0), None, {"class": type(model).__name__, **own}, "folder"
            )
        return paths


def _run(job: Job, data: ProtocolData, path: Path | None, keep: bool) -> tuple[Cell, Classifier | None]:
    cell, model = fitted_cell(job, data)
    if path is not None:
        write_json(path, cell._asdict())
    return cell, model if keep else None


def _file(paths: Mapping[str, Path], job: Job) -> Path:
    return paths[job.name] / f"labels_{job.n_labeled}_seed_{job.seed}.json"


def _read(path: Path) -> Cell:
    try:
        return Cell(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); delete it, and run again.") from error


def _sentence(cell: Cell) -> str:
    return (
        f"{cell.estimator}, {cell.n_labeled} labels, seed {cell.seed}: test error {cell.error:.2%} "
        f"after {cell.seconds:.1f} s"
    )
