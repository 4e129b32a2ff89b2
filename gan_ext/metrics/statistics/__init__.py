"""Statistics under the metrics: intervals, resampling, autocorrelation, annealed importance sampling."""

from gan_ext.metrics.statistics.annealed import (
    BoltzmannMachine,
    Partition,
    annealed_partition,
    decoder_log_likelihood,
    exact_partition,
)
from gan_ext.metrics.statistics.bootstrap import Interval, bootstrap_interval
from gan_ext.metrics.statistics.chains import autocorrelation_time, effective_samples, mode_switch_rate
from gan_ext.metrics.statistics.resampling import bootstrap_metric, bootstrap_metrics
from gan_ext.metrics.statistics.student import paired_difference, student_interval

__all__ = [
    "BoltzmannMachine",
    "Interval",
    "Partition",
    "annealed_partition",
    "autocorrelation_time",
    "bootstrap_interval",
    "bootstrap_metric",
    "bootstrap_metrics",
    "decoder_log_likelihood",
    "effective_samples",
    "exact_partition",
    "mode_switch_rate",
    "paired_difference",
    "student_interval",
]
