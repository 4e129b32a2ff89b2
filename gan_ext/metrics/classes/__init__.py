"""Metrics of classes and their probabilities: calibration, rejection, clustering, generated classes."""

from gan_ext.metrics.classes.calibration import Reliability, expected_calibration_error, reliability
from gan_ext.metrics.classes.class_scores import SplitScore, inception_score, mode_score
from gan_ext.metrics.classes.clustering import (
    ClusterScores,
    ClusterTable,
    cluster_scores,
    cluster_table,
    contingency,
    hungarian_accuracy,
    matching,
    purity,
)
from gan_ext.metrics.classes.error_rate import error_rate
from gan_ext.metrics.classes.generated import Rate, generated_training_accuracy, hit_rate
from gan_ext.metrics.classes.rejection import RiskCoverage, auroc, false_positive_rate, risk_coverage, threshold_at_risk

__all__ = [
    "ClusterScores",
    "ClusterTable",
    "Rate",
    "Reliability",
    "RiskCoverage",
    "SplitScore",
    "auroc",
    "cluster_scores",
    "cluster_table",
    "contingency",
    "error_rate",
    "expected_calibration_error",
    "false_positive_rate",
    "generated_training_accuracy",
    "hit_rate",
    "hungarian_accuracy",
    "inception_score",
    "matching",
    "mode_score",
    "purity",
    "reliability",
    "risk_coverage",
    "threshold_at_risk",
]
