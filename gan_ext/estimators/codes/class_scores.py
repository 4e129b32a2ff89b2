"""Class scores of generated samples: clustering accuracy, hit rate (GAN-test), training on generated (GAN-train)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.validation import check_consistent_length, column_or_1d

from gan_ext.data.missing import plain_labels
from gan_ext.estimators.base.classifier import Classifier
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.codes.measures import Pool
from gan_ext.estimators.codes.report import ClassScores
from gan_ext.estimators.codes.source import CodeSource, RealSamples
from gan_ext.metrics import Rate, generated_training_accuracy, hit_rate, hungarian_accuracy, matching, purity

__all__ = ["check_classifier", "labels_of", "score_classes"]

Array = NDArray[Any]
_MOST = 4000  # samples that an outside classifier is trained on


def check_classifier(classifier: object) -> None:
    """Raise ValueError unless this is a scikit-learn classifier or None."""
    if classifier is not None and not (isinstance(classifier, BaseEstimator) and is_classifier(classifier)):
        raise ValueError(f"classifier={classifier!r} must be a scikit-learn classifier, such as SVC(), or None.")


def labels_of(real: RealSamples, X: Array, y: Any) -> Labels:
    """Return the labels of real samples, at least four of each class.

    Raises:
        ValueError: `y` of another length, or with a class that `fit` did not see or that has too few samples.
    """
    y = column_or_1d(plain_labels(y, real.unlabeled))
    check_consistent_length(X, y)
    labels = read_labels(y, real.unlabeled)
    known = list(real.classes) or labels.classes.tolist()
    strange = [label for label in labels.classes.tolist() if label not in known]
    if strange:
        raise ValueError(f"y has the class {strange[0]!r}, which fit did not see; classes: {known}.")
    counts = np.bincount(labels.codes[labels.known], minlength=len(labels.classes))
    if counts.min() < 4:
        few = labels.classes.tolist()[counts.argmin()]
        raise ValueError(f"y has {counts.min()} samples of class {few!r}; the report needs 4 of each, to cut X in two.")
    return labels


def score_classes(
    source: CodeSource,
    real: RealSamples,
    pool: Pool,
    X: Array,
    labels: Labels,
    classifier: Classifier | None,
    seed: int,
) -> ClassScores:
    """Compare categories with classes, and generated samples with what an outside classifier knows of real ones.

    Args:
        source: where samples come from.
        real: what the estimator does with real ones.
        pool: generated samples.
        X: real samples.
        labels: of those.
        classifier: None for the default.
        seed: of the cut in two.
    """
    X, y = X[labels.known], labels.classes[labels.codes[labels.known]]
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
    made_for = _meaning(source, real, X_train, y_train)
    outside = _default_classifier(X.shape) if classifier is None else classifier
    fitted = clone(outside).fit(_flat(X_train[:_MOST]), y_train[:_MOST])
    hits, trained = _of_generated(source, pool, made_for, fitted, outside, X_test, y_test)
    return ClassScores(
        n_samples=len(y_test),
        classes=tuple(labels.classes.tolist()),
        categories=tuple(made_for),
        **_clusters(source, real, X_test, y_test, labels.classes),
        classifier=_name(outside, classifier),
        real_accuracy=float(np.mean(fitted.predict(_flat(X_test)) == y_test)),
        hit_rate=hits and hits.value,
        hit_rate_error=hits and hits.error,
        generated_training=trained and trained.value,
        generated_training_error=trained and trained.error,
    )


def _meaning(source: CodeSource, real: RealSamples, X: Array, y: Array) -> list[Any]:
    """Return the class that each category stands for, None if none."""
    if source.category is None:
        return []
    count = len(source.units[source.category].shares)
    if real.classes:
        return [*real.classes, *[None] * (count - len(real.classes))]
    found = {} if real.predict is None else matching(y, real.predict(X))
    return [found.get(k) for k in range(count)]


def _clusters(source: CodeSource, real: RealSamples, X: Array, y: Array, classes: Array) -> dict[str, Any]:
    """Return the table and the scores of the estimator's own categories of real samples, None where it reads none."""
    if real.predict is None or source.category is None:
        return dict.fromkeys(("table", "accuracy", "purity", "nmi", "ari"))
    clusters = real.predict(X)
    table = np.zeros((len(classes), len(source.units[source.category].shares)), np.int64)
    np.add.at(table, (np.searchsorted(classes, y), clusters), 1)
    return {
        "table": tuple(tuple(row) for row in table.tolist()),
        "accuracy": hungarian_accuracy(y, clusters),
        "purity": purity(y, clusters),
        "nmi": float(normalized_mutual_info_score(y, clusters)),
        "ari": float(adjusted_rand_score(y, clusters)),
    }


def _of_generated(
    source: CodeSource, pool: Pool, made_for: list[Any], fitted: Classifier, outside: Classifier, X: Array, y: Array
) -> tuple[Rate | None, Rate | None]:
    """Return the hit rate and the accuracy of training on generated samples, None where no two classes are made."""
    if source.category is None or len({name for name in made_for if name is not None}) < 2:
        return None, None
    training, _, held_out = pool.parts()
    rates = []
    for part, most in ((held_out, len(held_out.codes)), (training, _MOST)):
        categories = part.codes[:most, source.category].long().numpy()
        known = np.isin(categories, [k for k, name in enumerate(made_for) if name is not None])
        names = np.array([made_for[k] for k in categories[known].tolist()])
        rates.append((source.restore(part.samples[:most])[known], names))
    if not all(len(set(names.tolist())) > 1 for _, names in rates):
        return None, None
    return hit_rate(fitted, *rates[0]), generated_training_accuracy(outside, X, y, *rates[1])


def _default_classifier(shape: tuple[int, ...]) -> Classifier:
    first = PCA(min(50, int(np.prod(shape[1:])), shape[0] // 4), svd_solver="randomized", random_state=0)
    made: Classifier = make_pipeline(StandardScaler() if len(shape) == 2 else first, SVC(C=10))
    return made


def _name(outside: Classifier, given: Classifier | None) -> str:
    return type(outside).__name__ if given is not None else "Outside classifier (SVC)"


def _flat(X: Array) -> Array:
    return X.reshape(len(X), -1)
