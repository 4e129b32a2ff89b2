"""GAN-test and GAN-train: are samples of the class that was asked for, and as good as real ones to learn it from?"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from gan_ext.estimators.evaluation.result import EvaluationRow
from gan_ext.metrics import Rate, generated_training_accuracy, hit_rate

__all__ = ["class_rows"]

Array = NDArray[Any]


def class_rows(
    make: Callable[[Array, int], Array],
    read: Callable[[Array], Any],
    real: tuple[Array, Array],
    other: tuple[Array, Array],
    seed: int,
) -> list[EvaluationRow]:
    """Return GAN-test and GAN-train, by a linear classifier of features.

    GAN-test: fitted on real samples, does it see the class that a generated one was asked for?  GAN-train: fitted on
    generated samples, does it see the class of real ones?  The floor of both is fitted on one real part and tried on
    the other.

    References: How good is my GAN? (Shmelkov et al., 2018), https://arxiv.org/abs/1807.09499

    Args:
        make: makes a sample of each class of an array, from a seed.
        read: maps samples to features.
        real: samples and their classes.
        other: further ones.
        seed: decides the samples.

    Returns:
        Two rows; none if a part has samples of one class only.
    """
    (x, y), (x_other, y_other) = real, other
    if min(len(np.unique(y)), len(np.unique(y_other))) < 2:
        return []
    made = _array(read(make(y, seed)))
    x, x_other = _array(read(x)), _array(read(x_other))
    fitted = _judge().fit(x, y)
    pairs = {
        "gan-test": (hit_rate(fitted, made, y), hit_rate(fitted, x_other, y_other)),
        "gan-train": (
            generated_training_accuracy(_judge(), x, y, made, y),
            generated_training_accuracy(_judge(), x, y, x_other, y_other),
        ),
    }
    return [_row(name, found, floor) for name, (found, floor) in pairs.items()]


def _judge() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))


def _row(name: str, found: Rate, floor: Rate) -> EvaluationRow:
    low, high = found.value - 1.96 * found.error, found.value + 1.96 * found.error
    return EvaluationRow(name, found.value, max(0.0, low), min(1.0, high), floor.value, "higher")


def _array(features: Any) -> Array:
    return np.asarray(features.detach().cpu() if isinstance(features, Tensor) else features)
