"""Estimators: the package behind scikit-learn's interface."""

from gan_ext.estimators.chain_scores import ChainScores
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
from gan_ext.estimators.plug_and_play import PlugAndPlayGAN
from gan_ext.estimators.plug_and_play_benchmark import PlugAndPlayArm, PlugAndPlayBenchmark
from gan_ext.estimators.plug_and_play_run import MeanAndDeviation, PlugAndPlayRun
from gan_ext.estimators.pretrained import PretrainedFeatures
from gan_ext.estimators.protocol import SemiSupervisedProtocol
from gan_ext.estimators.protocol_cell import Cell
from gan_ext.estimators.protocol_result import ProtocolResult, Summary
from gan_ext.estimators.query import Strategy, query
from gan_ext.estimators.reporting import DeadCodeWarning, report
from gan_ext.estimators.semi_supervised import SemiSupervisedGANClassifier
from gan_ext.estimators.sequence import SequenceGAN
from gan_ext.estimators.steering import SteeredSequenceGAN

__all__ = [
    "AuxiliaryClassifier",
    "Cell",
    "ChainScores",
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
    "MeanAndDeviation",
    "NoveltyScore",
    "Plan",
    "PlugAndPlayArm",
    "PlugAndPlayBenchmark",
    "PlugAndPlayGAN",
    "PlugAndPlayRun",
    "PretrainedFeatures",
    "Projection",
    "ProtocolResult",
    "SeedEnsembleClassifier",
    "SelfSupervisedFeatures",
    "SemiSupervisedGANClassifier",
    "SemiSupervisedProtocol",
    "SequenceGAN",
    "SteeredSequenceGAN",
    "Strategy",
    "Summary",
    "evaluate",
    "query",
    "report",
]
