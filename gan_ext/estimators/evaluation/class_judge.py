"""What samples of wanted classes are worth, by a classifier that has seen real training samples alone."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_ext.data import matching_rows
from gan_ext.estimators.base.estimator import RandomState
from gan_ext.metrics import ClassConditionalScores, class_conditional_scores
from gan_ext.metrics.classifiers import Predictor

__all__ = ["ClassJudge", "SeesClasses"]

Array = NDArray[Any]


class SeesClasses(Protocol):
    """A fitted classifier with features inside."""

    def transform(self, X: Any) -> Array:
        """Return the features [n, F] of samples."""
        ...

    def predict(self, X: Any) -> Array:
        """Return the classes [n] of samples."""
        ...


class ClassJudge:
    """Judges generated samples by a classifier that led none of them, beside real samples that it has not seen.

    Args:
        classifier: fitted, with features inside, such as :class:`~gan_ext.estimators.ClassifierFeatures`.
        X: real samples [m, ...] that neither generator nor classifier have seen.
        y: their classes [m].
    """

    def __init__(self, classifier: SeesClasses, X: Array, y: ArrayLike) -> None:
        self.classifier, self.X, self.y = classifier, X, np.asarray(y)
        self.features = classifier.transform(X)

    def scores(self, samples: Array, y: ArrayLike) -> ClassConditionalScores:
        """Return how good samples [n, ...] are that should be of the classes y [n], every class among them."""
        return class_conditional_scores(
            self.features, self.y, self.classifier.transform(samples), y, self.classifier.predict(samples)
        )

    def accuracy(self, classifier: Predictor | None = None) -> float:
        """Return the share of the held-out samples that a classifier reads right, the judge's own if none is given.

        Of one that was trained on generated samples alone it is GAN-train
        (:func:`gan_ext.metrics.generated_training_accuracy`).
        """
        return float(np.mean(np.asarray((classifier or self.classifier).predict(self.X)) == self.y))

    def reachable(self, X: Array, y: ArrayLike, random_state: RandomState = None) -> ClassConditionalScores:
        """Return what real training samples score, as many of each class as are held out.

        Their hit rate is :meth:`accuracy`, since the classifier was trained on these samples.

        Args:
            X: real training samples [n, ...].
            y: their classes [n].
            random_state: seed of the choice.
        """
        rows = matching_rows(y, self.y, random_state)
        return self.scores(X[rows], self.y)._replace(hit_rate=self.accuracy())
