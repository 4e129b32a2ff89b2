"""NDB, the number of statistically different bins: clusters with too many or too few generated samples."""

from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm
from sklearn.cluster import KMeans

from gan_ext.metrics.features import Features, check_count, feature_pair, moderated
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["DifferentBins", "ndb"]


class DifferentBins(NamedTuple):
    """Number of bins with another share, that divided by the number of bins, and the divergence of the shares."""

    different: int
    share: float
    divergence: float


def ndb(
    real: Features, generated: Features, bins: int = 100, significance: float = 0.05, random_state: RandomStateLike = 0
) -> DifferentBins:
    r"""Return the number of statistically different bins: in how many clusters the shares of the sets differ.

    .. math::
        \frac{|p_b - q_b|}{\sqrt{\bar p_b (1 - \bar p_b) (1/N + 1/M)}} > z_{1 - \alpha / 2}, \qquad
        \bar p_b = \frac{N p_b + M q_b}{N + M}

    Bins are those of k-means on the real rows, :math:`p_b` and :math:`q_b` the shares of real and generated ones.
    The divergence is that of Jensen and Shannon between the shares, in nats, from 0 to log 2.

    **Bias.** Of two sets of one distribution a share :math:`\alpha` would differ if bins did not come from one of the
    sets; as they do, it is a little more.  The count grows with N and M where distributions differ at all, and a bin
    needs about ten expected samples: fewer bins for small sets.  The divergence of such sets is near
    (bins - 1) (1/N + 1/M) / 8.

    References: On GANs and GMMs (Richardson and Weiss, 2018), https://arxiv.org/abs/1805.12462

    Args:
        real: features [N, F].
        generated: features [M, F].
        bins: clusters, from 2 to N.
        significance: of each bin's test, in (0, 1).
        random_state: of k-means.

    Raises:
        ValueError: features of different widths, none, or not finite; a value out of its range.
    """
    x, g = (each.double().cpu().numpy() for each in moderated(*feature_pair(real, generated, 2))[0])
    mean = x.mean(0)
    x, g = x - mean, g - mean  # k-means centers too, but not what it predicts
    check_count("bins", bins, 2)
    if bins > len(x) or not 0 < significance < 1:
        raise ValueError(
            f"bins={bins} must be at most the {len(x)} real rows, and significance={significance!r} in (0, 1)."
        )
    bins = min(bins, len(np.unique(x, axis=0)))  # k-means warns where there are fewer different rows
    clusters = KMeans(bins, n_init=1, random_state=as_seed(random_state)).fit(x)
    p, q = (np.bincount(clusters.predict(each), minlength=bins) / len(each) for each in (x, g))
    pooled = (len(x) * p + len(g) * q) / (len(x) + len(g))
    error = np.sqrt(pooled * (1 - pooled) * (1 / len(x) + 1 / len(g)))
    count = int((np.abs(p - q) > norm.ppf(1 - significance / 2) * error).sum())
    middle = (p + q) / 2
    return DifferentBins(count, count / bins, float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2)
