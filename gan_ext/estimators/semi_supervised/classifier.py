"""A semi-supervised classifier made of a GAN, behind scikit-learn's interface."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import DataDevice, SemiStream
from gan_ext.engine import Callback, Solver, Turns, adam
from gan_ext.estimators.base.assembly import spacing
from gan_ext.estimators.base.estimator import new_seed, on_cpu
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.base.parameters import SHARED_CONSTRAINTS, check_parameters
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.base.stopped import check_kept, whole_or_undone
from gan_ext.estimators.semi_supervised.assembly import CLASSIFIER_CONSTRAINTS, build_game, build_schedules
from gan_ext.estimators.semi_supervised.fitted import GANClassifier
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.terms import GeneratorTerm, Term

__all__ = ["SemiSupervisedGANClassifier"]

Array = NDArray[Any]


_KEPT = (  # what the game of the last fit is made of
    "hidden_layer_sizes", "noise", "input_noise", "latent_dim", "generator", "discriminator", "unsupervised",
    "balance", "class_prior", "class_weight", "open_set", "terms", "augment",
)  # fmt: skip


class SemiSupervisedGANClassifier(GANClassifier):
    r"""Classifier that learns from few labels and much unlabeled data by playing a GAN.

    A discriminator with K class logits :math:`l_k` tells the classes apart on labeled samples and, with the same
    logits, real data from generated: :math:`p(\text{real} \mid x) = \sigma(\log\sum_k e^{l_k(x)})`.  A generator moves
    the mean of the discriminator's features to that of real data.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Parameters
    ----------
    labeled_batch_size : int, default=32
        Labeled samples in a step, repeated as needed.
    hidden_layer_sizes : sequence of int, default=(256, 128, 128)
        Units of the discriminator's hidden layers, for tables (n, d).
    noise : float, default=0.3
        Standard deviation of the noise before every hidden layer but the first, in units of the activations.
    input_noise : float, default=0.1
        Length of the noise on inputs, as a share of the distance between neighbors.
    unsupervised : float, default=1.0
        Weight of telling real data from generated; with 0 the game is left out of the classifier.
    entropy : float, default=0.3
        Weight of the conditional entropy of the class on unlabeled data, reached after six tenths of training; pushes
        class boundaries away from data.
    balance : float, default=1.0
        Weight of the divergence between the mix of predicted classes and that of the labeled samples (counted with
        one more of each).  Set it to 0, or state `class_prior`, if labels were not drawn in proportion to the classes.
    smoothing : float, default=1.0
        Weight of virtual adversarial smoothing: the class should not change within a small ball around a sample.
    smoothing_radius : float, default=1.5
        Radius of that ball, as a share of the distance between neighbors (median distance to the tenth nearest); held
        for half of training, then falling to a fifth.
    class_prior : {"uniform", "labeled"}, sequence or None, default=None
        The mix of classes for `balance`: all alike, that of the labeled samples, or a share for each class in order;
        None is that of the labeled samples with one more of each.
    class_weight : {"balanced"}, dict or None, default=None
        What a class counts in the supervised loss: ``"balanced"`` for all the same, however many labeled samples each
        has, or weights by class (1 where none is given).
    open_set : bool, default=False
        Whether unlabeled samples may be of classes that no label names: the discriminator then learns less from those
        it is unsure of (:func:`gan_ext.losses.familiarity`); a step takes about a third longer.
    terms : sequence of terms, default=()
        Further ingredients of the objective, from :mod:`gan_ext.terms`, such as ``(PullAway(0.8), MeanTeacher())``.
        One that is already there by `entropy`, `balance` or `smoothing` takes that one's place, with its own weight.
        They are copied: `fit` does not change them.
    augment : callable or None, default=None
        A random transformation that keeps the class, of scaled labeled samples ``[B, ...]``, such as
        :class:`gan_ext.data.RandomAffine`; terms take their own.
    generator : callable or None, default=None
        ``generator(shape, latent_dim, output=activation)`` returns a module from z to samples of that shape.  None
        takes a perceptron for tables and convolutions for images.
    discriminator : callable or None, default=None
        ``discriminator(shape, n_classes)`` returns a module from samples to (logits, features).
    latent_dim : int, default=50
        Coordinates of the generator's prior, uniform on [0, 1].
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    unlabeled : object, default=-1
        What stands for "no label" in `y`; None if every sample has one.
    classes : sequence or None, default=None
        All classes, if known; found in `y` if None.
    allow_empty_classes : bool, default=False
        Whether a class of `classes` may have no labeled sample.
    max_iter : int, default=600
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=100
        Unlabeled samples in a step, at least 2.
    learning_rate : float, default=3e-3
        Step size of both players; flat for the first half of training, then falling to 0.
    solver : Solver, tuple or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Extragradient`, or a tuple of players in the order of their
        moves; None lets each player move once, one after the other.
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for any.
    averaging : float, default=0.99
        Decay of the averaged weights that predict, per step.
    device : str, default="auto"
        ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    data_device : {"auto", "cpu", "cuda"}, default="auto"
        Where data lie while a GPU trains: there, on the host (batches are copied ahead), or as memory is free.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training; ``"bfloat16"`` is faster on processors that have it.
    checkpoint : path or None, default=None
        Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.
    checkpoint_every : int, default=500
        Steps between checkpoints.
    verbose : bool or int, default=False
        Whether to print the mean losses, ten times in all.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the game of the last `fit`, with its networks and terms; not together with
        `checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and noise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Size of the second axis of `X`.
    sample_shape_ : tuple of int
        Shape of one sample.
    game_ : KPlusOne
        The networks, with averaged weights, on the CPU.
    history_ : list of dict
        Mean losses of both players over every fiftieth of training.
    n_iter_ : int
        Steps done.
    temperature_ : float
        What logits are divided by in `predict_proba`: 1, or what `calibrate` found.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_ext import SemiSupervisedGANClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-2, 1, (100, 2)), rng.normal(2, 1, (100, 2))])
    >>> y = np.where(np.arange(200) % 100 < 2, np.repeat([0, 1], 100), -1)
    >>> model = SemiSupervisedGANClassifier(max_iter=200, random_state=0).fit(X, y)
    >>> model.predict([[-2.0, -2.0], [2.0, 2.0]])
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {**SHARED_CONSTRAINTS, **CLASSIFIER_CONSTRAINTS}
    _spacing: float

    def __init__(
        self,
        *,
        labeled_batch_size: int = 32,
        hidden_layer_sizes: Sequence[int] = (256, 128, 128),
        noise: float = 0.3,
        input_noise: float = 0.1,
        unsupervised: float = 1.0,
        entropy: float = 0.3,
        balance: float = 1.0,
        smoothing: float = 1.0,
        smoothing_radius: float = 1.5,
        class_prior: str | Sequence[float] | None = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        open_set: bool = False,
        terms: Sequence[Term | GeneratorTerm] = (),
        augment: Callable[[Tensor], Tensor] | None = None,
        generator: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        latent_dim: int = 50,
        scaling: Scaling = "auto",
        unlabeled: Any = -1,
        classes: Sequence[Any] | None = None,
        allow_empty_classes: bool = False,
        max_iter: int = 600,
        batch_size: int = 100,
        learning_rate: float = 3e-3,
        solver: Solver | Turns | None = None,
        clip: float | None = None,
        averaging: float = 0.99,
        device: str = "auto",
        data_device: DataDevice = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 500,
        verbose: bool | int = False,
        callbacks: Sequence[Callback] = (),
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.labeled_batch_size = labeled_batch_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.noise = noise
        self.input_noise = input_noise
        self.unsupervised = unsupervised
        self.entropy = entropy
        self.balance = balance
        self.smoothing = smoothing
        self.smoothing_radius = smoothing_radius
        self.class_prior = class_prior
        self.class_weight = class_weight
        self.open_set = open_set
        self.terms = terms
        self.augment = augment
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.scaling = scaling
        self.unlabeled = unlabeled
        self.classes = classes
        self.allow_empty_classes = allow_empty_classes
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
    def fit(self, X: Any, y: Any) -> Self:
        """Train on labeled and unlabeled samples.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            All samples, labeled or not.
        y : array-like of shape (n,)
            Their classes, integers or strings; `unlabeled` where there is none.

        Returns
        -------
        self
        """
        check_parameters(self)
        if self.allow_empty_classes and self.classes is None:
            raise ValueError("allow_empty_classes=True needs `classes`, the list of all classes.")
        X, y = self._read_training_data(X, y, reset=not self._goes_on())
        labels = read_labels(y, self.unlabeled, self.classes, self.allow_empty_classes)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, labels.codes)
        self._take_up(X, labels, seed)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        running, game = Running.of(self), self._next_game(data, labels, seed)
        optimizers = dict.fromkeys(("discriminator", "generator"), adam(self.learning_rate, eps=1e-4))
        engine = running.engine(game, optimizers, seed, build_schedules(game, self, self._spacing))
        running.fit(engine, self._stream(data, labels, seed), self.max_iter)
        averaged, raw = on_cpu(engine.averaged), on_cpu(engine.game)
        assert isinstance(averaged, KPlusOne)
        assert isinstance(raw, KPlusOne)
        self.game_, self._raw_game, self.history_, self.n_iter_ = averaged, raw, list(engine.history), engine.step
        self._settle(X, seed, labels)
        self._warn_of_divergence(X)
        return self

    def _take_up(self, X: Array, labels: Labels, seed: int) -> None:
        """Set what depends on the data: classes and scale, unless those of the last fit are kept."""
        if labels.known.all() and self.unlabeled is not None:
            warnings.warn("y has no unlabeled sample: training is supervised, all samples are real.", stacklevel=4)
        if self._goes_on():
            check_kept(self, *_KEPT)
            self._check_as_before(X.shape[1:], labels.classes)
            return
        self.classes_, self.sample_shape_ = labels.classes, X.shape[1:]
        self.scaler_ = Scaler(self.scaling, X)
        self._spacing = spacing(self.scaler_.forward(X), seed)

    def _next_game(self, data: Tensor, labels: Labels, seed: int) -> KPlusOne:
        return (
            copy.deepcopy(self._raw_game)
            if self._goes_on()
            else build_game(self, data, labels, self._spacing, self.scaler_.kind == "minmax", seed)
        )

    def _stream(self, data: Tensor, labels: Labels, seed: int) -> SemiStream[SemiBatch]:
        codes, known = torch.from_numpy(labels.codes[labels.known]), torch.from_numpy(labels.known)
        return SemiStream(SemiBatch, data[known], codes, data, self.batch_size, self.labeled_batch_size, seed=seed)
