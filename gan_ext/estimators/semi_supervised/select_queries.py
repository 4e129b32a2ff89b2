"""Which unlabeled samples would help most, if somebody labeled them."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gan_ext.estimators.base.checks import check_count

__all__ = ["Strategy", "select_queries"]

Array = NDArray[Any]
Strategy = Literal["margin", "entropy", "disagreement", "coverage"]
_STRATEGIES = ("margin", "entropy", "disagreement", "coverage")


class Queried(Protocol):
    """A fitted classifier, of whose methods a strategy needs one or two."""

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes [n, n_classes]; for ``"margin"``, ``"entropy"``, ``"coverage"``."""
        ...

    def features(self, X: Any) -> Array:
        """Return features [n, d]; for ``"coverage"``."""
        ...

    def disagreement(self, X: Any) -> Array:
        """Return how much the members of an ensemble disagree [n]; for ``"disagreement"``."""
        ...


def select_queries(
    classifier: Queried, X: Any, n: int, strategy: Strategy = "coverage", X_labeled: Any = None
) -> Array:
    r"""Return the rows of the samples to label next, the most useful first.

    ``"margin"`` takes those whose two likeliest classes are nearest to each other in probability, ``"entropy"`` those
    of the highest entropy, ``"disagreement"`` those of the highest mutual information between the members of a
    :class:`SeedEnsembleClassifier`.  These look at one sample at a time, and so may ask for the same thing n times.
    ``"coverage"`` chooses samples one after the other, unsure ones that are far from all chosen before:

    .. math:: i_{t+1} = \arg\max_i u_i \min_{j \in \{i_1 \dots i_t\} \cup L} \lVert f(x_i) - f(x_j) \rVert_2^2

    with the margin's uncertainty :math:`u = 1 - (p_{(1)} - p_{(2)})` and the discriminator's features f.

    References: margin: Scheffer et al. (2001), https://doi.org/10.1007/3-540-44816-0_31; disagreement: Houlsby et al.
    (2011), https://arxiv.org/abs/1112.5745; coverage: Active Learning for Convolutional Neural Networks (Sener and
    Savarese, 2018), https://arxiv.org/abs/1708.00489, with weights as in Diverse Mini-batch Active Learning (Zhdanov,
    2019), https://arxiv.org/abs/1901.05954

    Args:
        classifier: fitted, with `predict_proba`; with `disagreement` or `features` too where the strategy needs it.
        X: unlabeled samples [m, ...].
        n: how many to choose, at least 1 and at most m.
        strategy: one of the four.
        X_labeled: samples L with labels already, from which ``"coverage"`` keeps away as well; None for none.

    Returns:
        Row numbers of `X`, int64 [n].

    Raises:
        ValueError: no such strategy, more samples asked for than there are, or a classifier that lacks a method.
    """
    check_count("n", n)
    if strategy not in _STRATEGIES:
        raise ValueError(f"strategy={strategy!r} must be one of {', '.join(map(repr, _STRATEGIES))}.")
    needed = {"disagreement": "disagreement", "coverage": "features"}.get(strategy, "predict_proba")
    if not hasattr(classifier, needed):
        raise ValueError(
            f"strategy={strategy!r} needs a classifier with {needed}, {type(classifier).__name__} has none."
        )
    if n > len(X):
        raise ValueError(f"n={n} samples cannot be chosen from {len(X)}.")
    if strategy == "disagreement":
        return _highest(classifier.disagreement(X), n)
    probabilities = classifier.predict_proba(X)
    if strategy == "entropy":
        return _highest(-(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(1), n)
    unsure = _closeness(probabilities)
    if strategy == "margin":
        return _highest(unsure, n)
    held = None if X_labeled is None else classifier.features(X_labeled)
    return _spread(classifier.features(X), unsure, n, held)


def _highest(values: Array, n: int) -> Array:
    order: Array = np.argsort(-values, kind="stable")[:n].astype(np.int64)
    return order


def _closeness(probabilities: Array) -> Array:
    """Return one less the difference of the two highest probabilities."""
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    unsure: Array = 1 - (first - second)
    return unsure


def _spread(features: Array, unsure: Array, n: int, held: Array | None) -> Array:
    """Choose greedily by uncertainty times squared distance to what is chosen or held."""
    distance = np.full(len(features), np.inf)
    for other in () if held is None else held:
        distance = np.minimum(distance, ((features - other) ** 2).sum(1))
    left, chosen = np.ones(len(features), bool), np.empty(n, np.int64)
    for place in range(n):
        # Before anything is chosen or held, only uncertainty counts.
        gain = unsure if np.isinf(distance).all() else unsure * distance
        chosen[place] = np.where(left, gain, -1).argmax()
        left[chosen[place]] = False
        distance = np.minimum(distance, ((features - features[chosen[place]]) ** 2).sum(1))
    return chosen
