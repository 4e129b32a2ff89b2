"""Images of which few show their label, as tensors for a loop of one's own."""

import numpy as np
from numpy.typing import NDArray

from gan_ext.data.images.idx import ImageData
from gan_ext.data.images.whitening import ZCAWhitening
from gan_ext.data.splits import SplitTensors, semi_supervised_split

__all__ = ["few_labels"]


def few_labels(
    data: ImageData,
    n_labeled: int,
    *,
    n_validation: int = 0,
    low: float = 0.0,
    whiten: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> SplitTensors:
    """Split images into those that show their label and the others, and return them as float32 [n, c, h, w].

    Args:
        data: images with values 0 .. 255 and their labels.
        n_labeled: how many training images show their label, the same number of each class.
        n_validation: training images kept apart; if not 0, they take the place of the test images.
        low: what 0 becomes, less than 1; 255 becomes 1.
        whiten: whether pixels are then whitened (:class:`ZCAWhitening`, fitted on what is trained on).
        random_state: seed of the split.

    Raises:
        ValueError: there are not enough images, or not enough of one class.
    """
    split = semi_supervised_split(data.y_train, n_labeled, n_validation=n_validation, random_state=random_state)
    x, x_test = (_scaled(part, low) for part in (data.x_train, data.x_test))
    if whiten:
        whitening = ZCAWhitening().fit(x[split.pool])
        x, x_test = whitening.transform(x), whitening.transform(x_test)
    return split.tensors(x, data.y_train, x_test, data.y_test)


def _scaled(images: NDArray[np.uint8], low: float) -> NDArray[np.float32]:
    scaled = images.astype(np.float32) / np.float32(255 / (1 - low)) + np.float32(low)
    return scaled if scaled.ndim == 4 else scaled[:, None]
