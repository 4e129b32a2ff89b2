"""Disentanglement from mutual information: the gap (MIG) and modularity."""

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from gan_ext.metrics.codes.arrays import Floats, Integers, code_arrays
from gan_ext.metrics.features import as_numbers

__all__ = ["mig", "modularity", "modularity_of_information", "mutual_information"]

DEAD = 1e-12  # nats; what rounding leaves of a mutual information of nothing


def mutual_information(codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, bins: int = 20) -> Floats:
    r"""Return the mutual information of each code with each factor in nats, an array [d, k].

    .. math:: I_{ij} = H(b(z_i)) + H(v_j) - H(b(z_i), v_j)

    where b cuts the range of a code into bins of equal width, and H is the entropy of observed shares.  The plug-in
    estimate is too high by about (bins - 1)(values - 1) / 2n nats.  A constant code has none.

    References: disentanglement_lib (Locatello et al., 2019), https://arxiv.org/abs/1811.12359

    Args:
        codes: [n, d].
        factors: whole numbers [n, k].
        bins: number of bins.

    Raises:
        ValueError: codes or factors that cannot be scored (:func:`gan_ext.metrics.codes.arrays.code_arrays`), or bins
            below 2.
    """
    found, truth = code_arrays(codes, factors)
    return _information(_bins(found, bins), _values(truth))


def mig(codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, bins: int = 20) -> float:
    r"""Return the mutual information gap, in [0, 1].

    .. math:: \mathrm{MIG} = \frac1k \sum_j \frac{I_{(1)j} - I_{(2)j}}{H(v_j)}

    where :math:`I_{(1)j}` and :math:`I_{(2)j}` are the largest and the second largest mutual information that a code
    has with factor j.  True factors as codes give 1 on a full grid if no two values share a bin.  With more values
    than bins they do: 40 evenly spread values in 20 bins leave ln 20 / ln 40 = .81 as the highest gap.  Published
    figures have 10 000 samples and 20 bins.

    References: Isolating Sources of Disentanglement in VAEs (Chen et al., 2018), https://arxiv.org/abs/1802.04942

    Args:
        codes: [n, d], at least two columns.
        factors: whole numbers [n, k].
        bins: number of bins of each code.

    Raises:
        ValueError: codes or factors that cannot be scored, or bins below 2.
    """
    found, truth = code_arrays(codes, factors, least_codes=2)
    values = _values(truth)
    second, first = np.sort(_information(_bins(found, bins), values), axis=0)[-2:]
    entropies = np.array([_entropy(column) for column in values.T])
    return float(((first - second) / entropies).mean())


def modularity(codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, bins: int = 20) -> float:
    """Return the modularity of codes: whether each depends on one factor only, in [0, 1].

    It is :func:`modularity_of_information` of :func:`mutual_information`.  Codes of pure noise are no safe zero: their
    estimated information is small but not equal for all factors.  Look at :func:`mig` beside it.

    References: Learning Deep Disentangled Embeddings with the F-Statistic Loss (Ridgeway and Mozer, 2018), section 3,
    https://arxiv.org/abs/1802.05312

    Args:
        codes: [n, d].
        factors: whole numbers [n, k], at least two columns.
        bins: number of bins of each code.

    Raises:
        ValueError: codes or factors that cannot be scored, or bins below 2.
    """
    code_arrays(codes, factors, least_factors=2)
    return modularity_of_information(mutual_information(codes, factors, bins))


def modularity_of_information(information: ArrayLike) -> float:
    r"""Return the modularity of a matrix of mutual information, in [0, 1].

    .. math:: 1 - \frac1d \sum_i \frac{\sum_{j \ne j^*} I_{ij}^2}{(k - 1) I_{ij^*}^2}, \qquad j^* = \arg\max_j I_{ij}

    A code without information counts 0, as in disentanglement_lib.

    References: Ridgeway and Mozer (2018), section 3, https://arxiv.org/abs/1802.05312

    Args:
        information: not negative, [d, k], nats or any unit.

    Raises:
        ValueError: a matrix with fewer than two columns or no row, or numbers that are negative or not finite.
    """
    matrix = as_numbers("information", information).astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[0] < 1 or matrix.shape[1] < 2:
        raise ValueError(f"information must be [codes, factors] with at least two factors, got shape {matrix.shape}.")
    if not (matrix >= 0).all():
        raise ValueError("information must be finite and not negative; some numbers are not.")
    best = matrix.max(1, keepdims=True)
    share = matrix / np.where(best > DEAD, best, 1)
    scores = 1 - (np.square(share).sum(1) - 1) / (matrix.shape[1] - 1)
    return float(np.where(best[:, 0] > DEAD, scores, 0).mean())


def _bins(codes: Floats, bins: int) -> Integers:
    if bins < 2:
        raise ValueError(f"bins={bins!r} must be at least 2; 20 is usual.")
    low, width = codes.min(0) / 2, np.ptp(codes / 2, axis=0)  # halves of the largest numbers have a difference
    place = (codes / 2 - low) / np.where(width > 0, width, 1) * bins
    binned: Integers = np.minimum(place.astype(np.int64), bins - 1)
    return binned


def _values(factors: Integers) -> Integers:
    return np.stack([np.unique(column, return_inverse=True)[1] for column in factors.T], axis=1)


def _information(codes: Integers, factors: Integers) -> Floats:
    own, other = ([_entropy(column) for column in array.T] for array in (codes, factors))
    joint = [[_entropy(code * (factor.max() + 1) + factor) for factor in factors.T] for code in codes.T]
    information: Floats = np.maximum(np.add.outer(own, other) - np.array(joint), 0)
    return information


def _entropy(numbers: Integers) -> float:
    counts = np.bincount(numbers)
    shares = counts[counts > 0] / len(numbers)
    return float(-(shares * np.log(shares)).sum())
