"""Codes and factors as the metrics of disentanglement read them: two arrays with the same rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gan_ext.metrics.features import as_numbers, plain

__all__ = ["Floats", "Integers", "code_arrays", "finite_codes", "parts"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def code_arrays(
    codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, least_codes: int = 1, least_factors: int = 1
) -> tuple[Floats, Integers]:
    """Return codes [n, d] and factors [n, k] as arrays; raise ValueError where they cannot be scored.

    Args:
        codes: numbers [n, d].
        factors: whole numbers [n, k], each column with at least two values.
        least_codes: how many columns of codes the metric needs.
        least_factors: how many factors the metric needs.

    Raises:
        ValueError: other shapes, fewer than two rows, too few columns, codes that are not finite, factors that are not
            whole numbers, or a factor with one value.
    """
    found, truth = finite_codes("codes", codes), plain(factors)
    if truth.ndim != 2 or len(truth) != len(found):
        raise ValueError(f"factors must be [n, k] with the {len(found)} rows of codes, got shape {truth.shape}.")
    if len(found) < 2:
        raise ValueError(f"codes and factors have {len(found)} rows; at least 2 are needed, thousands are usual.")
    for name, array, least in (("codes", found, least_codes), ("factors", truth, least_factors)):
        if array.shape[1] < least:
            raise ValueError(f"{name} has {array.shape[1]} columns; this metric needs at least {least}.")
    if truth.dtype.kind not in "iub":
        raise ValueError(f"factors must be whole numbers, got {truth.dtype}: number the values of each factor.")
    for column in np.flatnonzero(np.ptp(truth.astype(np.int64), axis=0) == 0):
        raise ValueError(f"factors[:, {column}] has one value only, so nothing can tell it: leave that column out.")
    return found, truth.astype(np.int64)


def finite_codes(name: str, codes: Any) -> Floats:
    """Return codes as an array [n, d] of float64; raise ValueError where they are not that, or not finite."""
    array = as_numbers(name, codes)
    if array.ndim != 2:
        raise ValueError(f"{name} must be [n, d], a row for each sample; got shape {array.shape}.")
    return array.astype(np.float64)


def parts(factors: Integers, test_share: float, random_state: int) -> tuple[Integers, Integers]:
    """Return the row numbers of a training and of a test part, drawn at random.

    Args:
        factors: [n, k].
        test_share: share of the rows for the test part, in (0, 1).
        random_state: seed of the draw.

    Raises:
        ValueError: a share out of its range, or so few rows that a part is empty or a factor has one value in it.
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share={test_share!r} must lie between 0 and 1; a third is usual.")
    order = np.random.default_rng(random_state).permutation(len(factors))
    test, train = np.split(order, [round(len(factors) * test_share)])
    for name, rows in (("training", train), ("test", test)):
        if not len(rows) or (np.ptp(factors[rows], axis=0) == 0).any():
            raise ValueError(
                f"The {name} part has {len(rows)} of {len(factors)} rows, and a factor has fewer than two values in "
                f"it: give more rows, or another test_share than {test_share!r}."
            )
    return train, test
