"""Evaluation of fitted generators, and the features it is made in."""

from gan_ext.estimators.evaluation.evaluator import evaluate
from gan_ext.estimators.evaluation.features import ClassifierFeatures, SelfSupervisedFeatures
from gan_ext.estimators.evaluation.pretrained import PretrainedFeatures
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow

__all__ = [
    "ClassifierFeatures",
    "Evaluation",
    "EvaluationRow",
    "PretrainedFeatures",
    "SelfSupervisedFeatures",
    "evaluate",
]
