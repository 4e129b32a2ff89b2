"""MAUVE's divergence frontier of two sets of features, and the area under it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid
from scipy.special import rel_entr
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from gan_ext.metrics.features import Features, as_scores, feature_pair, moderated
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["divergence_area", "divergence_frontier"]

Floats = NDArray[np.float64]


def divergence_frontier(real: ArrayLike, generated: ArrayLike, scaling: float = 5.0, points: int = 25) -> Floats:
    r"""Return the divergence curve of two histograms, an array [points + 2, 2] from (0, 1) to (1, 0).

    .. math:: (e^{-c\,\mathrm{KL}(q | r_\lambda)}, e^{-c\,\mathrm{KL}(p | r_\lambda)}), \qquad
              r_\lambda = \lambda p + (1 - \lambda) q, \qquad 0 < \lambda < 1

    The first coordinate falls where q has what p lacks (quality), the second where p has what q lacks (coverage).

    References: MAUVE (Pillutla et al., 2021), https://arxiv.org/abs/2102.01454

    Args:
        real: histogram p [K] of the real data, not negative; normalized here.
        generated: histogram q [K] of the generated data.
        scaling: c > 0.
        points: values of lambda, at least 2, evenly spread from 1e-6 to 1 - 1e-6 as published.

    Raises:
        ValueError: histograms of different lengths, negative, empty, or not finite; a value out of its range.
    """
    p, q = as_scores("real", real), as_scores("generated", generated)
    if p.shape != q.shape or (np.r_[p, q] < 0).any() or not (p.sum() > 0 and q.sum() > 0):
        raise ValueError(
            f"real and generated must be histograms of the same bins, none empty; got {p.shape} and {q.shape}."
        )
    if not 0 < scaling < float("inf") or points < 2:
        raise ValueError(f"scaling={scaling!r} must be positive and points={points!r} at least 2.")
    p, q = p / p.max(), q / q.max()
    p, q = p / p.sum(), q / q.sum()
    mixtures = [share * p + (1 - share) * q for share in np.linspace(1e-6, 1 - 1e-6, points)]
    inner = [[rel_entr(q, r).sum(), rel_entr(p, r).sum()] for r in mixtures]
    # As lambda goes to 1, r goes to p: the curve runs from (1, 0) to (0, 1), and is turned round.
    return np.array([[0.0, 1.0], *np.exp(-scaling * np.array(inner))[::-1], [1.0, 0.0]])


def divergence_area(
    real: Features,
    generated: Features,
    clusters: int | None = None,
    scaling: float = 5.0,
    variance: float = 0.9,
    random_state: RandomStateLike = 0,
) -> float:
    r"""Return the area under the divergence frontier of quantized features, in (0, 1]; 1 for the same histograms.

    Features are scaled to length 1, reduced by PCA, and quantized together by k-means; the area is that under
    :func:`divergence_frontier` of the two histograms.  That is MAUVE's construction.  Its name belongs to features of
    GPT-2: with any other encoder values compare only with each other, at equal set sizes, clusters and seed.

    References: MAUVE (Pillutla et al., 2021), https://arxiv.org/abs/2102.01454

    Args:
        real: features [N, F].
        generated: features [M, F].
        clusters: of k-means; None for a tenth of the smaller set, as published, but at least 2 and at most 500.
        scaling: c of the frontier.
        variance: share of variance that PCA keeps, in (0, 1); 1 leaves PCA out.
        random_state: of k-means.

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite; a value out of its range.
    """
    a, b = _pair(real, generated)
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
    label = KMeans(clusters, n_init=1, random_state=as_seed(random_state)).fit_predict(both)
    p, q = (np.bincount(part, minlength=clusters) for part in (label[: len(a)], label[len(a) :]))
    x, y = divergence_frontier(p, q, scaling).T
    return float(trapezoid(y, x))


def _pair(a: Features, b: Features) -> tuple[Floats, Floats]:
    first, second = (each.double().cpu().numpy() for each in moderated(*feature_pair(a, b, 2))[0])
    return first, second
