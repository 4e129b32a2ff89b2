"""What chains that were asked for classes are worth."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from gan_ext.metrics import class_density_coverage, frechet_distance, kernel_distance

__all__ = ["ChainScores", "Reference", "class_scores"]

Array = NDArray[Any]


class ChainScores(NamedTuple):
    """What chains that were each asked for a class are worth.

    Attributes:
        hit_rate: share of chains whose image an independent classifier puts into the wanted class.
        coverage: of real images of the class by those of its chains, in features of that classifier; mean over classes.
        density: likewise.
        diversity: mean distance between two images of a class in these features, as a share of that of real ones.
        kernel_distance: KID to real images within a class, mean over classes.
        frechet: Frechet distance to real images, all classes together.
        accepted: share of Metropolis proposals that were accepted; 1 without a test.
        autocorrelation: integrated autocorrelation time of codes in steps, median over coordinates, in a run of its
            own without cooling.
        switches: how often a chain changes to another prototype (of ten in each class, by k-means of real features) in
            100 steps of that run, looked at every tenth step (one that goes and comes back in between is not seen).
        passes: of a chain through a network for one image that hits its class.
        milliseconds: processor time for one image that hits its class.
    """

    hit_rate: float
    coverage: float
    density: float
    diversity: float
    kernel_distance: float
    frechet: float
    accepted: float
    autocorrelation: float
    switches: float
    passes: float
    milliseconds: float


class Reference(NamedTuple):
    """Real images as the independent classifier sees them.

    Attributes:
        features: [m, F].
        labels: numbers of their classes [m].
        prototypes: ten groups for each class, by k-means.
    """

    features: Array
    labels: Array
    prototypes: KMeans


def class_scores(made: Array, named: Array, wanted: Array, reference: Reference) -> dict[str, float]:
    """Return hit rate, coverage, density, diversity and distances of generated samples.

    Args:
        made: their features [n, F].
        named: the classes that a classifier gives them [n].
        wanted: those that were asked for [n].
        reference: real images.
    """
    real, labels = reference.features, reference.labels
    within = class_density_coverage(real, labels, made, wanted).values()
    pairs = [(real[labels == each], made[wanted == each]) for each in np.unique(wanted)]
    return {
        "hit_rate": float((named == wanted).mean()),
        "coverage": float(np.mean([each.coverage for each in within])),
        "density": float(np.mean([each.density for each in within])),
        "diversity": float(np.mean([_spread(ours) / _spread(real) for real, ours in pairs])),
        "kernel_distance": float(np.mean([kernel_distance(real, ours).mean for real, ours in pairs])),
        "frechet": float(frechet_distance(real, made)),
    }


def _spread(features: Array) -> float:
    """Return the mean distance between two rows."""
    rows = torch.from_numpy(features).double()
    count = len(rows)
    return float(torch.cdist(rows, rows).sum() / (count * (count - 1)))
