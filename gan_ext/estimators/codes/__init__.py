"""Codes and classes that are set at will: InfoGAN, ConditionalGAN, and the report on codes."""

from gan_ext.estimators.codes.conditional_gan import ConditionalGAN
from gan_ext.estimators.codes.conditioning import (
    AuxiliaryClassifier,
    ClassConditioning,
    Concatenation,
    ConditionalNormalization,
    DiscriminativeClassifier,
    Plan,
    Projection,
)
from gan_ext.estimators.codes.infogan import InfoGAN
from gan_ext.estimators.codes.report import ClassScores, CodeReport, CodeRow
from gan_ext.estimators.codes.reporting import DeadCodeWarning, report_codes

__all__ = [
    "AuxiliaryClassifier",
    "ClassConditioning",
    "ClassScores",
    "CodeReport",
    "CodeRow",
    "Concatenation",
    "ConditionalGAN",
    "ConditionalNormalization",
    "DeadCodeWarning",
    "DiscriminativeClassifier",
    "InfoGAN",
    "Plan",
    "Projection",
    "report_codes",
]
