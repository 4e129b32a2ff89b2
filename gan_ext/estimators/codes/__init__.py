"""Generators steered by latent codes or classes: InfoGAN, ConditionalGAN, and the report on codes (report_codes)."""

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
from gan_ext.estimators.codes.source import CodeSource, CodeUnit, HasCodes, RealSamples, product_source

__all__ = [
    "AuxiliaryClassifier",
    "ClassConditioning",
    "ClassScores",
    "CodeReport",
    "CodeRow",
    "CodeSource",
    "CodeUnit",
    "Concatenation",
    "ConditionalGAN",
    "ConditionalNormalization",
    "DeadCodeWarning",
    "DiscriminativeClassifier",
    "HasCodes",
    "InfoGAN",
    "Plan",
    "Projection",
    "RealSamples",
    "product_source",
    "report_codes",
]
