"""Slant, width and amount of the ink in images of written digits: what a code of their style may move."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from gan_ext.metrics.codes.arrays import Floats
from gan_ext.metrics.features import as_numbers

__all__ = ["StrokeMoments", "stroke_moments"]


class StrokeMoments(NamedTuple):
    """What the first two moments of ink say, one number for each image."""

    slant: Floats
    """Shear: columns to the right for each row up."""
    width: Floats
    """Standard deviation along a row, in pixels."""
    ink: Floats
    """Mean value of a pixel."""


def stroke_moments(images: ArrayLike | Tensor) -> StrokeMoments:
    r"""Return slant, width and amount of the ink in images.

    .. math::
        \text{slant} = -\frac{E[(u - \bar u)(v - \bar v)]}{E[(v - \bar v)^2]}, \qquad
        \text{width} = \sqrt{E[(u - \bar u)^2]}

    where E is the mean over pixels (row v, column u), weighted by their values; rows are counted downwards.  An image
    without ink has slant 0 and width 0.

    Args:
        images: [..., h, w], ink above 0; values below 0 count as 0.

    Raises:
        ValueError: fewer than two axes, no pixels, or values that are not finite.
    """
    x = as_numbers("images", images).astype(np.float64)
    if x.ndim < 2 or not min(x.shape[-2:]):
        raise ValueError(f"images must be [..., h, w], got shape {x.shape}.")
    x, (rows, columns) = x.clip(0), np.indices(x.shape[-2:])
    ink = x.sum((-2, -1))
    weights = x / np.maximum(ink, 1e-6)[..., None, None]
    down, across = (place - (weights * place).sum((-2, -1), keepdims=True) for place in (rows, columns))
    vertical = (weights * down**2).sum((-2, -1))
    slant = -(weights * down * across).sum((-2, -1)) / np.maximum(vertical, 1e-12)
    return StrokeMoments(slant, np.sqrt((weights * across**2).sum((-2, -1))), ink / np.prod(x.shape[-2:]))
