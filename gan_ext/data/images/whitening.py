"""ZCA whitening: data without correlations that still look like themselves."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from gan_ext.moments import column_moments

__all__ = ["ZCAWhitening"]

_ROWS = 4096  # of a block, so that no second copy of all data is made


class ZCAWhitening(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Rotate to principal components, divide each by its deviation, and rotate back.

    .. math:: x_w = U (S + \epsilon I)^{-1/2} U^\top (x - \mu), \qquad \Sigma = U S U^\top

    with mean :math:`\mu` and covariance :math:`\Sigma` (divided by n) of the data it is fitted on, which must be
    training data only: fitted on all data, the whitened training data know the test data.

    References: The "independent components" of natural scenes are edge filters (Bell and Sejnowski, 1997); Learning
    Multiple Layers of Features from Tiny Images (Krizhevsky, 2009)

    Args:
        eps: :math:`\epsilon`, added to the variances inside the root, in squared units of the data; 1e-2 suits CIFAR-10
            with pixels in [-1, 1] or [0, 1].  It keeps directions without variance from becoming noise.

    Attributes:
        mean_: :math:`\mu` [d].
        whitening_: the symmetric matrix :math:`U (S + \epsilon I)^{-1/2} U^\top` [d, d].
        coloring_: its inverse [d, d].
        image_shape_: shape of one sample it was fitted on, () for tables.
        n_features_in_: d.

    Data are tables [n, d], or images or samples of any other shape, and come back as float32 in their shape.

    Raises:
        ValueError: an `eps` that is not above 0, or samples of another shape than at fit.
    """

    def __init__(self, eps: float = 1e-2) -> None:
        self.eps = eps

    def fit(self, X: Any, y: Any = None) -> "ZCAWhitening":
        """Learn mean and covariance of X [n, ...]; y is not read."""
        number = isinstance(self.eps, Real) and not isinstance(self.eps, bool)
        if not number or not 0 < self.eps < float("inf"):
            raise ValueError(f"ZCAWhitening needs eps > 0, got {self.eps!r}; 0.01 suits pixels in [-1, 1].")
        table = self._table(X, reset=True)
        self.mean_ = column_moments(table)[0]
        variances, axes = eigh(_covariance(table, self.mean_), overwrite_a=True, driver="evd")
        deviations = np.sqrt(variances.clip(0) + self.eps)
        self.whitening_ = ((axes / deviations) @ axes.T).astype(np.float32)
        self.coloring_ = ((axes * deviations) @ axes.T).astype(np.float32)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return X [n, ...] whitened."""
        check_is_fitted(self)
        table = self._table(X, reset=False)
        made = np.empty(table.shape, np.float32)
        for block, rows in _blocks(table):
            made[block] = (rows - self.mean_).astype(np.float32) @ self.whitening_
        return made.reshape(len(made), *(_image_shape(X) or made.shape[1:]))

    def inverse_transform(self, X: Any) -> NDArray[np.float32]:
        """Return what :meth:`transform` made X [n, ...] of."""
        check_is_fitted(self)
        table = self._table(X, reset=False)
        made = np.empty(table.shape, np.float32)
        for block, rows in _blocks(table):
            made[block] = rows.astype(np.float32) @ self.coloring_ + self.mean_
        return made.reshape(len(made), *(_image_shape(X) or made.shape[1:]))

    def _table(self, X: Any, reset: bool) -> NDArray[Any]:
        """Return samples as checked rows [n, d], float32 or float64."""
        shape = _image_shape(X)
        if not reset and shape and self.image_shape_ and shape != self.image_shape_:
            raise ValueError(f"ZCAWhitening was fitted on samples of shape {self.image_shape_}, got {shape}.")
        if reset:
            self.image_shape_: tuple[int, ...] = shape
        if shape:
            X = np.asarray(X).reshape(len(X), -1)
        table: NDArray[Any] = validate_data(
            self, X, dtype=[np.float32, np.float64], order="C", reset=reset, ensure_min_samples=2 if reset else 1
        )
        return table

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _image_shape(X: Any) -> tuple[int, ...]:
    """Return the shape of one sample, () for tables."""
    shape: tuple[int, ...] = tuple(getattr(X, "shape", ()))[1:]
    return shape if len(shape) > 1 else ()


def _blocks(table: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    for begin in range(0, len(table), _ROWS):
        block = slice(begin, begin + _ROWS)
        yield block, table[block]


def _covariance(table: NDArray[Any], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance [d, d], in float64."""
    total = np.zeros((table.shape[1],) * 2)
    for _, rows in _blocks(table):
        centered = rows - mean  # float64, as the mean is: squares of large numbers fit, sums keep their last digits
        total += centered.T @ centered
    return total / len(table)
