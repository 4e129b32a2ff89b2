"""Classifiers as metrics use them: what of scikit-learn's interface an outside classifier must offer."""

from typing import Any, Protocol

from numpy.typing import ArrayLike

__all__ = ["Classifier", "Predictor", "ProbabilisticClassifier"]


class Predictor(Protocol):
    """A fitted classifier."""

    def predict(self, X: Any, /) -> ArrayLike: ...


class Classifier(Predictor, Protocol):
    """A classifier that can be fitted, such as any of scikit-learn; metrics fit a copy (:func:`sklearn.base.clone`)."""

    def fit(self, X: Any, y: Any, /) -> Any: ...


class ProbabilisticClassifier(Classifier, Protocol):
    """A classifier that states the probabilities of the classes once it is fitted."""

    def predict_proba(self, X: Any, /) -> ArrayLike: ...
