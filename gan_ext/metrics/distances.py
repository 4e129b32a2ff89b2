"""Distances between two sets of features: Frechet distance, and the area under the divergence frontier."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid
from scipy.special import rel_entr
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor

__all__ = ["divergence_area", "divergence_frontier", "frechet_distance"]

Floats = NDArray[np.float64]


def frechet_distance(features_a: ArrayLike | Tensor, features_b: ArrayLike | Tensor) -> float:
    r"""Return the squared Frechet distance of the normal distributions with the features' means and covariances.

    .. math:: |m_a - m_b|^2 + \mathrm{tr} (S_a + S_b - 2 (S_a^{1/2} S_b S_a^{1/2})^{1/2})

    Computed in float64 by symmetric eigenvalue problems.  Features of images by Inception make it FID, of sentences by
    the Universal Sentence Encoder FED; by any other encoder it is neither, and its values compare only with each other.
    It is biased upwards for small sets: compare sets of equal size only.

    References: Dowson and Landau (1982), https://doi.org/10.1016/0047-259X(82)90077-X; GANs Trained by a Two
    Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500

    Args:
        features_a: [N, F].
        features_b: [M, F].

    Raises:
        ValueError: features of different widths, fewer than two rows, or numbers that are not finite.
    """
    a, b = _pair(features_a, features_b)
    cov_a, cov_b = (np.cov(each, rowvar=False).reshape(a.shape[1], -1) for each in (a, b))
    root = _root(cov_a)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    distance = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    return max(0.0, float(distance))


def divergence_frontier(p: ArrayLike, q: ArrayLike, scaling: float = 5.0, points: int = 25) -> Floats:
    r"""Return the divergence curve of two histograms, an array [points + 2, 2] from (0, 1) to (1, 0).

    .. math:: (e^{-c\,\mathrm{KL}(q | r_\lambda)}, e^{-c\,\mathrm{KL}(p | r_\lambda)}), \qquad
              r_\lambda = \lambda p + (1 - \lambda) q, \qquad 0 < \lambda < 1

    The first coordinate falls where q has what p lacks (quality), the second where p has what q lacks (coverage).

    References: MAUVE (Pillutla et al., 2021), https://arxiv.org/abs/2102.01454

    Args:
        p: histogram [K] of the real data, not negative; normalised here.
        q: histogram [K] of the generated data.
        scaling: c > 0.
        points: values of lambda, at least 2, evenly spread from 1e-6 to 1 - 1e-6 as published.

    Raises:
        ValueError: histograms of different lengths, negative, or empty; a value out of its range.
    """
    p, q = (np.asarray(each, dtype=np.float64) for each in (p, q))
    if p.shape != q.shape or p.ndim != 1 or (np.r_[p, q] < 0).any() or not (p.sum() > 0 and q.sum() > 0):
        raise ValueError(f"p and q must be histograms of the same bins, none empty; got shapes {p.shape}, {q.shape}.")
    if not scaling > 0 or points < 2:
        raise ValueError(f"scaling={scaling!r} must be positive and points={points!r} at least 2.")
    p, q = p / p.sum(), q / q.sum()
    mixtures = [share * p + (1 - share) * q for share in np.linspace(1e-6, 1 - 1e-6, points)]
    inner = [[rel_entr(q, r).sum(), rel_entr(p, r).sum()] for r in mixtures]
    # As lambda goes to 1, r goes to p: the curve runs from (1, 0) to (0, 1), and is turned round.
    return np.array([[0.0, 1.0], *np.exp(-scaling * np.array(inner))[::-1], [1.0, 0.0]])


def divergence_area(
    features_a: ArrayLike | Tensor,
    features_b: ArrayLike | Tensor,
    clusters: int | None = None,
    scaling: float = 5.0,
    variance: float = 0.9,
    seed: int = 0,
) -> float:
    r"""Return the area under the divergence frontier of quantised features, in (0, 1]; 1 for the same histograms.

    Features are scaled to length 1, reduced by PCA, and quantised together by k-means; the area is that under
    :func:`divergence_frontier` of the two histograms.  That is MAUVE's construction.  Its name belongs to features of
    GPT-2: with any other encoder values compare only with each other, at equal set sizes, clusters and seed.

    References: MAUVE (Pillutla et al., 2021), https://arxiv.org/abs/2102.01454

    Args:
        features_a: [N, F], real.
        features_b: [M, F], generated.
        clusters: of k-means; None for a tenth of the smaller set, as published, but at least 2 and at most 500.
        scaling: c of the frontier.
        variance: share of variance that PCA keeps, in (0, 1); 1 leaves PCA out.
        seed: of k-means.

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite; a value out of its range.
    """
    a, b = _pair(features_a, features_b)
    clusters = min(500, max(2, round(min(len(a), len(b)) / 10))) if clusters is None else clusters
    if not 2 <= clusters <= len(a) + len(b):
        raise ValueError(f"clusters={clusters} must lie between 2 and the number of all rows, {len(a) + len(b)}.")
    if not 0 < variance <= 1:
        raise ValueError(f"variance={variance!r} must be in (0, 1]; 1 leaves PCA out.")
    both = np.concatenate([a, b])
    both = both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-300)
    clusters = min(clusters, len(np.unique(both, axis=0)))  # k-means warns where there are fewer different rows
    if variance < 1 and clusters > 1:
        both = PCA(n_components=variance, svd_solver="full").fit_transform(both)
    label = KMeans(clusters, n_init=1, random_state=seed).fit_predict(both)
    real, generated = (np.bincount(part, minlength=clusters) for part in (label[: len(a)], label[len(a) :]))
    x, y = divergence_frontier(real, generated, scaling).T
    return float(trapezoid(y, x))


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def _pair(a: ArrayLike | Tensor, b: ArrayLike | Tensor) -> tuple[Floats, Floats]:
    first, second = (
        np.asarray(each.detach().cpu() if isinstance(each, Tensor) else each, dtype=np.float64) for each in (a, b)
    )
    if first.ndim != 2 or second.ndim != 2 or first.shape[1:] != second.shape[1:] or not first.shape[1]:
        raise ValueError(f"features must be [N, F] and [M, F] with the same F, got {first.shape} and {second.shape}.")
    if min(len(first), len(second)) < 2:
        raise ValueError(f"features need at least 2 rows each, got {len(first)} and {len(second)}.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("features must be finite numbers; some are NaN or infinite.")
    return first, second
