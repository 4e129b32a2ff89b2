"""A supervised classifier among semi-supervised ones: it is shown the labeled samples only."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from typing_extensions import Self

from gan_ext.estimators.base.classifier import Classifier
from gan_ext.estimators.base.parameters import UNLABELED, check_parameters, having
from gan_ext.estimators.base.stopped import whole_or_undone

__all__ = ["LabeledOnly"]

Array = NDArray[Any]


def _has(name: str) -> Any:
    return available_if(lambda self: hasattr(self.estimator, name))


class LabeledOnly(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifier that drops samples without a label and fits another classifier on the rest.

    It is the baseline beside which the use of unlabeled data must show.

    Parameters
    ----------
    estimator : classifier
        What learns from the labeled samples; it is cloned.
    unlabeled : object, default=-1
        What stands for "no label" in `y`.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        The classes it saw.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [having("fit", "predict", "get_params")],
        "unlabeled": UNLABELED,
    }
    classes_: Array

    def __init__(self, estimator: Classifier, unlabeled: Any = -1) -> None:
        self.estimator = estimator
        self.unlabeled = unlabeled

    @whole_or_undone
    def fit(self, X: Any, y: Any) -> Self:
        """Fit on the samples that have a label.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            All samples, labeled or not.
        y : array-like of shape (n,)
            Their classes; `unlabeled` where there is none.

        Raises
        ------
        ValueError
            A parameter that makes no sense, or no sample has a label.
        """
        check_parameters(self)
        labels = np.asarray(y)
        known = np.array([label != self.unlabeled for label in labels], dtype=bool)
        if not known.any():
            raise ValueError(f"y has no labeled sample: all {len(labels)} are {self.unlabeled!r} or missing.")
        shown = np.array(labels[known].tolist())  # the type labels have once the mark for "none" is gone
        self.estimator_ = clone(self.estimator).fit(np.asarray(X)[known], shown)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: Any) -> Array:
        """Return the predicted classes (n,)."""
        check_is_fitted(self)
        predicted: Array = self.estimator_.predict(X)
        return predicted

    @_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes (n, n_classes)."""
        check_is_fitted(self)
        probabilities: Array = self.estimator_.predict_proba(X)
        return probabilities

    @_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Return the wrapped classifier's scores of the classes."""
        check_is_fitted(self)
        scores: Array = self.estimator_.decision_function(X)
        return scores
