"""Which labels `fit` was given: classes, and which samples have none."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from gan_ext.data.missing import is_missing, plain_labels
from gan_ext.estimators.base.checks import check_count

__all__ = ["Labels", "class_numbers", "every_label", "read_labels"]

_TURNED = {"nan": "NaN", "None": "None", "<NA>": "pandas.NA"}  # what an array of texts makes of them
_BARE = (-1, "-1")


class Labels(NamedTuple):
    """Classes in order, the class number of every sample (-1 without label) [n] int64, and who has a label [n]."""

    classes: NDArray[Any]
    codes: NDArray[np.int64]
    known: NDArray[np.bool_]


def read_labels(
    y: Any, unlabeled: Any, declared: Sequence[Any] | None = None, allow_empty: bool | None = False
) -> Labels:
    """Sort out labels, or say what is wrong with them.

    Args:
        y: labels [n]; None, NaN and pandas.NA mean "no label", like the mark.
        unlabeled: what stands for "no label"; None if every sample has one.
        declared: all classes, if known beforehand.
        allow_empty: whether a declared class may have no labeled sample; None where nothing can allow it.

    Raises:
        ValueError: labels of a wrong kind, none at all, fewer than two classes, or a class that is not declared or
            has no sample.
    """
    y = plain_labels(y, unlabeled)
    known = np.ones(len(y), bool) if unlabeled is None else np.array([label != unlabeled for label in y], bool)
    shown = y[known]
    nameless = sum(map(is_missing, shown.tolist()))
    if nameless:
        raise ValueError(f"y lacks {nameless} of its {len(y)} labels, and every sample needs a class; drop those rows.")
    if len(shown) == 0:
        raise ValueError(
            f"y has no labeled sample: all {len(y)} are {unlabeled!r}, None or NaN, which mean 'no label'. Label at "
            "least one of each class."
        )
    if shown.dtype == object:
        _check_kinds(shown)
        shown = np.array(shown.tolist())  # the type the labels have once the mark for "none" is gone
    if shown.dtype.kind == "f" and not np.all(shown == np.floor(shown)):
        fraction = shown[shown != np.floor(shown)][0]
        raise ValueError(f"Unknown label type: y has float labels such as {fraction}; pass integers or strings.")
    check_classification_targets(shown)
    _check_sign(shown, unlabeled)
    classes = np.unique(shown)
    _check_texts(classes, y.dtype.kind, unlabeled, declared)
    if shown.dtype.kind == "u" and isinstance(unlabeled, int) and unlabeled < 0:
        _check_wrapped(classes, unlabeled)
    if declared is not None:
        classes = _checked_declaration(classes, np.unique(np.asarray(declared)), allow_empty)
    if len(classes) < 2:
        signs = (
            ""
            if known.all() or unlabeled != -1 or classes.tolist()[0] != 1
            else (" -1 means 'no label': if the classes are 1 and -1, pass another mark as `unlabeled`, or None.")
        )
        raise ValueError(
            f"y has labels of one class only ({classes.tolist()[0]!r}); at least 2 classes are needed.{signs}"
        )
    codes = np.full(len(y), -1, np.int64)
    codes[known] = np.searchsorted(classes, shown)
    return Labels(classes, codes, known)


def every_label(y: Any, declared: Sequence[Any] | None = None, remedy: str = "name all classes in `classes`") -> Any:
    """Return labels where each sample must have one, or say that -1 and missing values are none.

    Args:
        y: labels [n].
        declared: all classes, if known beforehand; -1 may be one of these.
        remedy: what to do if -1 is a class, for the error.

    Raises:
        ValueError: a label is missing, or is -1, which is what samples without label have elsewhere.
    """
    if y is None:
        return None
    labels = plain_labels(y)
    listed = labels.tolist() if labels.ndim == 1 else []
    bare = [label for label in listed if is_missing(label) or (isinstance(label, int | float | str) and label in _BARE)]
    if bare and not (declared is not None and bare[0] in list(declared)):
        raise ValueError(
            f"y has the label {bare[0]!r} for {len(bare)} of its {len(labels)} samples, which means 'no label'; every "
            f"sample needs a class here. Drop those rows, or {remedy} if it is one of them."
        )
    if listed and all(isinstance(label, str) for label in listed):
        _check_texts(np.unique(listed), labels.dtype.kind, None, declared)
    if labels.dtype.kind == "u" and labels.ndim == 1 and declared is None:
        _check_wrapped(np.unique(labels), -1)
    return labels


def class_numbers(y: Any, n_samples: int | None, classes: NDArray[Any], name: str = "y") -> NDArray[np.int64]:
    """Return the number of the class of every wanted sample [n].

    Args:
        y: one class for all, or a class for each.
        n_samples: how many; with classes for each sample, None and 1 stand for as many as there are.
        classes: those that fit saw, in order.
        name: of the argument `y`, for errors.

    Raises:
        ValueError: a count below 1, classes for another number of samples, or a class that fit did not see.
    """
    if n_samples is not None:
        check_count("n_samples", n_samples)
    each = np.ndim(y) > 0
    y = np.asarray(y) if each else np.full(n_samples or 1, y)
    if y.ndim != 1 or not len(y) or (each and n_samples not in (None, 1, len(y))):
        raise ValueError(
            f"{name} has shape {y.shape} and n_samples={n_samples!r}; pass one class and a number of samples, or a "
            "list with a class for each sample."
        )
    numbers = {name: number for number, name in enumerate(classes.tolist())}
    for label in y.tolist():
        if label not in numbers:
            raise ValueError(f"{name} has the class {label!r}, which fit did not see; classes: {list(numbers)}.")
    return np.array([numbers[label] for label in y.tolist()], np.int64)


def _check_kinds(shown: NDArray[Any]) -> None:
    texts = [label for label in shown.tolist() if isinstance(label, str)]
    others = [label for label in shown.tolist() if not isinstance(label, str)]
    if texts and others:
        raise ValueError(
            f"y mixes labels of several types, such as {texts[0]!r} (str) and {others[0]!r} "
            f"({type(others[0]).__name__}); make all of them strings, or all integers."
        )


def _check_texts(classes: NDArray[Any], kind: str, unlabeled: Any, declared: Sequence[Any] | None) -> None:
    """Raise ValueError if a class is a text that stands for no label, rather than for a class."""
    if classes.dtype.kind not in "US":
        return
    if unlabeled is not None and str(unlabeled) in classes:
        raise ValueError(
            f"y has the class {str(unlabeled)!r}, a text that looks like the mark {unlabeled!r} for no label: "
            "an array of texts turns -1 into '-1'. Build y with dtype=object."
        )
    named = set(classes.tolist()) - set(declared if declared is not None else ())
    if "" in named:
        raise ValueError(
            "y has the class '', an empty text. If it means 'no label', pass unlabeled='' (or drop those rows, where "
            "each needs a class); if it is a class, give it a name."
        )
    turned = sorted(named & set(_TURNED)) if kind in "US" else []
    if turned:
        raise ValueError(
            f"y has the class {turned[0]!r}, which is what an array of texts turns {_TURNED[turned[0]]} into. Build y "
            "with dtype=object, or fill what is missing: fillna(-1). If it is a class, name all in `classes`."
        )


def _check_wrapped(classes: NDArray[Any], unlabeled: int) -> None:
    """Raise ValueError if an unsigned type seems to have turned the mark into its largest number."""
    wrapped = unlabeled % (int(np.iinfo(classes.dtype).max) + 1)
    if wrapped in classes and wrapped - 1 not in classes:
        raise ValueError(
            f"y has the class {wrapped} and the type {classes.dtype}, in which {unlabeled}, the mark for no label, "
            f"becomes {wrapped}. Use y.astype(int) before you mark samples, or pass unlabeled={wrapped}."
        )


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
