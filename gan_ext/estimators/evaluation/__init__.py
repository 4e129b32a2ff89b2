"""Evaluation of fitted generators (evaluate), and the feature extractors that its metrics are computed in."""

from gan_ext.estimators.evaluation.class_judge import ClassJudge
from gan_ext.estimators.evaluation.classifier_features import ClassifierFeatures
from gan_ext.estimators.evaluation.evaluator import evaluate
from gan_ext.estimators.evaluation.factor_report import (
    FactorReport,
    central_game,
    quick_factor_scores,
    report_factors,
)
from gan_ext.estimators.evaluation.pretrained import PretrainedFeatures
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.estimators.evaluation.sampling import EvaluatesItself
from gan_ext.estimators.evaluation.self_supervised_features import SelfSupervisedFeatures

__all__ = [
    "ClassJudge",
    "ClassifierFeatures",
    "EvaluatesItself",
    "Evaluation",
    "EvaluationRow",
    "FactorReport",
    "PretrainedFeatures",
    "SelfSupervisedFeatures",
    "central_game",
    "evaluate",
    "quick_factor_scores",
    "report_factors",
]
