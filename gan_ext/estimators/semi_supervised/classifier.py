"""A semi-supervised classifier made of a GAN, behind scikit-learn's interface."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import SemiStream
from gan_ext.engine import Callback, Compute, Engine, Solver, adam
from gan_ext.estimators.base.assembly import build_schedules, spacing
from gan_ext.estimators.base.checks import check_settings
from gan_ext.estimators.base.estimator import new_seed, on_cpu
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.semi_supervised.assembly import build_game
from gan_ext.estimators.semi_supervised.fitted import GANClassifier
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.terms import GeneratorTerm, Term

__all__ = ["SemiSupervisedGANClassifier"]

Array = NDArray[Any]


class SemiSupervisedGANClassifier(GANClassifier):
    r"""Classifier that learns from few labels and much unlabeled data by playing a GAN.

    A discriminator with K class logits :math:`l_k` tells the classes apart on labeled samples and, with the same
    logits, real data from generated: :math:`p(\text{real} \mid x) = \sigma(\log\sum_k e^{l_k(x)})`.  A generator moves
    the mean of the discriminator's features to that of real data.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Parameters
    ----------
    max_iter : int, default=600
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=100
        Unlabeled samples in a step, at least 2.
    labeled_batch_size : int, default=32
        Labeled samples in a step, repeated as needed.
    learning_rate : float, default=3e-3
        Of both players; flat for the first half of training, then falling to 0.
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
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for none.
    solver : Solver or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Extragradient`; None lets each player move once, one after
        the other.
    averaging : float, default=0.99
        Decay of the averaged weights that predict, per step.
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
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last `fit`; not together with `checkpoint`.
    device : str, default="auto"
        ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training; ``"bfloat16"`` is faster on processors that have it.
    checkpoint : path or None, default=None
        Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.
    checkpoint_every : int, default=500
        Steps between checkpoints.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of `fit`.
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
    >>> y = np.full(200, -1)
    >>> y[[0, 1, 100, 101]] = 0, 0, 1, 1
    >>> model = SemiSupervisedGANClassifier(max_iter=200, random_state=0).fit(X, y)
    >>> model.predict([[-2.0, -2.0], [2.0, 2.0]])
    array([0, 1])
    """

    _raw_game: KPlusOne
    _spacing: float

    def __init__(
        self,
        *,
        max_iter: int = 600,
        batch_size: int = 100,
        labeled_batch_size: int = 32,
        learning_rate: float = 3e-3,
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
        clip: float | None = None,
        solver: Solver | None = None,
        averaging: float = 0.99,
        generator: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        latent_dim: int = 50,
        scaling: Scaling = "auto",
        unlabeled: Any = -1,
        classes: Sequence[Any] | None = None,
        allow_empty_classes: bool = False,
        warm_start: bool = False,
        device: str = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 500,
        callbacks: Sequence[Callback] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.labeled_batch_size = labeled_batch_size
        self.learning_rate = learning_rate
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
        self.clip = clip
        self.solver = solver
        self.averaging = averaging
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.scaling = scaling
        self.unlabeled = unlabeled
        self.classes = classes
        self.allow_empty_classes = allow_empty_classes
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.random_state = random_state

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
        check_settings(self)
        X, y = self._read_training_data(X, y, reset=not self._goes_on())
        labels = read_labels(y, self.unlabeled, self.classes, self.allow_empty_classes)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, labels.codes)
        self._take_up(X, labels, seed)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        engine = self._engine(data, labels, seed)
        engine.fit(self._stream(data, labels, seed), self.max_iter, self._all_callbacks())
        averaged, raw = on_cpu(engine.averaged), on_cpu(engine.game)
        assert isinstance(averaged, KPlusOne)
        assert isinstance(raw, KPlusOne)
        self.game_, self._raw_game = averaged, raw
        self.history_, self.n_iter_ = list(engine.history), engine.step
        self._settle(X, seed)
        return self

    def _goes_on(self) -> bool:
        return bool(self.warm_start) and hasattr(self, "game_")

    def _take_up(self, X: Array, labels: Labels, seed: int) -> None:
        """Set what depends on the data: classes and scale, unless those of the last fit are kept."""
        if labels.known.all() and self.unlabeled is not None:
            warnings.warn(
                "y has no unlabeled sample: training is supervised, with all samples as real data.", stacklevel=3
            )
        if self._goes_on():
            if not np.array_equal(labels.classes, self.classes_) or X.shape[1:] != self.sample_shape_:
                raise ValueError(
                    f"warm_start=True needs the classes {self.classes_.tolist()} and samples of shape "
                    f"{self.sample_shape_} as before, got {labels.classes.tolist()} and {X.shape[1:]}."
                )
            return
        self.classes_, self.sample_shape_ = labels.classes, X.shape[1:]
        self.scaler_ = Scaler(self.scaling, X)
        self._spacing = spacing(self.scaler_.forward(X), seed)

    def _engine(self, data: Tensor, labels: Labels, seed: int) -> Engine:
        game = copy.deepcopy(self._raw_game) if self._goes_on() else build_game(self, data, labels, seed)
        optimizer = adam(self.learning_rate, eps=1e-4)
        radius = self.smoothing_radius * self._spacing
        engine = Engine(
            game,
            {"discriminator": optimizer, "generator": optimizer},
            self.solver,
            seed=seed,
            ema=self.averaging,
            clip=self.clip,
            schedules=build_schedules(game, self.max_iter, self.learning_rate, self.entropy, radius, self.terms),
            compute=Compute(self.device, self.precision),
        )
        if self.checkpoint is not None:
            engine.resume(self.checkpoint)
        return engine

    def _stream(self, data: Tensor, labels: Labels, seed: int) -> SemiStream[SemiBatch]:
        codes, known = torch.from_numpy(labels.codes[labels.known]), torch.from_numpy(labels.known)
        return SemiStream(SemiBatch, data[known], codes, data, self.batch_size, self.labeled_batch_size, seed=seed)
