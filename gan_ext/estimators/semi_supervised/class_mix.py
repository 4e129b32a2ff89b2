"""Is the mix of classes what labels say?  It is estimated from the data, to warn before training on a wrong one."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from gan_ext.estimators.base.labels import Labels

__all__ = ["estimated_mix", "warn_of_mix"]

Array = NDArray[Any]
_EACH = 5  # labeled samples of each class that an estimate takes
_RIGHT = 0.75  # how often the neighbor must be right for an estimate
_OFF = 3.0  # how many times rarer than assumed a class must be for a warning
_ROWS = 2000


def estimated_mix(x: Array, labels: Labels, seed: int) -> Array | None:
    r"""Return the shares of the classes in all data, or None where labels are too few or neighbors too often wrong.

    A nearest-neighbor classifier with the confusion matrix :math:`C` of labeled samples left out predicts the mix
    :math:`q`; the shares solve :math:`C p = q`.

    References: Detecting and Correcting for Label Shift with Black Box Predictors (Lipton et al., 2018),
    https://arxiv.org/abs/1802.03916

    Args:
        x: scaled data [n, ...].
        labels: classes of some.
        seed: of the at most 2000 samples that are looked at.
    """
    codes = labels.codes[labels.known]
    counts = np.bincount(codes, minlength=len(labels.classes))
    if counts.min() < _EACH or labels.known.all():
        return None
    flat = x.reshape(len(x), -1)
    neighbor = KNeighborsClassifier(1)
    found = cross_val_predict(neighbor, flat[labels.known], codes, cv=int(counts.min()))
    confusion = confusion_matrix(codes, found, labels=range(len(counts)), normalize="true").T
    if confusion.diagonal().min() < _RIGHT:
        return None
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(~labels.known))[:_ROWS]
    predicted = neighbor.fit(flat[labels.known], codes).predict(flat[rows])
    seen = np.bincount(predicted, minlength=len(counts)) / len(rows)
    shares = np.maximum(np.linalg.lstsq(confusion, seen, rcond=None)[0], 1e-3)
    mix: Array = shares / shares.sum()
    return mix


def warn_of_mix(x: Array, labels: Labels, assumed: Sequence[float], seed: int) -> None:
    """Warn if a class seems to be far rarer in the data than `balance` will make it.

    Args:
        x: scaled data [n, ...].
        labels: classes of some.
        assumed: the shares that `balance` pulls to, unscaled.
        seed: of the estimate.
    """
    mix = estimated_mix(x, labels, seed)
    if mix is None:
        return
    shares = np.asarray(assumed) / np.sum(assumed)
    rare = int((mix / shares).argmin())
    if mix[rare] * _OFF < shares[rare]:
        said = [round(float(share), 2) or 0.01 for share in mix]
        warnings.warn(
            f"Class {labels.classes.tolist()[rare]!r} is {shares[rare]:.0%} of what `balance` expects, as labels are "
            f"mixed, and seems to be {mix[rare]:.0%} of the data. If labels were not drawn in proportion to the "
            f"classes, pass balance=0, or the mix in class_prior (roughly {said} by nearest neighbors).",
            stacklevel=5,
        )
