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
from gan_ext.estimators.ensemble import SeedEnsembleClassifier
from gan_ext.estimators.evaluation import evaluate
from gan_ext.estimators.evaluation_result import Evaluation, EvaluationRow
from gan_ext.estimators.features import ClassifierFeatures, SelfSupervisedFeatures
from gan_ext.estimators.infogan import InfoGAN
from gan_ext.estimators.labelled_only import LabelledOnly
from gan_ext.estimators.novelty import NoveltyScore
from gan_ext.estimators.pretrained import PretrainedFeatures
from gan_ext.estimators.protocol import SemiSupervisedProtocol
from gan_ext.estimators.protocol_cell import Cell
from gan_ext.estimators.protocol_result import ProtocolResult, Summary
from gan_ext.estimators.query import Strategy, query
from gan_ext.estimators.reporting import DeadCodeWarning, report
from gan_ext.estimators.semi_supervised import SemiSupervisedGANClassifier
from gan_ext.estimators.sequence import SequenceGAN

__all__ = [
    "AuxiliaryClassifier",
    "Cell",
    "ClassScores",
    "ClassifierFeatures",
    "CodeReport",
    "CodeRow",
    "Concatenation",
    "Condition",
    "ConditionalGAN",
    "ConditionalNormalization",
    "DeadCodeWarning",
    "DiscriminativeClassifier",
    "Evaluation",
    "EvaluationRow",
    "InfoGAN",
    "LabelledOnly",
    "NoveltyScore",
    "Plan",
    "PretrainedFeatures",
    "Projection",
    "ProtocolResult",
    "SeedEnsembleClassifier",
    "SelfSupervisedFeatures",
    "SemiSupervisedGANClassifier",
    "SemiSupervisedProtocol",
    "SequenceGAN",
    "Strategy",
    "Summary",
    "evaluate",
    "query",
    "report",
]
