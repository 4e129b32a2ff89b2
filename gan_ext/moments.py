"""Mean and deviation of columns, in float64 whatever the data are in: long, far from 0, very large or very small."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ROWS", "column_moments", "tensor_moments"]

ROWS = 65536  # read at a time, so that no second copy of all data is made


def column_moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of data [n, ...] over rows [...], by scikit-learn's running sums.

    A deviation is 0 where a feature does not change by more than the rounding of its own numbers.
    """
    from sklearn.preprocessing import StandardScaler  # not loaded by those who import a game

    flat = x.reshape(len(x), -1)
    # A power of two takes no bit, and keeps the squares of 1e200 and of 1e-200 among the numbers.
    power = np.frexp(np.maximum(np.abs(flat.max(0)), np.abs(flat.min(0))).astype(np.float64))[1]
    origin = np.ldexp(flat[0].astype(np.float64), -power)  # near the data, where nothing is lost by squares
    running = StandardScaler()
    for begin in range(0, len(flat), ROWS):
        running.partial_fit(np.ldexp(flat[begin : begin + ROWS].astype(np.float64), -power) - origin)
    mean, deviation = origin + running.mean_, np.sqrt(running.var_)
    own = np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps
    deviation = np.where(deviation <= 10 * own * np.abs(mean), 0, deviation)
    shape = x.shape[1:]
    return np.ldexp(mean, power).reshape(shape), np.ldexp(deviation, power).reshape(shape)


def tensor_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what :func:`column_moments` does of a tensor, in float32 where it lies; waits for the device."""
    mean, deviation = column_moments(x.detach().cpu().numpy())
    return (
        torch.as_tensor(mean, dtype=torch.float32, device=x.device),
        torch.as_tensor(deviation, dtype=torch.float32, device=x.device),
    )
