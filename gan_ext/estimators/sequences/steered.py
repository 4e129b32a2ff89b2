"""SteeredSequenceGAN: controlled generation by a fitted model of texts and a classifier of prefixes (FUDGE)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn
from typing_extensions import Self

from gan_ext.data import ArrayStream, DataDevice, LabeledTokens
from gan_ext.engine import Callback, Every, Solver, Turns, adam, cosine
from gan_ext.estimators.base.assembly import claim_folder
from gan_ext.estimators.base.estimator import FREE, new_seed
from gan_ext.estimators.base.labels import every_label
from gan_ext.estimators.base.parameters import SHARED_CONSTRAINTS, Constraint, callable_or_none, check_parameters, share
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.sequences.fitted import FittedSequenceModel
from gan_ext.estimators.sequences.fitted_steered import FittedSteeredModel
from gan_ext.estimators.sequences.selection import KeepsBest, build_classifier
from gan_ext.estimators.sequences.training import split, take
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import PrefixClassifier
from gan_ext.plug_and_play import Proposal, SteeringMethod

__all__ = ["SteeredSequenceGAN"]

Array = NDArray[Any]


class SteeredSequenceGAN(ClassifierMixin, FittedSteeredModel, BaseEstimator):  # type: ignore[misc]
    r"""A fitted :class:`~gan_ext.SequenceGAN` that writes texts with a label, by a classifier of prefixes.

    .. math:: \pi(x) \propto p(x) \, p(y \mid x)^s

    ``steered = gan.steer(texts, labels)`` trains a small classifier, and ``steered.sample(10, y="happy")`` draws.
    The generator p is not trained again, so that one generator serves any number of labelings.

    References: FUDGE (Yang and Klein, 2021), https://arxiv.org/abs/2104.05218

    Parameters
    ----------
    model : SequenceGAN
        Fitted, perhaps in scikit-learn's ``FrozenEstimator``; it is not changed, and not copied, not by ``clone``
        either: copies of this estimator share it, so that cross-validation trains classifiers only.
    method : object or None
        How texts are drawn: an object of :mod:`gan_ext.plug_and_play` such as ``Reweighting()``,
        ``SequentialMonteCarlo(particles=8)``, ``HiddenGradient()``, ``Rejection()`` or ``BestOf(8)``.  None for
        ``Reweighting()``, which costs least.
    classifier : callable or None
        Makes the classifier from (vocabulary, classes, start, end), such as
        ``functools.partial(PrefixClassifier, hidden=256)``; None for the default one.
    validation_fraction : float, default=0.1
        Share of the texts held out; the weights that do best on them are kept.  0 keeps the last ones.
    max_iter : int, default=500
        Steps of the classifier's training.
    batch_size : int, default=64
        Texts in a step, at least 2.
    learning_rate : float, default=5e-3
        Step size, falling to zero along half a cosine.
    solver : Solver, tuple or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Lookahead`, or who moves when; None for plain steps.
    clip : float or None, default=5.0
        Largest norm of the gradient, for training that blows up; None for none.
    averaging : float, default=0.0
        Decay of the averaged weights that judge, per step; 0 for none.
    device : str, default="auto"
        ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    data_device : {"auto", "cpu", "cuda"}, default="auto"
        Where data lie while a GPU trains: there, on the host (batches are copied ahead), or as memory is free.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training; ``"bfloat16"`` is faster on processors that have it.
    checkpoint : path or None, default=None
        Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.
    checkpoint_every : int, default=200
        Steps between checkpoints.
    verbose : bool, default=False
        Whether to print how it goes, ten lines.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the classifier of the last `fit`, of the same labels; not together with `checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and noise.

    Attributes
    ----------
    classifier_ : PrefixClassifier
        What says the label from a prefix.
    classes_ : ndarray
        The labels.
    class_prior_ : ndarray
        Their shares among the texts that `fit` was given.
    history_ : list of dict
        Mean negative log-likelihood of labels over prefixes, in nats: of batches, and of held-out texts.
    n_iter_ : int
        Steps done.

    Raises
    ------
    NotFittedError
        `model` is not fitted.
    ValueError
        A setting out of range, or labels that do not fit the texts, or fewer than two of them.
    """

    history_: list[dict[str, Any]]
    n_iter_: int

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SHARED_CONSTRAINTS,
        "model": [
            FittedSequenceModel,
            Constraint(
                "a FrozenEstimator of one",
                lambda value: isinstance(value, FrozenEstimator) and isinstance(value.estimator, FittedSequenceModel),
            ),
        ],
        "method": [SteeringMethod, Proposal, None],
        "classifier": callable_or_none(),
        "validation_fraction": [share()],
    }

    def __init__(
        self,
        model: FittedSequenceModel | FrozenEstimator,
        *,
        method: SteeringMethod | Proposal | None = None,
        classifier: Callable[..., nn.Module] | None = None,
        validation_fraction: float = 0.1,
        max_iter: int = 500,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        solver: Solver | Turns | None = None,
        clip: float | None = 5.0,
        averaging: float = 0.0,
        device: str = "auto",
        data_device: DataDevice = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 200,
        verbose: bool = False,
        callbacks: Sequence[Callback] = (),
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.method = method
        self.classifier = classifier
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.solver = solver
        self.clip = clip
        self.averaging = averaging
        self.device = device
        self.data_device = data_device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state

    @whole_or_undone
    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Train the classifier of prefixes on labeled texts; those longer than the model's are cut.

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
        check_parameters(self)
        check_is_fitted(self._writer)
        tokens = self._writer.corpus_.encode(X)
        labels = np.asarray(every_label(y, remedy="give that label another name"))
        if labels.shape != (len(tokens),):
            raise ValueError(f"y must have shape ({len(tokens)},), a label for each text of X, got {labels.shape}.")
        check_classification_targets(labels)
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y has one label only, {classes.tolist()[0]!r}; a classifier needs texts without it, too."
            )
        before = self.classifier_ if self.warm_start and hasattr(self, "classifier_") else None
        if before is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True needs the labels {self.classes_.tolist()} as before, got {classes.tolist()}."
            )
        seed = new_seed(self.random_state)
        made = build_classifier(self.classifier, self._writer.corpus_, len(classes), seed)
        if before is not None:
            take(made, before, "classifier")
        self._train(made, LabeledTokens(tokens, torch.from_numpy(numbers)), seed)
        self.classifier_, self.classes_ = made.cpu().eval(), classes
        self.class_prior_ = np.bincount(numbers) / len(numbers)
        return self

    def _train(self, classifier: PrefixClassifier, data: LabeledTokens, seed: int) -> None:
        train, held_out = split(data, self.validation_fraction, seed)
        running, rate = Running.of(self), float(self.learning_rate)
        if running.checkpoint is not None:
            free = {*FREE, "model", "method"}
            settings = {name: value for name, value in self.get_params(deep=False).items() if name not in free}
            claim_folder(running.checkpoint, data.tokens.numpy(), data.labels.numpy(), settings)
        game = MaximumLikelihood(classifier, classifier.log_likelihood)
        schedules = {"model.lr": cosine(rate, 0.0, self.max_iter)}
        engine = running.engine(game, {"model": adam(rate, betas=(0.9, 0.999))}, seed, schedules)
        keeper = KeepsBest(held_out, running.checkpoint)
        look = Every(max(1, self.max_iter // 20), keeper)
        running.fit(engine, ArrayStream(train, self.batch_size, seed), self.max_iter, first=[look])
        classifier.load_state_dict(keeper.best(engine))
        self.history_, self.n_iter_ = engine.history, engine.step

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy with the same fitted model, not a copy of it."""
        copied: Self = super().__sklearn_clone__()
        copied.model = self.model
        return copied

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags
