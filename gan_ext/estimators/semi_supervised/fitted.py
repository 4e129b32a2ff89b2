"""What every classifier made of a K-logit game can do once it is fitted."""

import copy
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.utils.validation import check_is_fitted
from typing_extensions import Self

from gan_ext.data.missing import plain_labels
from gan_ext.estimators.base.checks import count_first, warn_of_chance
from gan_ext.estimators.base.estimator import ROWS, GANEstimator, RandomState
from gan_ext.estimators.base.labeled_score import LabeledScore
from gan_ext.estimators.base.labels import Labels
from gan_ext.estimators.base.parameters import Constraint, check_values, share
from gan_ext.estimators.semi_supervised.novelty import (
    ClassGaussians,
    NoveltyScore,
    class_gaussians,
    log_sum_exp,
    logit_novelty,
    softmax,
)
from gan_ext.game import Game
from gan_ext.games import KPlusOne
from gan_ext.terms import GeneratorTerm, Term

__all__ = ["GANClassifier"]

Array = NDArray[Any]
_LIMITS: dict[str, Any] = {
    "max_novelty": [Constraint("a number that is not NaN", lambda value: _is_number(value) and value == value), None],
    "min_probability": [share(one=True), None],
    "rejected": [Constraint("a number, a string", lambda value: isinstance(value, str) or _is_number(value)), None],
}
_FEWEST = 10  # labeled samples that a temperature is found by
_KEPT = 3000  # training samples that the distributions of features are taken from


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


class GANClassifier(LabeledScore, GANEstimator):
    """Prediction, realness and sampling by a fitted game; a subclass's `fit` sets the attributes below."""

    classes_: Array
    game_: KPlusOne
    terms: Sequence[Term | GeneratorTerm]
    temperature_: float
    _raw_game: KPlusOne
    _gaussians: tuple[ClassGaussians, ClassGaussians]

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy; terms are copied together, as two of them may share an encoder."""
        copied: Self = super().__sklearn_clone__()
        copied.terms = copy.deepcopy(self.terms)
        return copied

    def decision_function(self, X: Any) -> Array:
        """Return class logits: (n, n_classes), or for two classes the second's less the first's (n,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, given that the samples are real, (n, n_classes).

        After :meth:`calibrate` they are those of logits divided by the temperature.
        """
        return softmax(self._logits(X) / self.temperature_)

    def calibrate(self, X: Any, y: Any) -> Self:
        r"""Set the temperature of the probabilities by held-out samples with labels; predictions stay as they are.

        .. math:: T = \arg\min_T -\sum_i \log \operatorname{softmax}(l(x_i) / T)_{y_i}

        T is sought between 0.01 and 100, and kept in `temperature_` (1 after `fit`).  Where the best one is at an end
        of that range it stays as it was, with a warning.

        References: On Calibration of Modern Neural Networks (Guo et al., 2017), https://arxiv.org/abs/1706.04599

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Samples that `fit` did not see with their labels; a hundred are enough.
        y : array-like of shape (n,)
            Their classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            `y` does not fit `X`, has a label that is no class, or has fewer than ten.
        """
        logits, columns = self._logits(X), self._columns(y)
        if len(columns) != len(logits):
            raise ValueError(f"X has {len(logits)} samples and y {len(columns)} labels; calibrate needs one for each.")
        if len(columns) < _FEWEST:
            raise ValueError(
                f"calibrate cannot find a temperature by {len(columns)} samples; it takes {_FEWEST} or more with "
                "labels that fit did not see, better a hundred."
            )
        right = logits[np.arange(len(logits)), columns]

        def cost(log_temperature: float) -> float:
            colder = np.exp(-log_temperature)
            return float((log_sum_exp(logits * colder) - right * colder).mean())

        best = minimize_scalar(cost, bounds=(np.log(0.01), np.log(100)), method="bounded", options={"xatol": 1e-6})
        easy, useless = (right == logits.max(1)).all(), (right - logits.mean(1)).mean() <= 0
        if easy or useless or abs(best.x) > 0.99 * np.log(100):  # the best one is 0, infinite, or beyond what is sought
            what = "the labels are all as predicted" if easy else "predictions say nothing about the labels"
            warnings.warn(
                f"calibrate cannot find a temperature by these {len(columns)} samples: {what}, so that the best one is "
                f"at the end of its range. temperature_ stays {self.temperature_:g}; pass more samples, hard ones too.",
                stacklevel=2,
            )
            return self
        self.temperature_ = float(np.exp(best.x))
        return self

    def _columns(self, y: Any) -> Array:
        """Return labels as numbers of columns, or say which one is no class."""
        labels = plain_labels(y)
        strange = labels[~np.isin(labels, self.classes_)]
        if labels.ndim != 1 or strange.size:
            what = f"shape {labels.shape}" if labels.ndim != 1 else f"the label {strange.tolist()[0]!r}"
            raise ValueError(f"y has {what}; it needs one label of {self.classes_.tolist()} for each sample.")
        return np.searchsorted(self.classes_, labels)

    def predict(self, X: Any) -> Array:
        """Return the most probable classes (n,)."""
        logits = self._logits(X)
        predicted: Array = self.classes_[logits.argmax(1)]
        return predicted

    @torch.no_grad()
    def predict_with(self, game: Game, X: Any) -> Array:
        """Return the classes (n,) that the networks of a game in training predict, for callbacks of `fit`.

        Parameters
        ----------
        game : Game
            Such as ``engine.averaged``; it is left as it is.
        X : array-like of shape (n, ...)
            Samples.
        """
        network = game.get_submodule("discriminator")
        if network.training:
            network = copy.deepcopy(network).eval()
        device = next(network.parameters()).device
        scaled = torch.tensor(self.scaler_.forward(np.asarray(X)), dtype=torch.float32)
        parts = [network(part.to(device))[0].argmax(1).cpu() for part in scaled.split(ROWS)]
        predicted: Array = self.classes_[torch.cat(parts).numpy()]
        return predicted

    def realness(self, X: Any) -> Array:
        r"""Return the log-odds that samples are real, in nats (n,): low values mean "unlike the training data".

        .. math:: s(x) = \log \sum_k \exp l_k(x)

        Compare with the values of held-out real samples, not with 0: on small data they lie well below those of the
        samples that `fit` saw.
        """
        return log_sum_exp(self._logits(X))

    def features(self, X: Any) -> Array:
        """Return the discriminator's features, those before the class logits, (n, n_features_out)."""
        check_is_fitted(self)
        return self._judge(self.game_.discriminator, X, lambda judged: judged[1])

    def novelty(self, X: Any, score: NoveltyScore = "realness") -> Array:
        r"""Return how unlike the training data samples are (n,): higher is stranger.

        References: realness: Improved Techniques for Training GANs (Salimans et al., 2016),
        https://arxiv.org/abs/1606.03498; probability: Hendrycks and Gimpel (2017), https://arxiv.org/abs/1610.02136;
        logit: Hendrycks et al. (2022), https://arxiv.org/abs/1911.11132; distance: Lee et al. (2018),
        https://arxiv.org/abs/1807.03888

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Samples.
        score : str, default="realness"
            ``"realness"``, the negative log-odds of being real; ``"max_probability"``, 1 less the largest probability;
            ``"entropy"`` of the class, in nats; ``"max_logit"``, the negative largest logit; or a squared Mahalanobis
            distance to the nearest class, standardized over training samples: ``"sample_distance"`` of scaled
            samples (the network serves to name the classes only), ``"feature_distance"`` the sum of that and the same
            of the last features, the first and last layer of the published sum over layers.

        Means and the shared covariance are those of at most 3000 training samples by their predicted classes.

        Raises
        ------
        ValueError
            There is no such score.
        """
        if score in ("feature_distance", "sample_distance"):
            of_samples, of_features = self._gaussians
            near = of_samples.standard_distance(self._flat(X))
            return near if score == "sample_distance" else near + of_features.standard_distance(self.features(X))
        logits = self._logits(X)
        return logit_novelty(logits, softmax(logits / self.temperature_), score)

    def predict_or_reject(
        self,
        X: Any,
        *,
        max_novelty: float | None = None,
        min_probability: float | None = None,
        score: NoveltyScore = "realness",
        rejected: Any = -1,
    ) -> Array:
        """Return the most probable classes (n,), or a mark where the classifier had better not answer.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Samples.
        max_novelty : float or None, default=None
            Samples with a larger :meth:`novelty` are rejected; take a high quantile of held-out samples' values.
        min_probability : float or None, default=None
            Samples whose class is less probable are rejected; :func:`gan_ext.metrics.threshold_at_risk` finds one.
        score : str, default="realness"
            The score of `max_novelty`.
        rejected : object, default=-1
            The mark, a number, text or None; with another type than the classes', the array has objects.

        Raises
        ------
        ValueError
            Neither limit is given, or the mark is a class.
        """
        if max_novelty is None and min_probability is None:
            raise ValueError("Give max_novelty or min_probability: without either nothing could be rejected.")
        check_is_fitted(self)
        given = {"max_novelty": max_novelty, "min_probability": min_probability, "rejected": rejected}
        check_values(_LIMITS, given, f"{type(self).__name__}.predict_or_reject")
        if rejected in self.classes_.tolist():
            raise ValueError(f"rejected={rejected!r} is a class; choose a mark that is none.")
        probabilities = self.predict_proba(X)
        refused = np.zeros(len(probabilities), bool)
        if min_probability is not None:
            refused |= probabilities.max(1) < min_probability
        if max_novelty is not None:
            refused |= self.novelty(X, score) > max_novelty
        answers: Array = self.classes_[probabilities.argmax(1)]
        same = np.asarray(rejected).dtype.kind == answers.dtype.kind == "i"
        answers = answers if same else answers.astype(object)
        answers[refused] = rejected
        return answers

    @count_first
    def sample(self, n_samples: int = 1, *, random_state: RandomState = None) -> Array:
        """Generate samples in the space of the data `fit` was given; of no class in particular.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        random_state : int, RandomState instance or None
            Decides the samples.

        Returns
        -------
        ndarray of shape (n_samples, ...)
        """
        check_is_fitted(self)
        return self._generate(self.game_.generator, lambda: self.game_.prior.sample(n_samples), random_state)

    def _logits(self, X: Any) -> Array:
        check_is_fitted(self)
        return self._judge(self.game_.discriminator, X, lambda judged: judged[0])

    def _settle(self, X: Array, seed: int, labels: Labels) -> None:
        """Set what follows from a finished fit: no temperature yet, and where the features of the classes lie."""
        self.temperature_ = 1.0
        some = X[np.random.default_rng(seed).permutation(len(X))[:_KEPT]]
        network = self.game_.discriminator
        classes = self._judge_checked(network, some, lambda judged: judged[0]).argmax(1)
        shown = np.flatnonzero(labels.known)[:_KEPT]
        told = self._judge_checked(network, X[shown], lambda judged: judged[0]).argmax(1)
        warn_of_chance(labels.codes[shown], told)
        features = self._judge_checked(network, some, lambda judged: judged[1])
        self._gaussians = (
            class_gaussians(self._flat_checked(some), classes, random_state=seed),
            class_gaussians(features, classes, random_state=seed),
        )

    def _flat(self, X: Any) -> Array:
        """Return scaled samples as rows (n, d)."""
        return self._flat_checked(self._read_data(X))

    def _flat_checked(self, X: Array) -> Array:
        scaled = self.scaler_.forward(X)
        rows: Array = scaled.reshape(len(scaled), -1).astype(np.float64)
        return rows
