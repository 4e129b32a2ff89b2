"""evaluate: metrics of any fitted generator's samples (FID, precision and recall, ...) beside those of real data."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
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
from gan_ext.estimators.evaluation.measuring import SHARE, Sets, accuracy_row, measured, safely
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
from gan_ext.metrics.features import as_numbers

__all__ = ["evaluate"]

Array = NDArray[Any]
_LEAST = 20  # samples of each kind
_MOST = 10_000_000  # samples or subsets: more would not end
_FAR = 100  # deviations
_AS_GIVEN: Literal["as given"] = "as given"


def evaluate(
    estimator: object,
    X: Any,
    y: Any = None,
    features: Features | Literal["as given"] | None = None,
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

    A metric that cannot be computed says why in its row; the others are there.

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
    features : callable, transformer, "as given" or None
        Maps samples to features (n, F): a fitted extractor such as :class:`gan_ext.estimators.ClassifierFeatures`, or a
        function.  ``"as given"`` takes samples for features, such as those of a network that were computed before.
        None trains one on X: on the classes of images if there are any, else on views of images; columns of tables
        are standardized instead, but those whose deviation is rounding only.  Not used for texts.
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
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= _MOST:
            raise ValueError(f"{name}={value!r} must be an integer, at least {least} and at most {_MOST}.")
    if resamples == 1:
        raise ValueError("resamples=1 makes no interval; take 0 for none, or at least 2.")
    named = isinstance(features, str) and features == _AS_GIVEN
    if features is not None and not (named or callable(features) or isinstance(features, Transforms)):
        raise TypeError(
            f"features={features!r} must be a function of samples, or have a method transform, or be {_AS_GIVEN!r}."
        )
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
    made = as_numbers("What the estimator makes", make(size, seed))
    if made.shape != (size, *X.shape[1:]):
        raise ValueError(f"The estimator makes samples of shape {made.shape[1:]}, X has samples of {X.shape[1:]}.")
    order = np.random.default_rng(seed).permutation(len(X))
    held = None if training is None else _real("training", training, 2)
    if held is not None and held.shape[1:] != X.shape[1:]:
        raise ValueError(f"training has samples of shape {held.shape[1:]}, X of {X.shape[1:]}; they must be alike.")
    sets = Sets(X[order[:size]], made, X[order[size : 2 * size]], held)
    name, read, believe = _extractor(features, X, labels, seed, device)

    def seen(by: Callable[[Array], Any]) -> Sets:
        return Sets(*(None if each is None else _matrix(by(each), len(each), placed) for each in sets))

    found = seen(read)
    everything = measured(found, None if believe is None else seen(believe), resamples, seed)
    if labels is not None and samples_classes(estimator):
        parts = [part[labels.known[part]] for part in (order[:size], order[size : 2 * size])]
        real, other = ((X[part], labels.classes[labels.codes[part]]) for part in parts)

        def of_classes(y: Array, draw: int) -> Array:
            made: Array = estimator.sample(len(y), y=y, random_state=draw)
            return made

        kinds = {"gan-test": SHARE, "gan-train": SHARE}
        rows = safely(kinds, lambda: class_rows(of_classes, read, real, other, seed)) + rows
    rows = [*everything, *rows]
    return Evaluation(type(estimator).__name__, size, name, tuple(rows), _notes(sets, found, features))


def _accuracy(estimator: object, X: Any, labels: Labels | None) -> list[EvaluationRow]:
    if labels is None or not classifies(estimator):
        return []
    rows = _safe_indexing(X, np.flatnonzero(labels.known))  # of a frame with its names of columns
    hits = np.asarray(estimator.predict(rows)) == labels.classes[labels.codes[labels.known]]
    return [accuracy_row(hits)]


def _seed(random_state: RandomState) -> int:
    """Return an integer as it is, and else one drawn from the random state."""
    drawn = new_seed(random_state)  # says what is no random state
    return int(random_state) if isinstance(random_state, int | np.integer) else drawn


def _extractor(
    features: Features | Literal["as given"] | None, X: Array, labels: Labels | None, seed: int, device: str
) -> tuple[str, Callable[[Array], Any], Callable[[Array], Any] | None]:
    """Return a name, what reads features, and what reads classes, if anything does."""
    if isinstance(features, str):
        return f"columns {features}", lambda x: x.reshape(len(x), -1), None
    if features is None and X.ndim != 4:
        return "standardized columns", _standardizer(X.reshape(len(X), -1)), None
    used: Features
    if features is not None:
        used = features
    elif labels is None:
        used = SelfSupervisedFeatures(device=device, random_state=seed).fit(X)
    else:
        codes = np.where(labels.known, labels.codes, -1)
        used = ClassifierFeatures(device=device, random_state=seed).fit(X, codes)
    name = str(getattr(used, "__name__", type(used).__name__))
    return name, used.transform if isinstance(used, Transforms) else used, getattr(used, "predict_proba", None)


def _standardizer(X: Array) -> Callable[[Array], Array]:
    """Return what subtracts the mean of each column and divides by its deviation, unless that is rounding only."""
    scaler = StandardScaler().fit(X.astype(np.float64))
    scaler.scale_[np.sqrt(scaler.var_) <= 8 * np.finfo(X.dtype).eps * np.abs(X).max(0)] = 1.0

    def standardized(x: Array) -> Array:
        columns: Array = scaler.transform(x.reshape(len(x), -1).astype(np.float64))
        return columns

    return standardized


def _matrix(features: Any, n: int, device: torch.device) -> Tensor:
    if not isinstance(features, Tensor):
        features = torch.from_numpy(as_numbers("What features returns", features))
    found: Tensor = features.detach().to(device)
    if found.dim() != 2 or len(found) != n:
        raise ValueError(f"features must map {n} samples to a matrix ({n}, F), it returned shape {tuple(found.shape)}.")
    return found


def _real(name: str, X: Any, least: int) -> Array:
    checked = as_numbers(name, X)
    if checked.ndim < 2:
        raise ValueError(f"{name} must be numbers (n, ...), got shape {checked.shape}.")
    if len(checked) < least:
        raise ValueError(f"{name} has {len(checked)} samples; at least {least} are needed, thousands are usual.")
    return checked


def _labels(estimator: object, X: Array, y: Any) -> Labels:
    unlabeled = getattr(estimator, "unlabeled", getattr(getattr(estimator, "estimator", estimator), "unlabeled", None))
    y = column_or_1d(plain_labels(y, unlabeled))
    if len(y) != len(X):
        raise ValueError(f"X has {len(X)} samples and y {len(y)} labels; evaluate needs one for each.")
    return read_labels(y, unlabeled)


def _notes(sets: Sets, found: Sets, features: Features | Literal["as given"] | None) -> tuple[str, ...]:
    notes = []
    if features is None and sets.real.ndim != 4:
        far = np.flatnonzero((found.generated.double().square().mean(0) > _FAR**2).cpu().numpy())
        if len(far):
            notes.append(
                f"Columns {', '.join(map(str, far[:5]))}{' and others' if len(far) > 5 else ''} of the generated "
                f"samples lie more than {_FAR} deviations off, since X hardly varies there: standardized, they rule "
                f"every distance. If X holds features computed before, pass features={_AS_GIVEN!r}."
            )
    if features is None and sets.real.ndim == 4:
        notes.append("The features were trained on X, of which both real parts are: the floor is a little too good.")
    if len(sets.real) < 1000:
        notes.append(f"{len(sets.real)} samples of each kind are few: most metrics are biased, only the floor tells.")
    return tuple(notes)
