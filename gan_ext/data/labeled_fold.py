"""Cross-validation where most rows have no label: those are always trained on, and never tested on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from gan_ext.checks import checked
from gan_ext.data.missing import is_missing, plain_labels

__all__ = ["LabeledFold"]


@checked
class LabeledFold:
    """Folds of the labeled rows, stratified by class; unlabeled rows are in every training part and in no test part.

    For `cv=` of scikit-learn: ``cross_val_score(model, X, y, cv=LabeledFold(5))``.

    Args:
        n_splits: how many folds, at least 2; each class needs as many labeled rows.
        shuffle: whether labeled rows are shuffled before they are cut.
        random_state: decides the order, with `shuffle`.
        unlabeled: what stands for "no label" in y; None, NaN and pandas.NA do as well.
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
        unlabeled: str | float | None = -1,
    ) -> None:
        self.n_splits, self.shuffle, self.random_state, self.unlabeled = n_splits, shuffle, random_state, unlabeled
        self._folds = StratifiedKFold(n_splits, shuffle=shuffle, random_state=random_state)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many folds there are."""
        return self.n_splits

    def split(self, X: Any, y: ArrayLike, groups: Any = None) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows to train on and the rows to test on, for each fold.

        Args:
            X: not looked at.
            y: labels [n].
            groups: not looked at.

        Raises:
            ValueError: a class has fewer labeled rows than there are folds.
        """
        labels = plain_labels(y, self.unlabeled)
        known = np.array([label != self.unlabeled and not is_missing(label) for label in labels.tolist()], bool)
        rows, rest = np.flatnonzero(known), np.flatnonzero(~known)
        names, codes = np.unique([str(label) for label in labels[known].tolist()], return_inverse=True)
        counts = np.bincount(codes, minlength=max(1, len(names)))
        if counts.min() < self.n_splits:
            which = f"class {names[counts.argmin()]} has" if len(names) else "there are"
            raise ValueError(
                f"n_splits={self.n_splits} needs as many labeled rows of each class, and {which} {counts.min()}; label "
                "more, or take fewer folds."
            )
        for train, test in self._folds.split(rows, codes):
            yield np.sort(np.concatenate([rows[train], rest])), rows[test]

    def __repr__(self) -> str:
        return f"LabeledFold({self.n_splits}, shuffle={self.shuffle}, unlabeled={self.unlabeled!r})"
