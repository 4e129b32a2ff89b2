"""Scaling of data to what networks like, and back."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
        self.shift: NDArray[Any] = np.zeros(shape, x.dtype)
        self.scale: NDArray[Any] = np.ones(shape, x.dtype)
        if self.kind == "standard":
            self.shift, deviation = x.mean(0), x.std(0)
            # A feature that never changes would be divided by rounding error.
            constant = deviation <= 10 * np.finfo(x.dtype).eps * np.abs(self.shift).clip(1e-30)
            self.scale = np.where(constant, 1, deviation).astype(x.dtype)
        elif self.kind == "minmax":
            self.shift = self.shift + x.min()
            self.scale = self.scale * (np.ptp(x) or 1)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return scaled data, in the precision of `x`."""
        scaled: NDArray[Any] = (x - self.shift.astype(x.dtype)) / self.scale.astype(x.dtype)
        return scaled

    def inverse(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return data in the units it came in."""
        unscaled: NDArray[Any] = x * self.scale.astype(x.dtype) + self.shift.astype(x.dtype)
        return unscaled


def _choice(x: NDArray[Any]) -> Scaling:
    if x.ndim > 2:
        return "minmax"
    low, high = x.min(0), x.max(0)
    alike = low.min() == 0 and np.median(high) > 0.5 * high.max() and x.shape[1] >= 16
    return "minmax" if alike else "standard"
