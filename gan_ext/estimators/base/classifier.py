"""What is asked of a classifier that others are built around: scikit-learn's interface, as types."""

from typing import Any, Protocol

__all__ = ["Classifier", "ProbabilisticClassifier"]


class Classifier(Protocol):
    """An object with fit, predict and named parameters, as all classifiers of scikit-learn are."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from samples [n, ...] and their classes [n]."""
        ...

    def predict(self, X: Any) -> Any:
        """Return the predicted classes [n]."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Set some parameters."""
        ...


class ProbabilisticClassifier(Classifier, Protocol):
    """A classifier that says how probable each class is."""

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes [n, n_classes]."""
        ...
