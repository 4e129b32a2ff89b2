"""What a steered model of sequences can do once it is fitted: write texts with a label, and tell labels of texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from gan_ext.estimators.base.checks import check_count, count_first, drawing
from gan_ext.estimators.base.estimator import new_seed
from gan_ext.estimators.base.labels import class_numbers
from gan_ext.estimators.evaluation.measuring import accuracy_row
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.estimators.evaluation.texts import TextModel, evaluate_text
from gan_ext.estimators.sequences.fitted import FittedSequenceModel
from gan_ext.nets import PrefixClassifier
from gan_ext.plug_and_play import ClassAttribute, Evidence, Proposal, SteeredSequences, SteeringMethod
from gan_ext.sequences import evaluating

__all__ = ["FittedSteeredModel"]

Array = NDArray[Any]


class FittedSteeredModel:
    """The methods of :class:`gan_ext.SteeredSequenceGAN` that need a fit; its `fit` sets the attributes below."""

    model: FittedSequenceModel | FrozenEstimator
    method: SteeringMethod | Proposal | None
    classifier_: PrefixClassifier
    classes_: Array
    class_prior_: Array

    @count_first
    def sample(
        self,
        n_samples: int | None = 1,
        *,
        y: ArrayLike | None = None,
        generator_y: ArrayLike | None = None,
        strength: float = 1.0,
        method: SteeringMethod | Proposal | None = None,
        prefix: str | Sequence[str] = "",
        random_state: int | np.random.RandomState | None = None,
    ) -> list[Any]:
        """Write texts with labels.

        Parameters
        ----------
        n_samples : int or None
            How many, at least 1; with a label for each in `y`, None and 1 mean as many as there are.
        y : one of `classes_`, array-like of shape (n_samples,) or None
            What they shall have: one label for all, or one for each; None draws labels, all with the same probability.
        generator_y : one class, array-like of shape (n_samples,) or None
            Classes of a class-conditional model, as `y` in ``SequenceGAN.sample``.
        strength : float
            s, at least 0: 0 is the model as it is, 1 Bayes' rule, more insists.
        method : object or None
            In place of `method` of this estimator.
        prefix : str or list of str
            What every text begins with, as in ``SequenceGAN.sample``.
        random_state : int, RandomState instance or None
            Decides the texts.

        Raises
        ------
        ValueError
            A value out of its range, or labels or classes that `fit` did not see.
        """
        check_is_fitted(self)
        random = drawing(random_state)
        if y is None:
            y = self.classes_[random.randint(len(self.classes_), size=1 if n_samples is None else int(n_samples))]
        numbers = class_numbers(y, n_samples, self.classes_)
        start = self._writer._prefix(prefix, len(numbers))
        own = self._writer._wanted(generator_y, len(numbers), random, "generator_y").classes
        tokens = torch.zeros(len(numbers), self._writer.corpus_.length, dtype=torch.int64)
        with self._writer._placed() as device:
            self.classifier_.to(device)
            try:
                for number in np.unique(numbers).tolist():
                    rows = torch.from_numpy(np.flatnonzero(numbers == number))
                    tokens[rows] = self._steering(number, method).sample(
                        len(rows), strength, random_state=random,
                        labels=None if own is None else own[rows].to(device),
                        prefix=None if start is None else start[rows].to(device),
                    ).cpu()  # fmt: skip
            finally:
                self.classifier_.cpu()
        texts: list[Any] = self._writer.corpus_.text(tokens)
        return texts

    def steering(self, y: Any, method: SteeringMethod | Proposal | None = None) -> SteeredSequences:
        """Return what draws token numbers with the label `y`: for costs, evidence and exact probabilities."""
        check_is_fitted(self)
        return self._steering(int(class_numbers(y, 1, self.classes_)[0]), method)

    def log_evidence(
        self, y: Any, n_samples: int = 1000, random_state: int | np.random.RandomState | None = None
    ) -> Evidence:
        """Estimate the log-probability in nats that the unsteered model writes a text with the label `y`."""
        check_count("n_samples", n_samples)
        return self.steering(y).evidence(n_samples, random_state=new_seed(random_state))

    def _steering(self, number: int, method: SteeringMethod | Proposal | None) -> SteeredSequences:
        chosen = self.method if method is None else method
        return SteeredSequences(self._writer.generator_, ClassAttribute(self.classifier_, number), chosen)

    def predict_proba(self, X: Any) -> Array:
        """Return the labels' probabilities of whole texts (n, classes)."""
        check_is_fitted(self)
        rows = self._writer.corpus_.encode(X).split(256)
        with torch.no_grad(), evaluating(self.classifier_):
            known: Array = torch.cat([self.classifier_.of_whole(part) for part in rows]).double().exp().numpy()
        return known

    def predict(self, X: Any) -> Array:
        """Return the likeliest label of each text (n,)."""
        labels: Array = self.classes_[self.predict_proba(X).argmax(1)]
        return labels

    def evaluate_samples(self, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int) -> Evaluation:
        """Return the table of :func:`gan_ext.evaluate` for texts; arguments as there.

        The labels of the texts that are measured are drawn by their shares in `fit`, `class_prior_`; with `y` there is
        the accuracy of :meth:`predict`, too.
        """
        check_is_fitted(self)

        def make(n: int, seed: int) -> list[Any]:
            labels = np.random.RandomState(seed).choice(self.classes_, n, p=self.class_prior_)
            return self.sample(n, y=labels, random_state=seed)

        def rows() -> list[EvaluationRow]:
            return [] if y is None else [accuracy_row(self.predict(X) == np.asarray(y))]

        model = TextModel(type(self).__name__, self._writer.corpus_, make, rows)
        return evaluate_text(model, X, y, n, training, resamples, random_state)

    @property
    def _sample_size(self) -> int:
        """Tokens of a text, at most."""
        return self._writer.corpus_.length

    @property
    def _writer(self) -> FittedSequenceModel:
        """The fitted model itself, out of scikit-learn's FrozenEstimator if it is in one."""
        inner: FittedSequenceModel = self.model.estimator if isinstance(self.model, FrozenEstimator) else self.model
        return inner
