"""Labeled texts steer a model of texts that is fitted already: three lines, and its weights stay as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import ArrayStream, LabeledTokens
from gan_ext.engine import (
    Callback,
    Compute,
    Engine,
    Every,
    SaveEvery,
    adam,
    cosine,
    read_tensors,
    resolve_device,
    write_tensors,
)  # fmt: skip
from gan_ext.estimators.base.checks import check_integers
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import PrefixClassifier
from gan_ext.plug_and_play import ClassAttribute, Evidence, Proposal, SteeredSequences, SteeringMethod
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.sequences import evaluating

__all__ = ["SteeredSequenceGAN"]

Array = NDArray[Any]


class SteeredSequenceGAN(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""A fitted :class:`~gan_ext.SequenceGAN` that writes texts with a label, by a classifier of beginnings.

    .. math:: \pi(x) \propto p(x) \, p(y \mid x)^s

    ``steered = gan.steer(texts, labels)`` trains a small classifier, and ``steered.sample(10, label="happy")`` draws.
    The generator p is not trained again, so that one generator serves any number of labelings.

    References: FUDGE (Yang and Klein, 2021), https://arxiv.org/abs/2104.05218

    Parameters
    ----------
    model : SequenceGAN
        Fitted; it is not changed, and not copied.
    method : object or None
        How texts are drawn: an object of :mod:`gan_ext.plug_and_play` such as ``Reweighting()``,
        ``SequentialMonteCarlo(particles=8)``, ``HiddenGradient()``, ``Rejection()`` or ``BestOf(8)``.  None for
        ``Reweighting()``, which costs least.
    classifier : callable or None
        Makes the classifier from (vocabulary, classes, start, end), such as
        ``functools.partial(PrefixClassifier, hidden=256)``; None for the default one.
    max_iter : int
        Steps of its training.
    batch_size : int
        Texts of a batch.
    learning_rate : float
        Falls to zero along half a cosine.
    validation_fraction : float
        Share of the texts held out; the weights that do best on them are kept.  0 keeps the last ones.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    checkpoint : str, Path or None
        A folder for checkpoints; a fit that was killed goes on from there bit for bit.
    checkpoint_every : int
        Steps between checkpoints.
    callbacks : sequence of callables
        Called with the engine after every step.
    random_state : int, RandomState instance or None
        Decides everything random in `fit`.

    Attributes
    ----------
    classifier_ : PrefixClassifier
        What says the label from a beginning.
    classes_ : ndarray
        The labels.
    history_ : list of dict
        Mean negative log-likelihood of labels over beginnings, in nats: of batches, and of held-out texts.
    n_iter_ : int
        Steps done.

    Raises
    ------
    NotFittedError
        `model` is not fitted.
    ValueError
        A setting out of range, or labels that do not fit the texts, or fewer than two of them.
    """

    def __init__(
        self,
        model: Any,
        *,
        method: SteeringMethod | Proposal | None = None,
        classifier: Callable[..., nn.Module] | None = None,
        max_iter: int = 500,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        validation_fraction: float = 0.1,
        device: str = "auto",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 200,
        callbacks: Sequence[Callback] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.method = method
        self.classifier = classifier
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.device = device
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Train the classifier of beginnings on labeled texts; those longer than the model's are cut.

        Parameters
        ----------
        X : list of str or of lists of tokens
            As `model` was given.
        y : array-like of shape (n,)
            A label for each, of at least two kinds.

        Returns
        -------
        self
        """
        self._check()
        corpus, labels = self.model.corpus_, np.asarray(y)
        tokens = corpus.encode(X)
        if labels.shape != (len(tokens),):
            raise ValueError(f"y must have shape ({len(tokens)},), a label for each text, got {labels.shape}.")
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one label only, {self.classes_.tolist()[0]!r}; a classifier needs texts without it, too."
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with kept_generators(torch.device("cpu")):
            reseed(torch.device("cpu"), seed)
            make: Callable[..., nn.Module] = PrefixClassifier if self.classifier is None else self.classifier
            made: Any = make(len(corpus.vocabulary), len(self.classes_), start=corpus.start, end=corpus.end)
        self._train(made, LabeledTokens(tokens, torch.from_numpy(numbers)), seed)
        self.classifier_ = made.cpu().eval()
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        label: Any,
        strength: float = 1.0,
        method: SteeringMethod | Proposal | None = None,
        prefix: str | Sequence[str] = "",
        labels: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[Any]:
        """Write texts with a label.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        label : one of `classes_`
            What they shall have.
        strength : float
            s, at least 0: 0 is the model as it is, 1 Bayes' rule, more insists.
        method : object or None
            In place of `method` of this estimator.
        prefix, labels, random_state
            As in ``SequenceGAN.sample``; `labels` are the classes of a class-conditional model.
        """
        if not isinstance(n_samples, int | np.integer) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} must be an integer, at least 1.")
        steering = self.steering(label, method)
        start, random = self.model._prefix(prefix, n_samples), check_random_state(random_state)
        classes = self.model._class_numbers(labels, n_samples, random)
        with self.model._placed() as device:
            self.classifier_.to(device)
            try:
                tokens = steering.sample(
                    int(n_samples), strength, seed=int(random.randint(2**31 - 1)),
                    labels=None if classes is None else classes.to(device),
                    prefix=None if start is None else start.to(device),
                ).cpu()  # fmt: skip
            finally:
                self.classifier_.cpu()
        texts: list[Any] = self.model.corpus_.text(tokens)
        return texts

    def steering(self, label: Any, method: SteeringMethod | Proposal | None = None) -> SteeredSequences:
        """Return what draws token numbers with a label: for costs, evidence and exact probabilities."""
        check_is_fitted(self)
        if label not in self.classes_.tolist():
            raise ValueError(f"label={label!r} must be one of {self.classes_.tolist()}.")
        attribute = ClassAttribute(self.classifier_, self.classes_.tolist().index(label))
        return SteeredSequences(self.model.generator_, attribute, self.method if method is None else method)

    def log_evidence(self, label: Any, n_samples: int = 1000, random_state: int | None = None) -> Evidence:
        """Estimate the log-probability in nats that the unsteered model writes a text with this label."""
        return self.steering(label).evidence(n_samples, seed=0 if random_state is None else random_state)

    def predict_proba(self, X: Any) -> Array:
        """Return the labels' probabilities of whole texts (n, classes)."""
        check_is_fitted(self)
        rows = self.model.corpus_.encode(X).split(256)
        with torch.no_grad(), evaluating(self.classifier_):
            known: Array = torch.cat([self.classifier_.of_whole(part) for part in rows]).double().exp().numpy()
        return known

    def predict(self, X: Any) -> Array:
        """Return the likeliest label of each text (n,)."""
        labels: Array = self.classes_[self.predict_proba(X).argmax(1)]
        return labels

    def _train(self, classifier: Any, data: LabeledTokens, seed: int) -> None:
        order = torch.randperm(len(data.tokens), generator=torch.Generator().manual_seed(mix(seed, 3)))
        held = min(round(self.validation_fraction * len(order)), len(order) - 1)
        train, away = (LabeledTokens(*(part[rows] for part in data)) for rows in (order[held:], order[:held]))
        engine = Engine(
            MaximumLikelihood(classifier, classifier.log_likelihood),
            {"model": adam(self.learning_rate, betas=(0.9, 0.999))}, seed=seed, clip=5.0,
            schedules={"model.lr": cosine(self.learning_rate, 0.0, self.max_iter)}, compute=Compute(self.device),
        )  # fmt: skip
        folder = None if self.checkpoint is None else Path(self.checkpoint)
        if folder is not None:
            engine.resume(folder)
        best = _Best(classifier, away, folder)
        saving = [] if folder is None else [SaveEvery(self.checkpoint_every, folder)]
        look = Every(max(1, self.max_iter // 20), best)
        engine.fit(ArrayStream(train, self.batch_size, seed), self.max_iter, [look, *self.callbacks, *saving])
        best.restore()
        self.history_, self.n_iter_ = engine.history, engine.step

    def _check(self) -> None:
        check_is_fitted(self.model)
        if not hasattr(self.model, "corpus_"):
            raise ValueError(f"model={self.model!r} must be a fitted SequenceGAN.")
        check_integers(self, max_iter=1, batch_size=1, checkpoint_every=1)
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate={self.learning_rate!r} must be positive.")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction={self.validation_fraction!r} must be in [0, 1).")
        resolve_device(self.device)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags


class _Best:
    """Keeps the weights that do best on held-out texts."""

    def __init__(self, classifier: Any, held_out: LabeledTokens, folder: Path | None) -> None:
        self.classifier, self.held_out = classifier, held_out
        self.path = None if folder is None else folder / "best.safetensors"
        self.kept: dict[str, Tensor] | None = None
        if self.path is not None and self.path.exists():
            self.kept = read_tensors(self.path).tensors

    def __call__(self, engine: Engine) -> None:
        known = engine.meters.read()
        if not len(self.held_out.tokens):
            engine.record(**known)
            return
        cost = self._cost(engine.device)
        if cost < min((entry["held_out"] for entry in engine.history), default=float("inf")):
            self.kept = {name: value.detach().cpu().clone() for name, value in self.classifier.state_dict().items()}
            if self.path is not None:
                write_tensors(self.path, self.kept, {"step": engine.step})
        engine.record(**known, held_out=cost)

    def restore(self) -> None:
        """Give the classifier the best weights, if any were kept."""
        if self.kept is not None and len(self.held_out.tokens):
            self.classifier.load_state_dict(self.kept)

    def _cost(self, device: torch.device) -> float:
        rows = range(0, len(self.held_out.tokens), 256)
        parts = [LabeledTokens(*(part[row : row + 256].to(device) for part in self.held_out)) for row in rows]
        with torch.no_grad(), evaluating(self.classifier):
            return -float(torch.cat([self.classifier.log_likelihood(part) for part in parts]).mean())
