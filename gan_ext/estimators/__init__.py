"""Estimators: the package behind scikit-learn's interface."""

from gan_ext.estimators.semi_supervised import SemiSupervisedGANClassifier
from gan_ext.estimators.sequence import SequenceGAN

__all__ = ["SemiSupervisedGANClassifier", "SequenceGAN"]
