"""One fit of a protocol: a split, an estimator, a seed, and what came out."""

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from gan_ext.data import semi_supervised_split
from gan_ext.engine import Callback, Engine, Every
from gan_ext.estimators.base.classifier import Classifier
from gan_ext.game import Game
from gan_ext.metrics.classes.calibration import expected_calibration_error

__all__ = ["Cell", "Job", "ProtocolData", "fitted_cell", "seeded_clone"]

Array = NDArray[Any]
ClassifierT = TypeVar("ClassifierT", bound=Classifier)
_RECORD = "test_error"
_CALIBRATED = 10  # validation samples that probabilities are calibrated by, at least


@runtime_checkable
class Watched(Classifier, Protocol):
    """A classifier that can be asked while it is being fitted."""

    callbacks: Sequence[Callback]

    def predict_with(self, game: Game, X: Any) -> Array:
        """Return the classes that the networks of a game in training predict [n]."""
        ...


class Cell(NamedTuple):
    """What one fit gave: errors are shares in [0, 1], `seconds` those of `fit` without the looks at test samples.

    `error` is that of the last step on the test samples.  `curve` has (step, test error) of the averaged weights during
    the fit, empty where nothing was looked at on the way; it serves the "best on test" figure alone.
    `validation_error` and `calibration_error` (on test samples; after :meth:`GANClassifier.calibrate` where there is a
    validation part) are None where there is nothing to measure them on.
    """

    estimator: str
    n_labeled: int
    seed: int
    error: float
    seconds: float
    curve: tuple[tuple[int, float], ...] = ()
    validation_error: float | None = None
    calibration_error: float | None = None

    @property
    def best_on_test(self) -> float:
        """The lowest test error ever seen during this fit."""
        return min([self.error, *(error for _, error in self.curve)])


class ProtocolData(NamedTuple):
    """Training samples with all their labels, and test samples."""

    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array


class Job(NamedTuple):
    """What one fit is made of; `threads` is None where torch's own number stays."""

    name: str
    estimator: Classifier
    n_labeled: int
    seed: int
    n_validation: int
    balanced: bool
    measure_every: int
    threads: int | None


def fitted_cell(job: Job, data: ProtocolData) -> tuple[Cell, Classifier]:
    """Fit an estimator on the split of a seed; return its scores, and itself."""
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    split = semi_supervised_split(
        data.y_train, job.n_labeled, balanced=job.balanced, n_validation=job.n_validation, random_state=job.seed
    )
    model = seeded_clone(job.estimator, job.seed, f"{job.name}-{job.n_labeled}-{job.seed}")
    shown = split.training_data(data.X_train, data.y_train)
    start = time.perf_counter()
    if job.measure_every > 0 and isinstance(model, Watched):
        looking = _fit_and_watch(model, *shown, data, job.measure_every)
    else:
        model.fit(*shown)
        looking = 0.0
    seconds = time.perf_counter() - start - looking
    if -1 in np.asarray(getattr(model, "classes_", [])).tolist():
        raise ValueError(
            f"estimators[{job.name!r}] took -1, the mark of an unlabeled sample, for a class; pass "
            "LabeledOnly(classifier) for one that learns from labeled samples alone."
        )
    held_out = data.X_train[split.validation], data.y_train[split.validation]
    return Cell(job.name, job.n_labeled, job.seed, seconds=seconds, **_scores(model, data, held_out)), model


def _fit_and_watch(model: Watched, X: Array, y: Array, data: ProtocolData, every: int) -> float:
    """Fit with a look at the test samples every so many steps; return the seconds spent on that."""
    watch, callbacks = _Watch(model, data), model.callbacks
    model.set_params(callbacks=[*callbacks, Every(every, watch)]).fit(X, y)
    model.set_params(callbacks=callbacks)
    return watch.seconds


def seeded_clone(estimator: ClassifierT, seed: int, place: str) -> ClassifierT:
    """Return a clone with a seed as every `random_state` and a folder of its own as every `checkpoint`, nested too."""
    model: ClassifierT = clone(estimator)
    changes: dict[str, Any] = {}
    for name, value in model.get_params().items():
        last = name.split("__")[-1]
        if last == "random_state":
            changes[name] = seed
        elif last == "checkpoint" and value is not None:
            changes[name] = Path(value) / place
    if changes:
        model.set_params(**changes)
    return model


def _scores(model: Classifier, data: ProtocolData, held_out: tuple[Array, Array]) -> Mapping[str, Any]:
    scores: dict[str, Any] = {"error": _error(model.predict(data.X_test), data.y_test)}
    records = [record for record in getattr(model, "history_", ()) if _RECORD in record]
    scores["curve"] = tuple((int(record["step"]), float(record[_RECORD])) for record in records)
    if len(held_out[0]):
        scores["validation_error"] = _error(model.predict(held_out[0]), held_out[1])
        if hasattr(model, "calibrate") and len(held_out[0]) >= _CALIBRATED:
            with warnings.catch_warnings():  # of a classifier that is right about all of them: nothing to calibrate
                warnings.filterwarnings("ignore", "calibrate cannot find a temperature")
                model.calibrate(*held_out)
    classes = np.asarray(getattr(model, "classes_", ()))
    if hasattr(model, "predict_proba") and np.isin(data.y_test, classes).all():
        probabilities, columns = model.predict_proba(data.X_test), np.searchsorted(classes, data.y_test)
        if np.isfinite(probabilities).all():  # label spreading has none for samples that no label reaches
            scores["calibration_error"] = expected_calibration_error(columns, probabilities)
    return scores


def _error(predicted: Array, truth: Array) -> float:
    return float(np.mean(np.asarray(predicted) != truth))


class _Watch:
    """Record the test error of the averaged weights; the record goes into the history, and so outlives a kill."""

    def __init__(self, model: Watched, data: ProtocolData) -> None:
        self.model, self.data, self.seconds = model, data, 0.0

    def __call__(self, engine: Engine) -> None:
        start = time.perf_counter()
        predicted = self.model.predict_with(engine.averaged, self.data.X_test)
        engine.record(**{_RECORD: _error(predicted, self.data.y_test)})
        self.seconds += time.perf_counter() - start
