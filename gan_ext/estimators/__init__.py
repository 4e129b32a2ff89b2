"""Estimators: the package behind scikit-learn's interface."""

from gan_ext.estimators.semi_supervised import SemiSupervisedGANClassifier

__all__ = ["SemiSupervisedGANClassifier"]
