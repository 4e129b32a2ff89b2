"""Several seeds of one classifier as a single classifier."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted
from typing_extensions import Self

from gan_ext.estimators.base.classifier import ProbabilisticClassifier
from gan_ext.estimators.base.parameters import (
    N_JOBS,
    RANDOM_STATE,
    check_parameters,
    having,
    integer,
)
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.semi_supervised.protocol_cell import seeded_clone

__all__ = ["SeedEnsembleClassifier"]

Array = NDArray[Any]


class SeedEnsembleClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Classifier that averages the probabilities of clones fitted on the same data with different seeds.

    .. math:: p(k \mid x) = \frac1M \sum_{m=1}^M p_m(k \mid x)

    References: Improved Techniques for Training GANs (Salimans et al., 2016), table 1, for ensembles of ten,
    https://arxiv.org/abs/1606.03498; Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles
    (Lakshminarayanan et al., 2017), https://arxiv.org/abs/1612.01474

    Parameters
    ----------
    estimator : classifier
        What is cloned; it has `predict_proba` and a `random_state`, and may take unlabeled samples, marked in `y`.
    n_estimators : int, default=5
        How many clones M, at least 1.
    n_jobs : int, default=1
        Clones fitted at a time, as processes of one torch thread each; -1 for as many as there are cores.
    random_state : int, RandomState instance or None, default=None
        Decides the clones' seeds.

    Attributes
    ----------
    estimators_ : list of classifiers
        The fitted clones.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Size of the second axis of `X`, if the clones say it.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [having("fit", "predict_proba", "get_params")],
        "n_estimators": [integer(1)],
        "n_jobs": [N_JOBS],
        "random_state": RANDOM_STATE,
    }
    classes_: Array

    def __init__(
        self,
        estimator: ProbabilisticClassifier,
        n_estimators: int = 5,
        *,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.random_state = random_state

    @whole_or_undone
    def fit(self, X: Any, y: Any) -> Self:
        """Fit all clones.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            All samples, labeled or not.
        y : array-like of shape (n,)
            Their classes; where there is none, the mark that `estimator` knows.

        Raises
        ------
        ValueError
            A parameter that makes no sense, or the estimator has no probabilities to average.
        """
        check_parameters(self)
        draws = check_random_state(self.random_state)
        seeds = draws.randint(2**31 - 1, size=self.n_estimators)
        members = [seeded_clone(self.estimator, int(seed), f"member-{m}") for m, seed in enumerate(seeds)]
        threads = None if self.n_jobs == 1 else 1
        fits = Parallel(self.n_jobs, backend="loky")(delayed(_fit)(member, X, y, threads) for member in members)
        self.estimators_: list[Any] = list(fits)
        first = self.estimators_[0]
        self.classes_ = first.classes_
        if hasattr(first, "n_features_in_"):
            self.n_features_in_ = first.n_features_in_
        if hasattr(first, "feature_names_in_"):
            self.feature_names_in_ = first.feature_names_in_
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the mean of the clones' probabilities (n, n_classes)."""
        mean: Array = self._members(X).mean(0)
        return mean

    def predict(self, X: Any) -> Array:
        """Return the classes of the highest mean probability (n,)."""
        predicted: Array = self.classes_[self.predict_proba(X).argmax(1)]
        return predicted

    def disagreement(self, X: Any) -> Array:
        r"""Return the mutual information between the prediction and the clone it comes from, in nats (n,).

        .. math:: I = H\left(\tfrac1M \sum_m p_m\right) - \tfrac1M \sum_m H(p_m), \quad 0 \le I \le \log M

        It is 0 where all clones say the same, however unsure they are.

        References: Bayesian Active Learning for Classification and Preference Learning (Houlsby et al., 2011),
        https://arxiv.org/abs/1112.5745
        """
        members = self._members(X)
        information: Array = np.maximum(_entropy(members.mean(0)) - _entropy(members).mean(0), 0)
        return information

    @available_if(lambda self: hasattr(self.estimator, "features"))  # type: ignore[untyped-decorator]
    def features(self, X: Any) -> Array:
        """Return the features of all clones side by side (n, n_features_out)."""
        check_is_fitted(self)
        return np.concatenate([member.features(X) for member in self.estimators_], axis=1)

    @available_if(lambda self: hasattr(self.estimator, "calibrate"))  # type: ignore[untyped-decorator]
    def calibrate(self, X: Any, y: Any) -> Self:
        """Calibrate every clone by held-out samples with labels (see :meth:`SemiSupervisedGANClassifier.calibrate`).

        The mean of calibrated probabilities is rather too careful, for the clones' errors differ.
        """
        check_is_fitted(self)
        for member in self.estimators_:
            member.calibrate(X, y)
        return self

    def _members(self, X: Any) -> Array:
        check_is_fitted(self)
        return np.stack([member.predict_proba(X) for member in self.estimators_])


def _fit(member: ProbabilisticClassifier, X: Any, y: Any, threads: int | None) -> Any:
    if threads is not None:
        torch.set_num_threads(threads)
    return member.fit(X, y)


def _entropy(p: Array) -> Array:
    entropies: Array = -(p * np.log(np.maximum(p, 1e-300))).sum(-1)
    return entropies
