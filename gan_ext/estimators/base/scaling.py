"""Scaling of data to what networks like, and back."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_ext.moments import ROWS, column_moments

__all__ = ["Scaler", "Scaling"]

Scaling = Literal["auto", "standard", "minmax", "none"]


class Scaler:
    """Shift and scale data; `inverse` undoes it.

    ``"standard"`` gives every feature mean 0 and standard deviation 1, ``"minmax"`` moves all features together to
    [0, 1], ``"none"`` leaves them.  ``"auto"`` takes minmax for images and for tables whose features all share one
    range that starts at 0 (pixels, counts), else standard.

    Args:
        scaling: which one.
        x: data [n, ...] to learn shift and scale from.
    """

    def __init__(self, scaling: Scaling, x: NDArray[Any]) -> None:
        self.kind = _choice(x) if scaling == "auto" else scaling
        shape = (1,) * (x.ndim - 1)
        self.shift: NDArray[np.float64] = np.zeros(shape)
        self.scale: NDArray[np.float64] = np.ones(shape)
        if self.kind == "standard":
            self.shift, deviation = column_moments(x)
            # A feature that never changes would be divided by rounding error.
            self.scale = np.where(deviation == 0, 1, deviation)
        elif self.kind == "minmax":
            low, high = float(x.min()), float(x.max())
            self.shift, self.scale = self.shift + low, self.scale * ((high - low) or 1)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return scaled data, in the precision of `x`."""
        if self.kind == "none":
            return x.copy()
        scaled = np.empty(x.shape, x.dtype)
        for begin in range(0, len(x), ROWS):
            rows = slice(begin, begin + ROWS)
            # In float64, where neither the difference of far numbers nor a tiny scale is lost.
            scaled[rows] = (x[rows].astype(np.float64) - self.shift) / self.scale
        return scaled

    def inverse(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return data in the units it came in."""
        unscaled: NDArray[Any] = (x.astype(np.float64) * self.scale + self.shift).astype(x.dtype)
        return unscaled


def _choice(x: NDArray[Any]) -> Scaling:
    if x.ndim > 2:
        return "minmax"
    low, high = x.min(0), x.max(0)
    alike = low.min() == 0 and np.median(high) > 0.5 * high.max() and x.shape[1] >= 16
    return "minmax" if alike else "standard"
