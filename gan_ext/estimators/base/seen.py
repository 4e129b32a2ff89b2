"""What range and type of numbers `fit` saw, and a warning where later data cannot be in the same units."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DataSeen", "look_at", "warn_of_units"]

_TIMES = 50.0  # larger or smaller than what fit saw: other units, such as 0 to 1 in place of 0 to 255


class DataSeen(NamedTuple):
    """Smallest and largest value, the typical (median) largest size of a value within a sample, and the type."""

    low: float
    high: float
    size: float
    dtype: str


def look_at(X: NDArray[Any], dtype: Any) -> DataSeen:
    """Return what is remembered of data [n, ...]; `dtype` is what it came in."""
    rows = X.reshape(len(X), -1)
    sizes = np.maximum(rows.max(1), -rows.min(1))
    return DataSeen(float(rows.min()), float(rows.max()), float(np.median(sizes)), str(dtype))


def warn_of_units(seen: DataSeen, X: NDArray[Any]) -> None:
    """Warn if data are some fifty times larger or smaller than those that `fit` saw."""
    here = look_at(X, X.dtype)
    if not here.size > 0 or not seen.size > 0 or seen.size / _TIMES <= here.size <= seen.size * _TIMES:
        return
    warnings.warn(
        f"X has values from {here.low:.4g} to {here.high:.4g}; fit saw {seen.low:.4g} to {seen.high:.4g} "
        f"({seen.dtype}). Pass data in the units that fit was given.",
        stacklevel=5,
    )
