"""Clustering scores against classes: one-to-one matching, Hungarian accuracy, purity, and the usual ones at once.

Normalized mutual information and the adjusted Rand index are scikit-learn's
(``sklearn.metrics.normalized_mutual_info_score`` and ``adjusted_rand_score``) and take the same two arrays.
"""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from torch import Tensor

from gan_ext.metrics.features import known_labels

__all__ = [
    "ClusterScores",
    "ClusterTable",
    "Contingency",
    "cluster_scores",
    "cluster_table",
    "contingency",
    "hungarian_accuracy",
    "matching",
    "purity",
]

Contingency = NDArray[np.int64]


class ClusterScores(NamedTuple):
    """Agreement of clusters with classes, each at most 1.

    Args:
        accuracy: under the best one-to-one matching.
        purity: when each cluster stands for its most frequent class.
        nmi: normalized mutual information.
        ari: adjusted Rand index.
    """

    accuracy: float
    purity: float
    nmi: float
    ari: float

    def percent(self) -> dict[str, float]:
        """Return them in percent, by the names that tables show: accuracy, purity, NMI, ARI."""
        return {name: 100 * value for name, value in zip(("accuracy", "purity", "NMI", "ARI"), self, strict=True)}


class ClusterTable(NamedTuple):
    """Samples of each class (row) in each cluster (column), as a heat map shows them.

    Args:
        counts: [classes, clusters]; columns follow `clusters`.
        classes: sorted.
        clusters: numbers, in the order of the classes that they stand for; those that stand for none come last.
        stands_for: class of cluster 0, 1, ..., None for none.
    """

    counts: Contingency
    classes: list[Hashable]
    clusters: list[int]
    stands_for: list[Hashable | None]

    @property
    def shown(self) -> tuple[Contingency, list[str], list[str]]:
        """The counts, and the names of rows and columns."""
        return self.counts, [str(name) for name in self.classes], [str(cluster) for cluster in self.clusters]


def contingency(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor) -> Contingency:
    r"""Return the contingency table: how many samples of each class are in each cluster, [classes, clusters].

    .. math:: n_{kc} = |\{i : y_i = k, \hat y_i = c\}|

    Rows and columns follow the sorted labels that occur.

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], numbers or strings.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN.
    """
    table: Contingency = contingency_matrix(*_pair(labels_true, labels_pred), dtype=np.int64)
    return table


def matching(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor) -> dict[Hashable, Hashable]:
    r"""Return the class that each cluster stands for in the best one-to-one matching.

    .. math:: m^* = \arg\max_m \sum_c n_{m(c) c}, \qquad m \text{ takes no class twice}

    With more clusters than classes some clusters stand for no class, which is written None; with fewer, some classes
    have no cluster.  Among matchings that are equally good one is taken.

    References: The Hungarian Method for the Assignment Problem (Kuhn, 1955), https://doi.org/10.1002/nav.3800020109

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], numbers or strings.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN.
    """
    true, pred = _pair(labels_true, labels_pred)
    rows, columns = linear_sum_assignment(contingency(true, pred), maximize=True)
    classes, clusters = np.unique(true).tolist(), np.unique(pred).tolist()
    found = dict.fromkeys(clusters)
    return found | {clusters[column]: classes[row] for row, column in zip(rows, columns, strict=True)}


def hungarian_accuracy(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor) -> float:
    r"""Return the accuracy of clusters under the best one-to-one matching with classes, in (0, 1].

    .. math:: \mathrm{ACC} = \frac1n \max_m \sum_c n_{m(c) c}, \qquad m \text{ takes no class twice}

    The usual "unsupervised accuracy".  Samples of a cluster that stands for no class count as wrong, so that cutting
    classes into many clusters does not pay.

    References: Unsupervised Deep Embedding for Clustering Analysis (Xie et al., 2016), https://arxiv.org/abs/1511.06335

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], numbers or strings.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN.
    """
    table = contingency(labels_true, labels_pred)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def purity(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor) -> float:
    r"""Return the accuracy when each cluster stands for its most frequent class, in (0, 1].

    .. math:: \mathrm{purity} = \frac1n \sum_c \max_k n_{kc}

    It never falls when a cluster is cut in two, and is 1 with one cluster for each sample: compare it at an equal
    number of clusters only.  It is never below :func:`hungarian_accuracy`, and equals it when no two clusters have
    the same most frequent class.  The "ACC" that ClusterGAN's authors publish is this purity.

    References: Introduction to Information Retrieval (Manning et al., 2008), section 16.3; ClusterGAN (Mukherjee et
    al., 2019), https://arxiv.org/abs/1809.03627

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], numbers or strings.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN.
    """
    table = contingency(labels_true, labels_pred)
    return float(table.max(0).sum() / table.sum())


def cluster_scores(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor) -> ClusterScores:
    """Return the usual scores of clusters against classes at once.

    Hungarian accuracy and purity of this file, normalized mutual information and the adjusted Rand index of
    scikit-learn; compare at an equal number of clusters.

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], numbers or strings.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN.
    """
    true, pred = _pair(labels_true, labels_pred)
    return ClusterScores(
        hungarian_accuracy(true, pred),
        purity(true, pred),
        float(normalized_mutual_info_score(true, pred)),
        float(adjusted_rand_score(true, pred)),
    )


def cluster_table(labels_true: ArrayLike | Tensor, labels_pred: ArrayLike | Tensor, n_clusters: int) -> ClusterTable:
    """Return how many samples of each class are in each cluster, with clusters in the order of :func:`matching`.

    Args:
        labels_true: classes [n], numbers or strings.
        labels_pred: clusters [n], from 0 to n_clusters - 1; some may be empty.
        n_clusters: how many there are.

    Raises:
        ValueError: labels that are empty, not [n], of different lengths, or NaN; clusters out of range.
    """
    true, pred = _pair(labels_true, labels_pred)
    if pred.dtype.kind not in "iu" or int(pred.min()) < 0 or int(pred.max()) >= n_clusters:
        raise ValueError(f"labels_pred must be integers from 0 to {n_clusters - 1}, got {np.unique(pred).tolist()}.")
    classes, class_of = np.unique(true).tolist(), matching(true, pred)
    stands_for = [class_of.get(cluster) for cluster in range(n_clusters)]
    place = {name: number for number, name in enumerate(classes)}
    clusters = sorted(range(n_clusters), key=lambda cluster: place.get(stands_for[cluster], len(classes)))
    counts = np.array([[np.sum((true == name) & (pred == cluster)) for cluster in clusters] for name in classes])
    return ClusterTable(counts, classes, clusters, stands_for)


def _pair(true: ArrayLike | Tensor, pred: ArrayLike | Tensor) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    first, second = known_labels("labels_true", true), known_labels("labels_pred", pred)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(
            f"labels_true and labels_pred must be two arrays [n] of the same length, not empty; got shapes "
            f"{first.shape} and {second.shape}."
        )
    return first, second
