"""Estimators: the package behind scikit-learn's interface."""

from gan_ext.estimators.code_report import ClassScores, CodeReport, CodeRow
from gan_ext.estimators.conditional import ConditionalGAN
from gan_ext.estimators.conditions import (
    AuxiliaryClassifier,
    Concatenation,
    Condition,
    ConditionalNormalization,
    DiscriminativeClassifier,
    Plan,
    Projection,
)
from gan_ext.estimators.infogan import InfoGAN
from gan_ext.estimators.reporting import DeadCodeWarning, report
from gan_ext.estimators.semi_supervised import SemiSupervisedGANClassifier
from gan_ext.estimators.sequence import SequenceGAN

__all__ = [
    "AuxiliaryClassifier",
    "ClassScores",
    "CodeReport",
    "CodeRow",
    "Concatenation",
    "Condition",
    "ConditionalGAN",
    "ConditionalNormalization",
    "DeadCodeWarning",
    "DiscriminativeClassifier",
    "InfoGAN",
    "Plan",
    "Projection",
    "SemiSupervisedGANClassifier",
    "SequenceGAN",
    "report",
]
