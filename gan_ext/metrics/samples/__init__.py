"""Metrics of generated against real samples or their features: FID, KID, precision and recall, memorization, modes."""

from gan_ext.metrics.samples.bins import DifferentBins, ndb
from gan_ext.metrics.samples.class_conditional import ClassConditionalScores, class_conditional_scores
from gan_ext.metrics.samples.coverage import (
    DensityCoverage,
    ManifoldScores,
    PrecisionRecall,
    class_density_coverage,
    density_coverage,
    manifold_scores,
    precision_recall,
)
from gan_ext.metrics.samples.divergence_frontier import divergence_area, divergence_frontier
from gan_ext.metrics.samples.frechet import Extrapolation, frechet_distance, frechet_infinity, frechet_of_moments
from gan_ext.metrics.samples.kernels import (
    Kernel,
    KernelDistance,
    gaussian_kernel,
    kernel_distance,
    mmd,
    polynomial_kernel,
)
from gan_ext.metrics.samples.memorization import Memorization, birthday_support, memorization_test
from gan_ext.metrics.samples.modes import LabelScores, ModeScores, kl_floor, label_scores, mode_scores, nearest_modes
from gan_ext.metrics.samples.parzen import parzen_bandwidth, parzen_log_density
from gan_ext.metrics.samples.sliced import sliced_wasserstein
from gan_ext.metrics.samples.two_samples import NeighborTest, TwoSampleTest, nearest_neighbor_test, two_sample_test

__all__ = [
    "ClassConditionalScores",
    "DensityCoverage",
    "DifferentBins",
    "Extrapolation",
    "Kernel",
    "KernelDistance",
    "LabelScores",
    "ManifoldScores",
    "Memorization",
    "ModeScores",
    "NeighborTest",
    "PrecisionRecall",
    "TwoSampleTest",
    "birthday_support",
    "class_conditional_scores",
    "class_density_coverage",
    "density_coverage",
    "divergence_area",
    "divergence_frontier",
    "frechet_distance",
    "frechet_infinity",
    "frechet_of_moments",
    "gaussian_kernel",
    "kernel_distance",
    "kl_floor",
    "label_scores",
    "manifold_scores",
    "memorization_test",
    "mmd",
    "mode_scores",
    "ndb",
    "nearest_modes",
    "nearest_neighbor_test",
    "parzen_bandwidth",
    "parzen_log_density",
    "polynomial_kernel",
    "precision_recall",
    "sliced_wasserstein",
    "two_sample_test",
]
