"""Calibration of a classifier: reliability diagram and expected calibration error."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_ext.metrics.features import as_numbers, known_labels

__all__ = ["Reliability", "expected_calibration_error", "reliability"]

Array = NDArray[Any]


class Reliability(NamedTuple):
    """For every bin that holds a sample: mean confidence, accuracy and number of samples, each [bins]."""

    confidence: Array
    accuracy: Array
    samples: Array


def reliability(y: ArrayLike, probabilities: ArrayLike, bins: int = 15, equal_mass: bool = False) -> Reliability:
    r"""Return the reliability diagram: accuracy of predictions against their confidence :math:`\max_k p_k`, in bins.

    References: On Calibration of Modern Neural Networks (Guo et al., 2017), section 2,
    https://arxiv.org/abs/1706.04599; equal-mass bins: Obtaining Well Calibrated Probabilities Using Bayesian Binning
    (Naeini et al., 2015), https://doi.org/10.1609/aaai.v29i1.9602

    Args:
        y: true classes as columns of `probabilities` [n], integers in 0 .. K-1.
        probabilities: of the classes [n, K], rows summing to one.
        bins: how many, at least 1.
        equal_mass: bins with the same number of samples each, instead of the same width on (0, 1].

    Raises:
        ValueError: shapes that do not fit, rows that do not sum to one, or classes that are no columns.
    """
    p, truth = _checked(y, probabilities, bins)
    confidence, correct = p.max(1), p.argmax(1) == truth
    if equal_mass:
        parts = [rows for rows in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(rows)]
    else:
        number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
        parts = [np.flatnonzero(number == each) for each in np.unique(number)]
    return Reliability(
        np.array([confidence[rows].mean() for rows in parts]),
        np.array([correct[rows].mean() for rows in parts]),
        np.array([len(rows) for rows in parts]),
    )


def expected_calibration_error(
    y: ArrayLike, probabilities: ArrayLike, bins: int = 15, equal_mass: bool = False
) -> float:
    r"""Return the expected calibration error: how far confidence is from accuracy on average over bins, in [0, 1].

    .. math:: \text{ECE} = \sum_b \frac{n_b}{n} \left| \text{accuracy}_b - \text{confidence}_b \right|

    It is not a proper score (a constant prediction of the class shares has 0), and with few samples it is biased
    upwards: of a calibrated classifier too.

    References: Obtaining Well Calibrated Probabilities Using Bayesian Binning (Naeini et al., 2015),
    https://doi.org/10.1609/aaai.v29i1.9602; On Calibration of Modern Neural Networks (Guo et al., 2017),
    https://arxiv.org/abs/1706.04599

    Args:
        y: true classes as columns of `probabilities` [n], integers in 0 .. K-1.
        probabilities: of the classes [n, K], rows summing to one.
        bins: how many, at least 1.
        equal_mass: bins with the same number of samples each, instead of the same width on (0, 1].

    Raises:
        ValueError: shapes that do not fit, rows that do not sum to one, or classes that are no columns.
    """
    confidence, accuracy, samples = reliability(y, probabilities, bins, equal_mass)
    return float((samples * np.abs(accuracy - confidence)).sum() / samples.sum())


def _checked(y: ArrayLike, probabilities: ArrayLike, bins: int) -> tuple[Array, Array]:
    p, truth = as_numbers("probabilities", probabilities).astype(np.float64), known_labels("y", y)
    if p.ndim != 2 or not len(p) or truth.shape != p.shape[:1]:
        raise ValueError(f"probabilities must be [n, K] and y [n], got shapes {p.shape} and {truth.shape}.")
    if not (np.abs(p.sum(1) - 1) < 1e-3).all() or (p < 0).any():
        raise ValueError("probabilities must be at least 0 and sum to one in every row; pass predict_proba's output.")
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= p.shape[1]:
        raise ValueError(
            f"y must hold column numbers 0 to {p.shape[1] - 1}; of names, take numpy.searchsorted(model.classes_, y)."
        )
    if bins < 1:
        raise ValueError(f"bins={bins!r} must be at least 1; 15 is usual.")
    return p, truth
