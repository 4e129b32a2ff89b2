"""Class-conditional samples: how often they are of the wanted class, and coverage and diversity within classes."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gan_ext.metrics.features import Features, feature_pair, known_labels, moderated
from gan_ext.metrics.samples.coverage import class_density_coverage
from gan_ext.metrics.samples.distances import squared_distances
from gan_ext.metrics.samples.frechet import frechet_distance
from gan_ext.metrics.samples.kernels import kernel_distance

__all__ = ["ClassConditionalScores", "class_conditional_scores"]


class ClassConditionalScores(NamedTuple):
    """How good samples of wanted classes are, in features of a classifier that had no part in making them.

    Attributes:
        hit_rate: share of samples that the classifier puts into the wanted class.
        coverage: of real samples of a class by generated ones of that class, mean over classes.
        density: likewise.
        diversity: mean distance between two generated samples of a class, as a share of that of real ones; mean over
            classes.
        kernel_distance: to real samples within a class, mean over classes.
        frechet: Frechet distance to real samples, all classes together.
    """

    hit_rate: float
    coverage: float
    density: float
    diversity: float
    kernel_distance: float
    frechet: float


def class_conditional_scores(
    real: Features, real_y: ArrayLike, generated: Features, generated_y: ArrayLike, predicted_y: ArrayLike
) -> ClassConditionalScores:
    """Return hit rate, and coverage, density, diversity and distances within classes.

    Score as many held-out real samples beside: they say what is within reach.

    Args:
        real: features [m, F] of real samples that the generator has not seen.
        real_y: their classes [m].
        generated: features [n, F] of generated samples.
        generated_y: the classes that were asked for [n], every one of `real_y` among them.
        predicted_y: the classes that the classifier finds in the generated samples [n].

    Raises:
        ValueError: lengths that differ, a class with fewer than two samples, or whose real samples are all alike.
    """
    x, g = feature_pair(real, generated)
    x_y, g_y, found = (
        known_labels(name, each)
        for name, each in (("real_y", real_y), ("generated_y", generated_y), ("predicted_y", predicted_y))
    )
    if found.shape != g_y.shape:
        raise ValueError(f"predicted_y has shape {found.shape}, generated_y {g_y.shape}; they must be alike.")
    within = class_density_coverage(x, x_y, g, g_y).values()
    pairs = [(x[x_y == each], g[g_y == each]) for each in np.unique(x_y)]
    return ClassConditionalScores(
        hit_rate=float((found == g_y).mean()),
        coverage=float(np.mean([each.coverage for each in within])),
        density=float(np.mean([each.density for each in within])),
        diversity=float(np.mean([_relative_spread(true, made) for true, made in pairs])),
        kernel_distance=float(np.mean([kernel_distance(true, made).mean for true, made in pairs])),
        frechet=float(frechet_distance(x, g)),
    )


def _relative_spread(real: Tensor, generated: Tensor) -> float:
    widths = [_spread(each) for each in moderated(real, generated)[0]]
    if not widths[0]:
        raise ValueError("The real samples of a class are all alike: diversity has no unit.")
    return widths[1] / widths[0]


def _spread(rows: Tensor) -> float:
    """Return the mean distance between two rows."""
    if len(rows) < 2:
        raise ValueError("A class has fewer than two samples: they have no diversity.")
    sums = [squares.sqrt().sum() for squares in squared_distances(rows, rows)]
    return float(torch.stack(sums).sum() / (len(rows) * (len(rows) - 1)))
