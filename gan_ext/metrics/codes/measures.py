"""Does a generator use its latent codes?  Mutual information, change, cross-talk, monotonicity, from arrays.

A code is read from generated samples by a reader.  A *reading* is its belief: the probabilities [n, k] of a category,
the posterior mean [n] of a coordinate.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from scipy.stats import rankdata
from torch import Tensor

from gan_ext.metrics.features import as_numbers, known_labels

__all__ = [
    "InformationBound",
    "Monotonicity",
    "change_share",
    "cross_talk",
    "information_bound",
    "level_probabilities",
    "mean_distance",
    "monotonicity",
    "rank_correlation",
    "reading_change",
]

Floats = NDArray[np.float64]


class InformationBound(NamedTuple):
    """A bound on mutual information in nats, its standard error, and the entropy H that it cannot exceed."""

    nats: float
    error: float
    entropy: float

    @property
    def normalized(self) -> float:
        """The bound as a share of H, in [0, 1]; 0 if H is 0."""
        return min(max(self.nats / self.entropy, 0.0), 1.0) if self.entropy > 0 else 0.0


def information_bound(
    classes: ArrayLike | Tensor, log_probabilities: ArrayLike | Tensor, shares: ArrayLike | Tensor
) -> InformationBound:
    r"""Return a lower bound of the mutual information of samples and a code of k values, from a reader's belief.

    .. math:: I(c; x) \ge H(c) + \frac1n \sum_i \log q(c_i \mid x_i)

    A reader that reads all reaches H; one that reads nothing stays at or below 0.  The error is that of the mean.

    References: The IM algorithm (Barber and Agakov, 2003); Limitations of lower-bound estimators of mutual information
    (McAllester and Stratos, 2020), https://arxiv.org/abs/1811.04251

    Args:
        classes: true values [n], from 0 to k - 1.
        log_probabilities: :math:`\log q` [n, k] in nats.
        shares: probabilities of the values under the code's prior [k].

    Raises:
        ValueError: other shapes, values out of range, or fewer than two samples.
    """
    table, prior = _floats("log_probabilities", log_probabilities), _floats("shares", shares)
    true = known_labels("classes", classes)
    if table.ndim != 2 or len(table) < 2 or prior.shape != table.shape[1:] or true.shape != table.shape[:1]:
        raise ValueError(
            f"log_probabilities must be [n, k] with n >= 2, classes [n] and shares [k]; got shapes {table.shape}, "
            f"{true.shape} and {prior.shape}."
        )
    if true.dtype.kind not in "iu" or true.min() < 0 or true.max() >= len(prior):
        raise ValueError(f"classes must be integers from 0 to {len(prior) - 1}, got {true.min()} to {true.max()}.")
    read = table[np.arange(len(table)), true]
    positive = prior[prior > 0]
    entropy = abs(float(-(positive * np.log(positive)).sum()))  # of one value it is 0, not -0
    return InformationBound(entropy + float(read.mean()), float(read.std(ddof=1)) / math.sqrt(len(read)), entropy)


def level_probabilities(means: ArrayLike | Tensor, deviation: float, edges: ArrayLike | Tensor) -> Floats:
    r"""Return the probabilities [n, L] of the levels of a coordinate under Gaussian beliefs about it.

    .. math:: P_{il} = \Phi((e_{l + 1} - \mu_i) / \sigma) - \Phi((e_l - \mu_i) / \sigma)

    The first and the last level are open to the outside.  This puts a reader of a number and a reader of levels on one
    scale.

    Args:
        means: :math:`\mu` [n].
        deviation: :math:`\sigma`, in the coordinate's units, >= 0.
        edges: inner edges of the levels [L - 1], ascending.
    """
    if not 0 <= deviation < math.inf:
        raise ValueError(f"deviation={deviation!r} must be a finite number, at least 0.")
    scores = (_floats("edges", edges)[None] - _floats("means", means)[:, None]) / max(deviation, 1e-12)
    below = np.pad(ndtr(scores), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    probabilities: Floats = np.diff(below, axis=1)
    return probabilities


def mean_distance(first: ArrayLike | Tensor, second: ArrayLike | Tensor) -> float:
    """Return the mean Euclidean distance of samples [n, ...] from their partners [n, ...], in their units."""
    one, other = _floats("first", first), _floats("second", second)
    if one.shape != other.shape or not len(one):
        raise ValueError(f"Samples and their partners must have one shape, got {one.shape} and {other.shape}.")
    return float(np.linalg.norm((one - other).reshape(len(one), -1), axis=1).mean())


def change_share(by_code: float, by_noise: float) -> float:
    r"""Return the share of change that codes cause, :math:`d_c / (d_c + d_z)`; 0 if nothing changes.

    Near 0 the generator ignores its codes, near 1 it ignores its noise.

    Args:
        by_code: mean distance :math:`d_c` of samples whose codes alone differ.
        by_noise: mean distance :math:`d_z` of samples whose noise alone differs.
    """
    if not (0 <= by_code < math.inf and 0 <= by_noise < math.inf):
        raise ValueError(f"by_code={by_code} and by_noise={by_noise} must not be negative, and finite.")
    total = by_code + by_noise
    return by_code / total if total > 0 else 0.0


def reading_change(first: ArrayLike | Tensor, second: ArrayLike | Tensor) -> float:
    r"""Return the mean change between two readings of the same code.

    .. math:: |m - m'| \text{ for posterior means } [n], \qquad
              \tfrac12 \sum_k |p_k - p'_k| \text{ for probabilities } [n, k]

    Args:
        first: readings [n] or [n, k].
        second: readings of the same shape.
    """
    one, other = _floats("first", first), _floats("second", second)
    if one.shape != other.shape or one.ndim not in (1, 2):
        raise ValueError(f"Two readings must have one shape, [n] or [n, k]; got {one.shape} and {other.shape}.")
    change = np.abs(one - other)
    return float(change.mean() if change.ndim == 1 else change.sum(1).mean() / 2)


def cross_talk(
    still: Sequence[ArrayLike | Tensor],
    moved: Sequence[Sequence[ArrayLike | Tensor]],
    true_changes: Sequence[float],
) -> Floats:
    r"""Return how much the reading of code j (column) changes when code i (row) is drawn anew and all else stays.

    .. math:: M_{ij} = \frac{E|m_j(x) - m_j(x_{c_i \to c'_i})|}{E|c_j - c'_j|}

    The identity for codes that are read perfectly and do not touch each other.  A row of zeros is a code without
    effect; a number off the diagonal says that code i moves what is read as code j.

    Args:
        still: reading of every code j on the same samples, [n] or [n, k] each.
        moved: ``moved[i][j]``, reading of code j after code i has been drawn anew.
        true_changes: mean change of each code itself when it is drawn anew, in the units of its reading, > 0 (0 for a
            code that cannot change; its column is then 0).

    Raises:
        ValueError: numbers of codes that do not agree.
    """
    count = len(still)
    if not len(moved) == len(true_changes) == count or any(len(row) != count for row in moved):
        raise ValueError(
            f"cross_talk needs {count} codes everywhere; got moved for {len(moved)}, rows of "
            f"{sorted({len(row) for row in moved})} readings and {len(true_changes)} true changes."
        )
    table = np.array([[reading_change(still[j], row[j]) for j in range(count)] for row in moved], np.float64)
    whole = _floats("true_changes", true_changes)
    return np.divide(table, whole, out=np.zeros_like(table), where=whole > 0)


class Monotonicity(NamedTuple):
    """Mean rank correlation of traversals with their code, and the share of traversals that never turn."""

    correlation: float
    share: float


def monotonicity(readings: ArrayLike | Tensor) -> Monotonicity:
    r"""Return whether readings go one way as a code does, from traversals of several base samples.

    .. math:: \rho_i = \mathrm{corr}(\mathrm{rank}(1, \dots, v), \mathrm{rank}(m_{i1}, \dots, m_{iv}))

    Spearman's correlation is 1 if the reading rises with the code, -1 if it falls, 0 if it stays.  A traversal never
    turns if no two of its steps have opposite signs, and it moves at all.

    Args:
        readings: posterior means [n, v] of n samples at v ascending values of the code.

    Raises:
        ValueError: other shapes, or fewer than two values.
    """
    table = _floats("readings", readings)
    if table.ndim != 2 or not len(table) or table.shape[1] < 2:
        raise ValueError(f"readings must be [n, v] with at least two values, got shape {table.shape}.")
    steps = np.diff(table, axis=1)
    one_way = ((steps >= 0).all(1) | (steps <= 0).all(1)) & (steps != 0).any(1)
    order = np.arange(table.shape[1], dtype=np.float64)
    return Monotonicity(float(np.mean([rank_correlation(order, row) for row in table])), float(one_way.mean()))


def rank_correlation(first: ArrayLike | Tensor, second: ArrayLike | Tensor) -> float:
    """Return Spearman's rank correlation of two arrays [n], 0 if one of them is constant."""
    one, other = rankdata(_floats("first", first)), rankdata(_floats("second", second))
    one, other = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def _floats(name: str, array: ArrayLike | Tensor) -> Floats:
    floats: Floats = as_numbers(name, array).astype(np.float64)
    return floats
