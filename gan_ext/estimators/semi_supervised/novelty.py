"""How unlike the training data a sample is, by the logits or by the features of a fitted classifier."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from gan_ext.estimators.base.estimator import RandomState

__all__ = ["ClassGaussians", "NoveltyScore", "class_gaussians", "log_sum_exp", "logit_novelty", "softmax"]

Array = NDArray[Any]
NoveltyScore = Literal["realness", "max_probability", "entropy", "max_logit", "feature_distance", "sample_distance"]
_DIRECTIONS = 200


def log_sum_exp(logits: Array) -> Array:
    """Return the logarithm of the sum of exponentials of each row [n, K] -> [n]."""
    largest = logits.max(1)
    total: Array = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
    return total


def softmax(logits: Array) -> Array:
    """Return probabilities of each row [n, K]."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(1, keepdims=True)
    return probabilities


def logit_novelty(logits: Array, probabilities: Array, score: NoveltyScore) -> Array:
    """Return a novelty that logits decide [n], higher for stranger samples.

    Raises:
        ValueError: there is no such score.
    """
    if score == "realness":
        return -log_sum_exp(logits)
    if score == "max_logit":
        return np.asarray(-logits.max(1))
    if score == "max_probability":
        return np.asarray(1 - probabilities.max(1))
    if score == "entropy":
        return np.asarray(-(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(1))
    raise ValueError(
        f"score={score!r} must be 'realness', 'max_probability', 'entropy', 'max_logit', 'feature_distance' or "
        "'sample_distance'."
    )


class ClassGaussians(NamedTuple):
    """Normal distributions, one for each class, with the same covariance: some directions and an even rest.

    `means` [C, d] are of the classes that were predicted at all; `directions` [d, r] are orthonormal, with `variances`
    [r]; `rest` is the variance in every other direction; `mean` and `std` are those of the distances of the samples
    that were fitted.
    """

    means: Array
    directions: Array
    variances: Array
    rest: float
    mean: float
    std: float

    def distance(self, x: Array) -> Array:
        r"""Return the squared Mahalanobis distance to the nearest class [n].

        .. math:: \min_k (x - \mu_k)^\top \Sigma^{-1} (x - \mu_k)
        """
        origin = self.means.mean(0)  # differences of far numbers, not of their squares
        x, means = x.astype(np.float64) - origin, self.means - origin
        along, places = x @ self.directions, means @ self.directions
        nearest = np.full(len(x), np.inf)
        for mean, place in zip(means, places, strict=True):
            inside = (along - place) ** 2
            difference = x - mean
            whole = np.einsum("nd,nd->n", difference, difference)
            beside = np.maximum(whole - inside.sum(1), 0)
            nearest = np.minimum(nearest, inside @ (1 / self.variances) + beside / self.rest)
        return nearest

    def standard_distance(self, x: Array) -> Array:
        """Return the distance, less its mean and by its standard deviation over the samples that were fitted [n]."""
        return (self.distance(x) - self.mean) / self.std


def class_gaussians(
    x: Array, classes: Array, shrinkage: float = 1e-3, *, random_state: RandomState = 0
) -> ClassGaussians:
    r"""Fit class-conditional normal distributions with one covariance, of at most 200 directions and an even rest.

    .. math:: \Sigma = \sum_{j \le r} \lambda_j v_j v_j^\top + \sigma^2 \Big(I - \sum_{j \le r} v_j v_j^\top\Big)
              + \epsilon \bar\lambda I, \qquad
              \lambda, v \text{ of } \tfrac1n \sum_i (x_i - \mu_{k_i})(x_i - \mu_{k_i})^\top

    where :math:`\sigma^2` is the mean of the other eigenvalues and :math:`\bar\lambda` that of all: directions in which
    the samples do not vary at all count, but not without bound.

    References: A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks (Lee et
    al., 2018), https://arxiv.org/abs/1807.03888; the even rest: Probabilistic Principal Component Analysis (Tipping and
    Bishop, 1999), https://doi.org/10.1111/1467-9868.00196

    Args:
        x: [n, d].
        classes: numbers of their classes [n].
        shrinkage: :math:`\epsilon`, dimensionless.
        random_state: decides the search for directions, where there are many.
    """
    present, place = np.unique(classes, return_inverse=True)
    x = x.astype(np.float64)
    means = np.stack([x[place == each].mean(0) for each in range(len(present))])
    centered = x - means[place]
    n, d = centered.shape
    total = float((centered**2).sum() / n)
    if d <= _DIRECTIONS:
        variances, directions = np.linalg.eigh(centered.T @ centered / n)
    else:
        unit = np.sqrt(total / d) or 1.0  # float32 is enough for directions, but not for every unit
        _, values, rows = randomized_svd(
            (centered / unit).astype(np.float32), min(_DIRECTIONS, n), n_iter=2, random_state=random_state
        )
        variances, directions = (unit * values.astype(np.float64)) ** 2 / n, rows.T.astype(np.float64)
    floor = max(shrinkage, 1e-12) * total / d or 1e-12  # without any spread: an absolute one
    # Where no direction is left, nothing but rounding lies beside.
    left = max(total - float(variances.sum()), 0.0) / (d - len(variances)) if len(variances) < d else np.inf
    found = ClassGaussians(means, directions, np.maximum(variances, 0) + floor, left + floor, 0.0, 1.0)
    distances = found.distance(x)
    return found._replace(mean=float(distances.mean()), std=max(float(distances.std()), 1e-12))
