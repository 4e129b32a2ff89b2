"""Images in the order of axes in which other libraries keep them: the way here, and back."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from typing_extensions import Self

__all__ = ["ChannelsFirst"]


class ChannelsFirst(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gray images (n, h, w) and images with channels last (n, h, w, c), as the estimators take them: (n, c, h, w).

    A step before an estimator in a pipeline: ``make_pipeline(ChannelsFirst(), SemiSupervisedGANClassifier())``; its
    :meth:`inverse_transform` takes samples back.

    Attributes:
        image_shape_: shape of one image, (h, w) or (h, w, c).
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Note the shape of images [n, h, w] or [n, h, w, c].

        Raises:
            ValueError: they have another number of axes.
        """
        shape = np.shape(X)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"X has shape {shape}; pass gray images (n, h, w), or images with channels last (n, h, w, c)."
            )
        self.image_shape_ = shape[1:]
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return images [n, c, h, w]."""
        check_is_fitted(self)
        X = np.asarray(X)
        if X.shape[1:] != self.image_shape_:
            raise ValueError(f"X has images of shape {X.shape[1:]}, but fit was given {self.image_shape_}.")
        return np.ascontiguousarray(X[:, None] if X.ndim == 3 else X.transpose(0, 3, 1, 2))

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return images [n, c, h, w] in the order of axes that `fit` was given."""
        check_is_fitted(self)
        X = np.asarray(X)
        gray = len(self.image_shape_) == 2
        wanted = (1, *self.image_shape_) if gray else (self.image_shape_[2], *self.image_shape_[:2])
        if X.shape[1:] != wanted:
            raise ValueError(f"X has images of shape {X.shape[1:]}; those that were transformed have {wanted}.")
        return np.ascontiguousarray(X[:, 0] if gray else X.transpose(0, 2, 3, 1))
