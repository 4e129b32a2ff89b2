"""What every classifier made of a K-logit game can do once it is fitted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from gan_ext.estimators.base import GANEstimator
from gan_ext.estimators.checks import check_count
from gan_ext.games import KPlusOne

__all__ = ["GANClassifier"]

Array = NDArray[Any]


class GANClassifier(ClassifierMixin, GANEstimator):  # type: ignore[misc]
    """Prediction, realness and sampling by a fitted game; a subclass's `fit` sets the attributes below."""

    classes_: Array
    game_: KPlusOne

    def decision_function(self, X: Any) -> Array:
        """Return class logits: (n, n_classes), or for two classes the second's less the first's (n,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, given that the samples are real, (n, n_classes)."""
        logits = self._logits(X)
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        probabilities: Array = exponentials / exponentials.sum(1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> Array:
        """Return the most probable classes (n,)."""
        logits = self._logits(X)
        predicted: Array = self.classes_[logits.argmax(1)]
        return predicted

    def realness(self, X: Any) -> Array:
        r"""Return the log-odds that samples are real, in nats (n,): low values mean "unlike the training data".

        .. math:: s(x) = \log \sum_k \exp l_k(x)

        Compare with the values of held-out real samples, not with 0: on small data they lie well below those of the
        samples that `fit` saw.
        """
        logits = self._logits(X)
        largest = logits.max(1)
        log_odds: Array = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
        return log_odds

    def sample(self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None) -> Array:
        """Generate samples in the space of the data `fit` was given.

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
        check_count("n_samples", n_samples)
        return self._generate(self.game_.generator, lambda: self.game_.prior.sample(n_samples), random_state)

    def _logits(self, X: Any) -> Array:
        check_is_fitted(self)
        return self._judge(self.game_.discriminator, X, lambda judged: judged[0])
