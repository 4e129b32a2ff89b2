"""Which labels `fit` was given: classes, and which samples have none."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from gan_ext.estimators.base.checks import check_count

__all__ = ["Labels", "class_numbers", "read_labels"]


class Labels(NamedTuple):
    """Classes in order, the class number of every sample (-1 without label) [n] int64, and who has a label [n]."""

    classes: NDArray[Any]
    codes: NDArray[np.int64]
    known: NDArray[np.bool_]


def read_labels(
    y: NDArray[Any], unlabeled: Any, declared: Sequence[Any] | None = None, allow_empty: bool | None = False
) -> Labels:
    """Sort out labels, or say what is wrong with them.

    Args:
        y: labels [n].
        unlabeled: what stands for "no label"; None if every sample has one.
        declared: all classes, if known beforehand.
        allow_empty: whether a declared class may have no labeled sample; None where nothing can allow it.

    Raises:
        ValueError: labels of a wrong kind, none at all, fewer than two classes, or a class that is not declared or
            has no sample.
    """
    known = np.ones(len(y), bool) if unlabeled is None else np.array([label != unlabeled for label in y], bool)
    shown = y[known]
    nameless = [label for label in shown.tolist() if label is None or label != label]
    if nameless:
        remedy = "every sample needs a class" if unlabeled is None else f"mark samples without label by {unlabeled!r}"
        raise ValueError(f"y has the label {nameless[0]!r}; {remedy}.")
    if len(shown) == 0:
        raise ValueError(f"y has no labeled sample: all {len(y)} are {unlabeled!r}. Label at least one of each class.")
    if shown.dtype == object:
        shown = np.array(shown.tolist())  # the type the labels have once the mark for "none" is gone
    if shown.dtype.kind == "f" and not np.all(shown == np.floor(shown)):
        fraction = shown[shown != np.floor(shown)][0]
        raise ValueError(f"Unknown label type: y has float labels such as {fraction}; pass integers or strings.")
    check_classification_targets(shown)
    _check_sign(shown, unlabeled)
    classes = np.unique(shown)
    if unlabeled is not None and classes.dtype.kind in "US" and str(unlabeled) in classes:
        raise ValueError(
            f"y has the class {str(unlabeled)!r}, a text that looks like the mark {unlabeled!r} for no label: "
            "an array of texts turns -1 into '-1'. Build y with dtype=object."
        )
    if declared is not None:
        classes = _checked_declaration(classes, np.unique(np.asarray(declared)), allow_empty)
    if len(classes) < 2:
        raise ValueError(f"y has labels of one class only ({classes.tolist()[0]!r}); at least 2 classes are needed.")
    codes = np.full(len(y), -1, np.int64)
    codes[known] = np.searchsorted(classes, shown)
    return Labels(classes, codes, known)


def class_numbers(y: Any, n_samples: int | None, classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of the class of every wanted sample [n].

    Args:
        y: one class for all, or a class for each.
        n_samples: how many; with classes for each sample, None and 1 stand for as many as there are.
        classes: those that fit saw, in order.

    Raises:
        ValueError: a count below 1, classes for another number of samples, or a class that fit did not see.
    """
    if n_samples is not None:
        check_count("n_samples", n_samples)
    each = np.ndim(y) > 0
    y = np.asarray(y) if each else np.full(n_samples or 1, y)
    if y.ndim != 1 or not len(y) or (each and n_samples not in (None, 1, len(y))):
        raise ValueError(
            f"y has shape {y.shape} and n_samples={n_samples!r}; pass one class and a number of samples, or a list "
            "with a class for each sample."
        )
    numbers = {name: number for number, name in enumerate(classes.tolist())}
    for label in y.tolist():
        if label not in numbers:
            raise ValueError(f"y has the class {label!r}, which fit did not see; classes: {list(numbers)}.")
    return np.array([numbers[label] for label in y.tolist()], np.int64)


def _check_sign(shown: NDArray[Any], unlabeled: Any) -> None:
    if shown.dtype.kind in "if" and unlabeled == -1 and shown.min() < 0:
        raise ValueError(
            f"y has the negative label {shown.min()}; -1 marks unlabeled samples and classes start at 0. To use "
            "negative classes, mark unlabeled samples differently with the parameter `unlabeled`."
        )


def _checked_declaration(found: NDArray[Any], declared: NDArray[Any], allow_empty: bool | None) -> NDArray[Any]:
    strange, empty = np.setdiff1d(found, declared), np.setdiff1d(declared, found)
    if len(strange):
        raise ValueError(f"y has the class {strange.tolist()[0]!r}, which is not among classes={declared.tolist()}.")
    if len(empty) and allow_empty is None:
        raise ValueError(
            f"Class {empty.tolist()[0]!r} of classes={declared.tolist()} has no sample; add one or drop it."
        )
    if len(empty) and not allow_empty:
        raise ValueError(
            f"Class {empty.tolist()[0]!r} has no labeled sample. Label one, or pass allow_empty_classes=True to train "
            "without (it will then hardly ever be predicted)."
        )
    return declared
