"""Evaluation of fitted generators (evaluate), and the feature extractors that its metrics are computed in."""

from gan_ext.estimators.evaluation.evaluator import evaluate
from gan_ext.estimators.evaluation.features import ClassifierFeatures, SelfSupervisedFeatures
from gan_ext.estimators.evaluation.pretrained import PretrainedFeatures
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.estimators.evaluation.sampling import EvaluatesItself

__all__ = [
    "ClassifierFeatures",
    "EvaluatesItself",
    "Evaluation",
    "EvaluationRow",
    "PretrainedFeatures",
    "SelfSupervisedFeatures",
    "evaluate",
]
