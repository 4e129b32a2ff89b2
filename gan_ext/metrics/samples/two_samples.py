"""Two-sample tests by a classifier (C2ST) and by nearest neighbors: can the sets be told apart?"""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import binom
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gan_ext.metrics.classifiers import Classifier
from gan_ext.metrics.features import Features, feature_pair, moderated, row_generator
from gan_ext.metrics.samples.distances import nearest_squares, ties
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["NeighborTest", "TwoSampleTest", "nearest_neighbor_test", "two_sample_test"]


class TwoSampleTest(NamedTuple):
    """Accuracy on held-out rows, the probability of one as high by chance, and the number of those rows."""

    accuracy: float
    p_value: float
    n: int


class NeighborTest(NamedTuple):
    """Leave-one-out accuracy of the nearest neighbor on all rows, on real and on generated ones."""

    accuracy: float
    real: float
    generated: float


def two_sample_test(
    real: Features,
    generated: Features,
    classifier: Classifier | None = None,
    test_share: float = 0.5,
    random_state: RandomStateLike = 0,
) -> TwoSampleTest:
    r"""Return the classifier two-sample test (C2ST): its accuracy on held-out rows, and whether that may be chance.

    .. math::
        t = \frac1m \sum_{i=1}^{m} [h(u_i) = l_i], \qquad
        p = P(\mathrm{Bin}(m, \tfrac12) \ge m t)

    A classifier h is trained on one part of the pooled rows and judged on the other, of m rows, half of them real.
    The accuracy is in [0, 1], without unit: 1/2 for sets that h cannot tell apart.

    **Bias.** None where the distributions are the same: 1/2 on average, with a standard error of
    :math:`1 / (2 \sqrt m)`, and p is exact for independent rows.  Where they differ, the accuracy grows with n and
    with what h can learn; it is a lower bound of what another could reach.  Rows that are in both parts (duplicates)
    make p wrong.

    References: Revisiting Classifier Two-Sample Tests (Lopez-Paz and Oquab, 2017), https://arxiv.org/abs/1610.06545

    Args:
        real: features [N, F].
        generated: features [M, F]; of the larger set, rows drawn at random are left out.
        classifier: a scikit-learn classifier, of which a copy is fitted; None for a perceptron of 20 hidden units on
            standardized features.
        test_share: share of the rows that judge, in (0, 1).
        random_state: of the split, and of the default classifier.

    Raises:
        ValueError: features of different widths, fewer than four rows, or not finite; no classifier; a share out of
            its range or that leaves a part without rows of either set.
    """
    if classifier is not None and not (isinstance(classifier, BaseEstimator) and is_classifier(classifier)):
        raise ValueError(f"classifier={classifier!r} must be a scikit-learn classifier, such as SVC(), or None.")
    x, g = feature_pair(real, generated, 4)
    n = min(len(x), len(g))
    held_out = round(n * test_share)
    if not 0 < test_share < 1 or not 0 < held_out < n - 1:
        raise ValueError(
            f"test_share={test_share!r} must lie in (0, 1) and leave two of {n} rows of each set to learn from."
        )
    seed = as_seed(random_state)
    draws = row_generator(seed)
    if classifier is None:
        x, g = moderated(x, g)[0]  # the default looks at standardized features
    a, b = (each.double().cpu()[torch.randperm(len(each), generator=draws)[:n]].numpy() for each in (x, g))
    model = clone(_perceptron(n - held_out, seed) if classifier is None else classifier)
    with warnings.catch_warnings():
        if classifier is None:
            warnings.simplefilter("ignore", ConvergenceWarning)  # a perceptron that stops early is still a test
        model.fit(np.concatenate([a[held_out:], b[held_out:]]), np.repeat([0, 1], n - held_out))
    hits = model.predict(np.concatenate([a[:held_out], b[:held_out]])) == np.repeat([0, 1], held_out)
    return TwoSampleTest(float(hits.mean()), float(binom.sf(hits.sum() - 1, len(hits), 0.5)), len(hits))


def nearest_neighbor_test(real: Features, generated: Features) -> NeighborTest:
    r"""Return the 1-nearest-neighbor test: how often the nearest other row of the pooled sets is of the same set.

    .. math:: \frac{1}{N + M} \Bigl( \sum_i [\mathrm{nn}(x_i) \in X] + \sum_j [\mathrm{nn}(g_j) \in G] \Bigr)

    In [0, 1], without unit, for sets of one size: near 1/2 for one distribution; towards 1 for sets apart; towards 0
    where every generated sample is a copy of a real one.  Among generated ones alone it is high where they crowd
    (collapse), among real ones alone it is low where generated ones sit upon them.

    **Bias.** For two sets of one distribution it is (n - 1) / (2 n - 1) on average, in any dimension; its spread is
    wider than that of a coin, for neighbors share neighbors.  Compare at equal n, beside real against real.  Rows
    as near to one set as to the other count one half.

    References: Revisiting Classifier Two-Sample Tests (Lopez-Paz and Oquab, 2017), https://arxiv.org/abs/1610.06545;
    An empirical study on evaluation metrics of generative adversarial networks (Xu et al., 2018),
    https://arxiv.org/abs/1806.07755

    Args:
        real: features [N, F].
        generated: features [M, F].

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite.
    """
    x, g = moderated(*feature_pair(real, generated, 2))[0]
    largest = float(torch.cat([each.double().square().sum(1) for each in (x, g)]).max()) ** 0.5
    shares = []
    for own, other in ((x, g), (g, x)):
        within, across = nearest_squares(own, own, same=True)[0], nearest_squares(own, other)[0]
        equal = (within - across).abs() <= ties(torch.maximum(within, across), largest)
        shares.append(torch.where(equal, 0.5, (within < across).double()))
    return NeighborTest(float(torch.cat(shares).mean()), *(float(each.mean()) for each in shares))


def _perceptron(n: int, seed: int) -> Any:
    stop = n >= 50  # below that, too few rows to stop by
    net = MLPClassifier(
        (20,),
        alpha=1e-2,
        batch_size=min(100, n),
        learning_rate_init=1e-2,
        early_stopping=stop,
        max_iter=100,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), net)
