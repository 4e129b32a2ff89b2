"""Labels as users have them: lists, series, categories and tensors, in which some labels are missing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["is_missing", "plain_labels"]


def is_missing(label: Any) -> bool:
    """Return whether a label is None, NaN, NaT or ``pandas.NA``."""
    if label is None:
        return True
    equal = label == label
    return not isinstance(equal, bool | np.bool_) or not bool(equal)  # NA is neither equal to itself nor not


def plain_labels(y: Any, unlabeled: Any = None) -> NDArray[Any]:
    """Return labels as an array of numpy's own types, with a mark where there is none.

    None, NaN, NaT and ``pandas.NA`` all mean "no label".  Numbers that pandas made fractional for the sake of NaN are
    integers again.  A list that mixes text and numbers stays as it is, where numpy would make all of it text.

    Args:
        y: labels [n]: a list, an array, a tensor, or a series of pandas.
        unlabeled: the mark; with None, missing labels stay missing, as None.
    """
    if isinstance(y, Tensor):
        y = y.detach().cpu().numpy()
    found = y if isinstance(y, np.ndarray) else _of_objects(y)
    if found.ndim != 1 or found.dtype.kind not in "Of":
        return found
    missing = np.array([is_missing(label) for label in found.tolist()], bool)
    if not missing.any():
        return found
    rest = found[~missing].tolist()
    whole = bool(rest) and all(isinstance(label, float) and label.is_integer() for label in rest)
    filled = np.full(len(found), unlabeled, object)
    filled[~missing] = [int(label) for label in rest] if whole else rest
    return filled if unlabeled is None else _narrow(filled)


def _of_objects(y: Any) -> NDArray[Any]:
    """Return what is no array as one; of objects if it has several types, or a type that numpy does not know."""
    dtype = getattr(y, "dtype", None)
    if dtype is None and isinstance(y, list | tuple):
        kinds = {type(label) for label in y}
        if not any(issubclass(kind, str) or kind is type(None) or kind.__name__ == "NAType" for kind in kinds):
            return np.asarray(y)
        if len(kinds) == 1:
            return np.asarray(y)
        found = np.empty(len(y), object)
        found[:] = y
        return found
    if dtype is None or isinstance(dtype, np.dtype):
        return np.asarray(y)
    found = np.asarray(y, dtype=object)  # of pandas' own types: categories, strings, integers that may be missing
    return found if found.ndim != 1 else _narrow(found)


def _narrow(labels: NDArray[Any]) -> NDArray[Any]:
    """Return an array of objects as one of integers, if that is what all of them are."""
    whole = all(isinstance(label, int | np.integer) and not isinstance(label, bool) for label in labels.tolist())
    return labels.astype(np.int64) if whole and len(labels) else labels
