"""Accuracy of classifiers that learn from samples without labels: nothing is scored where there is no label."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import _safe_indexing

from gan_ext.data.missing import plain_labels

__all__ = ["LabeledScore"]


class LabeledScore(ClassifierMixin):  # type: ignore[misc]
    """A classifier with the parameter `unlabeled`, which leaves out samples without label when it is scored."""

    unlabeled: Any

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy on the samples that have a label.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Samples.
        y : array-like of shape (n,)
            Their classes; samples without one are left out.
        sample_weight : array-like of shape (n,) or None
            What each counts.

        Raises
        ------
        ValueError
            No sample has a label: fold the labeled rows alone, by :class:`gan_ext.data.LabeledFold`.
        """
        labels = plain_labels(y, self.unlabeled)
        if labels.ndim == 0:
            raise ValueError(f"y={y!r} must be an array of labels (n,), one for each sample.")
        weights = np.shape(sample_weight)
        if sample_weight is not None and weights != labels.shape:
            raise ValueError(
                f"sample_weight has shape {weights}; it needs {labels.shape}, a weight for each label of y."
            )
        known = np.array([self.unlabeled is None or label != self.unlabeled for label in labels.tolist()], bool)
        if len(labels) and not known.any():
            raise ValueError(
                f"y has no labeled sample: all {len(labels)} are {self.unlabeled!r} or missing, and nothing can be "
                "scored. In cross-validation pass cv=gan_ext.data.LabeledFold(5), which tests on labeled rows alone."
            )
        weight = None if sample_weight is None or labels.ndim != 1 else np.asarray(sample_weight)[known]
        whole = known.all() or labels.ndim != 1
        truth = labels if whole else np.array(labels[known].tolist())
        rows = X if whole else _safe_indexing(X, np.flatnonzero(known))
        return float(super().score(rows, truth, sample_weight if whole else weight))
