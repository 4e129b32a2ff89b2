"""GAN-test and GAN-train: whether generated samples are of the class they were made for, by an outside classifier."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from gan_ext.metrics.classifiers import Classifier, Predictor
from gan_ext.metrics.features import as_numbers, known_labels

__all__ = ["Rate", "generated_training_accuracy", "hit_rate"]


class Rate(NamedTuple):
    """A share of samples, and its standard error."""

    value: float
    error: float


def hit_rate(classifier: Predictor, samples: ArrayLike, classes: ArrayLike) -> Rate:
    r"""Return GAN-test: how often a classifier of real data finds the class that a generated sample was made for.

    .. math:: \frac1n \sum_i 1[h(G(z_i, y_i)) = y_i], \qquad h \text{ fitted on real data}

    The real data are in the classifier, which comes first.  High for a generator that makes one
    good sample of each class: read it beside :func:`generated_training_accuracy`.

    References: How good is my GAN? (Shmelkov et al., 2018), https://arxiv.org/abs/1807.09499

    Args:
        classifier: a fitted scikit-learn classifier, which gets samples flattened to [n, d].
        samples: generated samples [n, ...].
        classes: what they were made for [n].

    Raises:
        ValueError: no samples, not finite, or not a class for each.
    """
    flat, wanted = _pair(samples, classes)
    return _rate(np.asarray(classifier.predict(flat)) == wanted)


def generated_training_accuracy(
    classifier: Classifier, X: ArrayLike, y: ArrayLike, samples: ArrayLike, classes: ArrayLike
) -> Rate:
    r"""Return GAN-train: the accuracy on real data of a classifier trained on generated data alone.

    .. math:: \frac1m \sum_j 1[h_G(x_j) = y_j], \qquad h_G \text{ fitted on } (G(z_i, y_i), y_i)

    Also called classification accuracy score.  Low where samples of a class are too much alike, even if
    each is good.  Compare it with the accuracy of the same classifier trained on real data.

    References: How good is my GAN? (Shmelkov et al., 2018), https://arxiv.org/abs/1807.09499; Classification Accuracy
    Score (Ravuri and Vinyals, 2019), https://arxiv.org/abs/1905.10887

    Args:
        classifier: a scikit-learn classifier; a fresh copy is fitted, on samples flattened to [n, d].
        X: real samples [m, ...], which the generator has not seen if the figure is to be honest.
        y: their classes [m].
        samples: generated samples [n, ...].
        classes: what they were made for [n].

    Raises:
        ValueError: no samples, not finite, or not a class for each.
    """
    flat, wanted = _pair(samples, classes)
    real, true = _pair(X, y, ("X", "y"))
    return _rate(np.asarray(clone(classifier).fit(flat, wanted).predict(real)) == true)


def _pair(
    samples: ArrayLike, classes: ArrayLike, names: tuple[str, str] = ("samples", "classes")
) -> tuple[NDArray[Any], NDArray[Any]]:
    data, labels = as_numbers(names[0], samples), known_labels(names[1], classes)
    if data.ndim < 2 or labels.shape != (len(data),) or not len(data):
        raise ValueError(f"Samples must be [n, ...] with a class for each, got {data.shape} and {labels.shape}.")
    return data.reshape(len(data), -1), labels


def _rate(hits: NDArray[np.bool_]) -> Rate:
    share = float(hits.mean())
    return Rate(share, math.sqrt(share * (1 - share) / len(hits)))
