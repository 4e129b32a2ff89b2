"""Images as most of our networks take them: float32 in [0, 1], with channels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_ext.data.images.idx import ImageData

__all__ = ["UnitImages", "unit_images"]


class UnitImages(NamedTuple):
    """Images float32 [n, c, h, w] in [0, 1] and labels int64 [n]: to train on, and to measure on."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def unit_images(data: ImageData, n_validation: int = 0) -> UnitImages:
    """Return images in [0, 1], with one channel if they have none.

    Args:
        data: images with values 0 .. 255 and their labels.
        n_validation: how many training images, the last ones, are not trained on and take the place of the test images,
            for choosing settings without a look at these; 0 for none.

    Raises:
        ValueError: as many as there are, or less than none.
    """
    n = len(data.x_train)
    if not 0 <= n_validation < n:
        raise ValueError(f"n_validation={n_validation} must be at least 0 and below the {n} training images.")
    x, x_test = (_scaled(part) for part in (data.x_train, data.x_test))
    if not n_validation:
        return UnitImages(x, data.y_train, x_test, data.y_test)
    cut = n - n_validation
    return UnitImages(x[:cut], data.y_train[:cut], x[cut:], data.y_train[cut:])


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    scaled = images.astype(np.float32) / np.float32(255)
    return scaled if scaled.ndim == 4 else scaled[:, None]
