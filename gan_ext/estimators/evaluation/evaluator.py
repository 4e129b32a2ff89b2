"""evaluate: metrics of any fitted generator's samples (FID, precision and recall, ...) beside those of real data."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor

from gan_ext.data.missing import plain_labels
from gan_ext.engine import resolve_device
from gan_ext.estimators.base.estimator import RandomState, new_seed
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.evaluation.classes import class_rows
from gan_ext.estimators.evaluation.classifier_features import ClassifierFeatures
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.estimators.evaluation.sampling import (
    EvaluatesItself,
    Features,
    Transforms,
    classifies,
    sampler,
    samples_classes,
)
from gan_ext.estimators.evaluation.self_supervised_features import SelfSupervisedFeatures
from gan_ext.metrics import (
    Interval,
    bootstrap_metrics,
    frechet_distance,
    inception_score,
    kernel_distance,
    manifold_scores,
    memorization_test,
    mode_score,
    nearest_neighbor_test,
    sliced_wasserstein,
    two_sample_test,
)

__all__ = ["evaluate"]

Array = NDArray[Any]
_LEAST = 20  # samples of each kind
_BETTER = {
    "frechet distance": "lower",
    "kernel distance": "lower",
    "sliced wasserstein": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "nearest neighbor accuracy": "the floor",
    "inception score": "higher",
    "mode score": "higher",
    "c_t": "the floor",
    "near-copies": "the floor",
}


class _Sets(NamedTuple):
    """Generated samples, as many real ones, as many others, and perhaps training data: samples or what is read."""

    real: Any
    generated: Any
    other: Any
    training: Any = None


def evaluate(
    estimator: object,
    X: Any,
    y: Any = None,
    features: Features | None = None,
    n: int = 5000,
    *,
    training: Any = None,
    resamples: int = 20,
    device: str = "auto",
    random_state: RandomState = 0,
) -> Evaluation:
    r"""Measure a fitted estimator's samples against real ones, beside what real ones score against each other.

    X is cut into two disjoint parts of n samples, A and B.  Every metric d is given as d(A, generated), with an
    interval over the draw of samples (:func:`gan_ext.metrics.bootstrap_metric`), and as d(A, B): the floor, or the
    ceiling, at this n.  No metric has a value that is good by itself; the floor is what a perfect generator would get.

    Samples and tables: Frechet and kernel distance, sliced Wasserstein distance, precision and recall (k = 3),
    density and coverage (k = 5), leave-one-out accuracy of the nearest neighbor, the classifier two-sample test;
    inception and mode score if `features` knows classes; GAN-test and GAN-train of an estimator that makes samples of
    a class (``sample(n, y=...)`` and `classes_`) if there is `y`; with `training`, near-copies and the statistic of
    data copying.  Texts: BLEU forth and back, self-BLEU, unique and distinct shares, Frechet distance and divergence
    area of bags of n-grams, perplexity.  A classifier has its accuracy too if there is `y`.

    Numbers of evaluations with different features, n or data do not compare.

    Parameters
    ----------
    estimator : estimator
        Fitted: any of this package, or another with ``sample(n_samples=...)`` that returns samples like X, or with a
        table of its own (the method `evaluate_samples`, :class:`~gan_ext.estimators.EvaluatesItself`).
    X : array-like of shape (n_real, ...), or list of texts
        Real samples, best such as `fit` did not see; at least 40.
    y : array-like of shape (n_real,) or None
        Their classes; the estimator's mark where there is none.
    features : callable, transformer or None
        Maps samples to features (n, F): a fitted extractor such as :class:`gan_ext.estimators.ClassifierFeatures`, or a
        function.  None trains one on X: on the classes of images if there are any, else on views of images; columns
        of tables are standardized instead.  Not used for texts.
    n : int
        Most samples of each kind; half of X if that is less.
    training : array-like or None
        What the estimator learned from, if X is held out: then samples are compared with it.
    resamples : int
        Subsets that intervals are made of, at least 2; 0 for none.
    device : str
        Where metrics are computed: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    random_state : int, RandomState instance or None, default=0
        Decides everything random: by default the same table each time; None for another one each time.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError
        The estimator cannot make samples, and is no classifier with `y`; or `features` is neither.
    NotFittedError
        It is not fitted.
    ValueError
        A value out of its range; too few samples, of another shape, or not finite.
    """
    for name, value, least in (("n", n, _LEAST), ("resamples", resamples, 0)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name}={value!r} must be an integer, at least {least}.")
    if resamples == 1:
        raise ValueError("resamples=1 makes no interval; take 0 for none, or at least 2.")
    if features is not None and not (callable(features) or isinstance(features, Transforms)):
        raise TypeError(f"features={features!r} must be a function of samples, or have a method transform.")
    placed = resolve_device(device)
    if hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    seed = _seed(random_state)
    if isinstance(estimator, EvaluatesItself):
        return estimator.evaluate_samples(X, y, n, training, resamples, seed)
    given, X = X, _real("X", X, 2 * _LEAST)
    labels = None if y is None else _labels(estimator, X, y)
    make = sampler(estimator)
    if make is None and not (classifies(estimator) and labels is not None):
        raise TypeError(
            f"estimator is {type(estimator).__name__}, which cannot make samples: it has no method sample. Pass one "
            "that has, or a classifier with `y`."
        )
    rows = _accuracy(estimator, given if hasattr(given, "columns") else X, labels)
    size = min(n, len(X) // 2)
    if make is None:
        return Evaluation(type(estimator).__name__, size, "nothing but its classes", tuple(rows))
    made = np.asarray(make(size, seed))
    if made.shape != (size, *X.shape[1:]):
        raise ValueError(f"The estimator makes samples of shape {made.shape[1:]}, X has samples of {X.shape[1:]}.")
    order = np.random.default_rng(seed).permutation(len(X))
    held = None if training is None else _real("training", training, 2)
    if held is not None and held.shape[1:] != X.shape[1:]:
        raise ValueError(f"training has samples of shape {held.shape[1:]}, X of {X.shape[1:]}; they must be alike.")
    sets = _Sets(X[order[:size]], made, X[order[size : 2 * size]], held)
    name, read, believe = _extractor(features, X, labels, seed, device)
    measured = _measured(sets, read, believe, placed, resamples, seed)
    if labels is not None and samples_classes(estimator):
        parts = [part[labels.known[part]] for part in (order[:size], order[size : 2 * size])]
        real, other = ((X[part], labels.classes[labels.codes[part]]) for part in parts)

        def of_classes(y: Array, draw: int) -> Array:
            made: Array = estimator.sample(len(y), y=y, random_state=draw)
            return made

        rows = class_rows(of_classes, read, real, other, seed) + rows
    rows = [*measured, *rows]
    return Evaluation(type(estimator).__name__, size, name, tuple(rows), _notes(sets, features))


def _measured(
    sets: _Sets,
    read: Callable[[Array], Any],
    believe: Callable[[Array], Any] | None,
    device: torch.device,
    resamples: int,
    seed: int,
) -> list[EvaluationRow]:
    def seen(by: Callable[[Array], Any]) -> _Sets:
        return _Sets(*(None if each is None else _matrix(by(each), len(each), device) for each in sets))

    found = seen(read)
    rows = _rows(_of_features, found, resamples, seed)
    test, floor = (two_sample_test(found.real, each, random_state=seed) for each in (found.generated, found.other))
    low, high = binomtest(round(test.accuracy * test.n), test.n).proportion_ci()
    rows.append(EvaluationRow("two-sample accuracy", test.accuracy, low, high, floor.accuracy, "the floor"))
    if believe is not None:
        rows += _rows(_of_classes, seen(believe), resamples, seed)
    if found.training is not None:

        def copying(held_out: Tensor, made: Tensor) -> dict[str, float]:
            c_t, copies, _ = memorization_test(found.training, held_out, made, cells=1)
            return {"c_t": c_t, "near-copies": copies}

        rows += _rows(copying, found, resamples, seed)
    return rows


def _of_features(real: Tensor, made: Tensor) -> dict[str, float]:
    four = manifold_scores(real, made, min(5, len(real) - 1), min(3, len(real) - 1))
    return {
        "frechet distance": frechet_distance(real, made),
        "kernel distance": kernel_distance(real, made, subsets=10).mean,
        "sliced wasserstein": sliced_wasserstein(real, made, 128),
        **four._asdict(),
        "nearest neighbor accuracy": nearest_neighbor_test(real, made).accuracy,
    }


def _of_classes(real: Tensor, made: Tensor) -> dict[str, float]:
    return {"inception score": inception_score(made, 1).mean, "mode score": mode_score(real, made)}


def _rows(
    metrics: Callable[[Any, Any], Mapping[str, float]], sets: _Sets, resamples: int, seed: int
) -> list[EvaluationRow]:
    floors = metrics(sets.real, sets.other)
    if not resamples:
        values = metrics(sets.real, sets.generated)
        return [EvaluationRow(name, value, None, None, floors[name], _BETTER[name]) for name, value in values.items()]
    found = bootstrap_metrics(metrics, sets.real, sets.generated, resamples, seed)
    return [EvaluationRow(name, *each, floors[name], _BETTER[name]) for name, each in found.items()]


def _accuracy(estimator: object, X: Any, labels: Labels | None) -> list[EvaluationRow]:
    if labels is None or not classifies(estimator):
        return []
    rows = _safe_indexing(X, np.flatnonzero(labels.known))  # of a frame with its names of columns
    hits = np.asarray(estimator.predict(rows)) == labels.classes[labels.codes[labels.known]]
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    found = Interval(float(hits.mean()), float(low), float(high))
    return [EvaluationRow("accuracy", *found, None, "higher")]


def _seed(random_state: RandomState) -> int:
    """Return an integer as it is, and else one drawn from the random state."""
    drawn = new_seed(random_state)  # says what is no random state
    return int(random_state) if isinstance(random_state, int | np.integer) else drawn


def _extractor(
    features: Features | None, X: Array, labels: Labels | None, seed: int, device: str
) -> tuple[str, Callable[[Array], Any], Callable[[Array], Any] | None]:
    """Return a name, what reads features, and what reads classes, if anything does."""
    if features is None and X.ndim != 4:
        scaler = StandardScaler().fit(X.reshape(len(X), -1))
        return "standardized columns", lambda x: scaler.transform(x.reshape(len(x), -1)), None
    used: Features
    if features is not None:
        used = features
    elif labels is None:
        used = SelfSupervisedFeatures(device=device, random_state=seed).fit(X)
    else:
        codes = np.where(labels.known, labels.codes, -1)
        used = ClassifierFeatures(unlabeled=-1, device=device, random_state=seed).fit(X, codes)
    name = str(getattr(used, "__name__", type(used).__name__))
    return name, used.transform if isinstance(used, Transforms) else used, getattr(used, "predict_proba", None)


def _matrix(features: Any, n: int, device: torch.device) -> Tensor:
    found = torch.as_tensor(features if isinstance(features, Tensor) else np.asarray(features)).to(device)
    if found.dim() != 2 or len(found) != n:
        raise ValueError(f"features must map {n} samples to a matrix ({n}, F), it returned shape {tuple(found.shape)}.")
    return found


def _real(name: str, X: Any, least: int) -> Array:
    checked = X.detach().cpu().numpy() if isinstance(X, Tensor) else np.asarray(X)
    if checked.dtype.kind not in "biuf" or checked.ndim < 2:
        raise ValueError(f"{name} must be numbers (n, ...), got {checked.dtype} of shape {checked.shape}.")
    if len(checked) < least:
        raise ValueError(f"{name} has {len(checked)} samples; at least {least} are needed, thousands are usual.")
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} has values that are not finite: some are NaN or infinite.")
    return checked if checked.dtype == np.float64 else checked.astype(np.float32)


def _labels(estimator: object, X: Array, y: Any) -> Labels:
    unlabeled = getattr(estimator, "unlabeled", getattr(getattr(estimator, "estimator", estimator), "unlabeled", None))
    y = column_or_1d(plain_labels(y, unlabeled))
    if len(y) != len(X):
        raise ValueError(f"X has {len(X)} samples and y {len(y)} labels; evaluate needs one for each.")
    return read_labels(y, unlabeled)


def _notes(sets: _Sets, features: Features | None) -> tuple[str, ...]:
    notes = []
    if features is None and sets.real.ndim == 4:
        notes.append("The features were trained on X, of which both real parts are: the floor is a little too good.")
    if len(sets.real) < 1000:
        notes.append(f"{len(sets.real)} samples of each kind are few: most metrics are biased, only the floor tells.")
    return tuple(notes)
