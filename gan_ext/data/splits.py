"""Semi-supervised splits: labeled, unlabeled, validation and test rows, decided by a seed, and provably apart."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from torch import Tensor

from gan_ext.data.missing import plain_labels

__all__ = ["SemiSupervisedSplit", "SplitTensors", "matching_rows", "semi_supervised_split"]

Rows = NDArray[np.intp]


class SplitTensors(NamedTuple):
    """What a loop of one's own trains on, and what it is measured on.

    `labeled` samples [l, ...] and their `classes` [l]; all samples that are trained on, `pool` [m, ...]; and the ones
    kept apart, `held_out` [n, ...], with their classes `truth` [n].
    """

    labeled: Tensor
    classes: Tensor
    pool: Tensor
    held_out: Tensor
    truth: Tensor


class SemiSupervisedSplit(NamedTuple):
    """Row numbers of four parts that share no row, sorted.

    `labeled` rows show their label; `unlabeled` rows are trained on without it; `validation` rows are for choosing
    settings; `test` rows are for the one figure at the end.
    """

    labeled: Rows
    unlabeled: Rows
    validation: Rows
    test: Rows

    @property
    def pool(self) -> Rows:
        """All rows that are trained on, labeled or not: labeled ones count as real data too."""
        return np.union1d(self.labeled, self.unlabeled)

    def training_data(self, x: ArrayLike, y: ArrayLike, unlabeled: Any = -1) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what `fit` takes: labeled and unlabeled rows of `x`, and their `y` with the unlabeled ones hidden.

        Args:
            x: all data [n, ...].
            y: all labels [n].
            unlabeled: what stands for "no label".
        """
        x, y = np.asarray(x), plain_labels(y, unlabeled)
        rows = np.concatenate([self.labeled, self.unlabeled])
        # Text cannot hold -1 beside it, objects can.
        shown = y[rows] if y.dtype.kind in "iu" and isinstance(unlabeled, int) else y[rows].astype(object)
        shown = shown.astype(np.int64) if shown.dtype.kind == "u" else shown
        shown[len(self.labeled) :] = unlabeled
        return x[rows], shown

    def tensors(self, x: NDArray[Any], y: NDArray[Any], x_test: NDArray[Any], y_test: NDArray[Any]) -> SplitTensors:
        """Return the parts of data that has test samples of its own; validation rows, if any, take their place.

        Args:
            x: the data that was split [n, ...].
            y: its classes [n].
            x_test: test samples [m, ...].
            y_test: their classes [m].
        """
        held_out = (x[self.validation], y[self.validation]) if len(self.validation) else (x_test, y_test)
        parts = (x[self.labeled], y[self.labeled], x[self.pool], *held_out)
        return SplitTensors(*map(torch.from_numpy, parts))


def semi_supervised_split(
    y: ArrayLike,
    n_labeled: int,
    *,
    balanced: bool = True,
    n_validation: int = 0,
    n_test: int = 0,
    unlabeled: Any = -1,
    random_state: int | np.random.RandomState | None = None,
) -> SemiSupervisedSplit:
    """Split rows into labeled, unlabeled, validation and test parts.

    Args:
        y: true labels [n], of any type that numpy sorts; rows that have none stay unlabeled.
        n_labeled: how many rows show their label, over all classes.
        balanced: the same number of each class (`n_labeled` must then be a multiple of the number of classes); else
            rows are drawn without a look at their class, except that every class gets one.
        n_validation: rows kept for validation.
        n_test: rows kept for testing.
        unlabeled: what stands for "no label" in y; None if every row has one.
        random_state: seed of the split; the test rows depend on it and on `n_test`, the validation rows on
            `n_validation` too, and neither on `n_labeled`.

    Returns:
        The four parts; unlabeled is whatever the others leave.

    Raises:
        ValueError: there are not enough rows, or not enough of one class.
    """
    y = plain_labels(y, unlabeled)
    if y.ndim != 1:
        raise ValueError(f"y must have one dimension, got shape {y.shape}.")
    for name, number in (("n_labeled", n_labeled), ("n_validation", n_validation), ("n_test", n_test)):
        if number < 0 or (name == "n_labeled" and number == 0):
            raise ValueError(f"{name}={number} must not be {'negative' if number < 0 else 'zero'}.")
    known = np.array([unlabeled is None or label != unlabeled for label in y.tolist()], bool)
    if n_labeled + n_validation + n_test > known.sum():
        raise ValueError(
            f"n_labeled={n_labeled}, n_validation={n_validation} and n_test={n_test} need more rows than "
            f"the {known.sum()} there are" + (" with a label." if not known.all() else ".")
        )
    order = check_random_state(random_state).permutation(len(y))
    order, bare = order[known[order]], np.flatnonzero(~known)
    test, validation, rest = np.split(order, [n_test, n_test + n_validation])
    labeled = _first_of_each(y, rest, n_labeled, balanced)
    hidden = np.concatenate([np.setdiff1d(rest, labeled), bare])
    return SemiSupervisedSplit(*(np.sort(part) for part in (labeled, hidden, validation, test)))


def matching_rows(y: ArrayLike, like: ArrayLike, random_state: int | np.random.RandomState | None = None) -> Rows:
    """Return rows [m] whose labels, one by one, are those of other samples: real ones to score beside generated ones.

    Args:
        y: labels [n] of the rows to draw from.
        like: labels [m] that are wanted, each one of `y`.
        random_state: seed of the draws; no row is drawn twice unless a label is wanted more often than it is there.

    Raises:
        ValueError: a label that `y` lacks.
    """
    y, like, draws = np.asarray(y), np.asarray(like), check_random_state(random_state)
    rows = np.empty(len(like), np.intp)
    for name in np.unique(like).tolist():
        there, wanted = np.flatnonzero(y == name), like == name
        if not len(there):
            raise ValueError(f"No row of y has the label {name!r}.")
        rows[wanted] = draws.choice(there, wanted.sum(), replace=wanted.sum() > len(there))
    return rows


def _first_of_each(y: NDArray[Any], rows: Rows, number: int, balanced: bool) -> Rows:
    classes = np.unique(np.array(y[rows].tolist()))
    if number < len(classes) or (balanced and number % len(classes)):
        wanted = f"a multiple of {len(classes)}" if balanced else f"at least {len(classes)}"
        raise ValueError(f"n_labeled={number} must be {wanted}, the number of classes.")
    each = number // len(classes) if balanced else 1
    by_class = [rows[y[rows] == name] for name in classes]
    scarce = [
        (name, len(members)) for name, members in zip(classes.tolist(), by_class, strict=True) if len(members) < each
    ]
    if scarce:
        name, members = scarce[0]
        raise ValueError(f"Class {name!r} has {members} rows left to label, {each} are needed.")
    chosen = np.concatenate([members[:each] for members in by_class])
    others = rows[~np.isin(rows, chosen)]
    return np.concatenate([chosen, others[: number - len(chosen)]])
