"""What every classifier made of a K-logit game can do once it is fitted."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gan_ext.engine import resolve_device
from gan_ext.estimators.scaling import Scaler
from gan_ext.games import KPlusOne
from gan_ext.seeds import kept_generators, reseed

__all__ = ["GANClassifier"]

_ROWS = 4096  # samples judged at a time

Array = NDArray[Any]


class GANClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Prediction, realness and sampling by a fitted game; a subclass's `fit` sets the attributes below."""

    device: str
    classes_: Array
    sample_shape_: tuple[int, ...]
    scaler_: Scaler
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
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} must be at least 1.")
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        cpu = torch.device("cpu")
        with torch.no_grad(), kept_generators(cpu):
            reseed(cpu, seed)
            generated = self.game_.generator(self.game_.prior.sample(n_samples))
        return self.scaler_.inverse(generated.double().numpy())

    def _logits(self, X: Any) -> Array:
        check_is_fitted(self)
        if len(self.sample_shape_) > 1:  # of images scikit-learn would count channels, and call them features
            X = np.asarray(X)
            self._check_sample_shape(X)
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=False)
        self._check_sample_shape(X)
        device = resolve_device(self.device)
        scaled = torch.tensor(self.scaler_.forward(X))
        # In the precision of the data: one sample then gets the same logits alone as among others.
        network = copy.deepcopy(self.game_.discriminator).to(device, scaled.dtype)
        with torch.no_grad():
            parts = [network(part.to(device))[0].double().cpu() for part in scaled.split(_ROWS)]
        logits: Array = torch.cat(parts).numpy()
        return logits

    def _check_sample_shape(self, X: Array) -> None:
        if X.shape[1:] != self.sample_shape_:
            raise ValueError(f"X has samples of shape {X.shape[1:]}, but fit was given {self.sample_shape_}.")
