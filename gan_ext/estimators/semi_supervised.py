"""A semi-supervised classifier made of a GAN, behind scikit-learn's interface."""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import SemiStream
from gan_ext.engine import (
    Callback,
    Compute,
    Engine,
    SaveEvery,
    Schedule,
    adam,
    flat_then_linear,
    resolve_device,
    sigmoid_rise,
)
from gan_ext.estimators.labels import Labels, read_labels
from gan_ext.estimators.scaling import Scaler, Scaling
from gan_ext.games import ClassBalance, ConditionalEntropy, KPlusOne, SemiBatch, Term, VirtualAdversarial
from gan_ext.latents import Uniform
from gan_ext.nets import conv_discriminator, conv_generator, data_dependent_init, mlp_discriminator, mlp_generator
from gan_ext.seeds import kept_generators, reseed

__all__ = ["SemiSupervisedGANClassifier"]

_ROWS = 4096  # samples judged at a time

Array = NDArray[Any]


class SemiSupervisedGANClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Classifier that learns from few labels and much unlabelled data by playing a GAN.

    A discriminator with K class logits :math:`l_k` tells the classes apart on labelled samples and, with the same
    logits, real data from generated: :math:`p(\text{real} \mid x) = \sigma(\log\sum_k e^{l_k(x)})`.  A generator moves
    the mean of the discriminator's features to that of real data.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Parameters
    ----------
    max_iter : int, default=600
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=100
        Unlabelled samples in a step, at least 2.
    labelled_batch_size : int, default=32
        Labelled samples in a step, repeated as needed.
    learning_rate : float, default=3e-3
        Of both players; flat for the first half of training, then falling to 0.
    hidden_layer_sizes : sequence of int, default=(256, 128, 128)
        Units of the discriminator's hidden layers, for tables (n, d).
    noise : float, default=0.3
        Standard deviation of the noise before every hidden layer but the first, in units of the activations.
    input_noise : float, default=0.1
        Length of the noise on inputs, as a share of the distance between neighbours.
    entropy : float, default=0.3
        Weight of the conditional entropy of the class on unlabelled data, reached after six tenths of training; pushes
        class boundaries away from data.
    balance : float, default=1.0
        Weight of the divergence between the mix of predicted classes and that of the labelled samples (counted with
        one more of each).  Set it to 0 if labels were not drawn in proportion to the classes.
    smoothing : float, default=1.0
        Weight of virtual adversarial smoothing: the class should not change within a small ball around a sample.
    smoothing_radius : float, default=1.5
        Radius of that ball, as a share of the distance between neighbours (median distance to the tenth nearest); held
        for half of training, then falling to a fifth.
    averaging : float, default=0.99
        Decay of the averaged weights that predict, per step.
    generator : callable or None, default=None
        From (shape of a sample, latent dimensions, last activation) to a module from z to data.  None takes a
        perceptron for tables and convolutions for images.
    discriminator : callable or None, default=None
        From (shape of a sample, number of classes) to a module from data to (logits, features).
    latent_dim : int, default=50
        Coordinates of the generator's prior, uniform on [0, 1].
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    unlabeled : object, default=-1
        What stands for "no label" in `y`; None if every sample has one.
    classes : sequence or None, default=None
        All classes, if known; found in `y` if None.
    allow_empty_classes : bool, default=False
        Whether a class of `classes` may have no labelled sample.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last `fit`.
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

    classes_: Array
    sample_shape_: tuple[int, ...]
    scaler_: Scaler
    game_: KPlusOne
    _raw_game: KPlusOne
    _spacing: float

    def __init__(
        self,
        *,
        max_iter: int = 600,
        batch_size: int = 100,
        labelled_batch_size: int = 32,
        learning_rate: float = 3e-3,
        hidden_layer_sizes: Sequence[int] = (256, 128, 128),
        noise: float = 0.3,
        input_noise: float = 0.1,
        entropy: float = 0.3,
        balance: float = 1.0,
        smoothing: float = 1.0,
        smoothing_radius: float = 1.5,
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
        self.labelled_batch_size = labelled_batch_size
        self.learning_rate = learning_rate
        self.hidden_layer_sizes = hidden_layer_sizes
        self.noise = noise
        self.input_noise = input_noise
        self.entropy = entropy
        self.balance = balance
        self.smoothing = smoothing
        self.smoothing_radius = smoothing_radius
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
        """Train on labelled and unlabelled samples.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            All samples, labelled or not.
        y : array-like of shape (n,)
            Their classes, integers or strings; `unlabeled` where there is none.

        Returns
        -------
        self
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], allow_nd=True, ensure_min_samples=2)
        self._check_shape(X)
        labels = read_labels(y, self.unlabeled, self.classes, self.allow_empty_classes)
        self._take_up(X, labels)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        engine = self._engine(data, labels)
        engine.fit(self._stream(data, labels), self.max_iter, self._all_callbacks())
        averaged = copy.deepcopy(engine.averaged).cpu()
        assert isinstance(averaged, KPlusOne)
        self.game_ = averaged
        raw = copy.deepcopy(engine.game).cpu()
        assert isinstance(raw, KPlusOne)
        self._raw_game = raw
        self.history_, self.n_iter_ = list(engine.history), engine.step
        return self

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
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=False)
        if X.shape[1:] != self.sample_shape_:
            raise ValueError(f"X has samples of shape {X.shape[1:]}, but fit was given {self.sample_shape_}.")
        device = resolve_device(self.device)
        scaled = torch.tensor(self.scaler_.forward(X))
        # In the precision of the data: one sample then gets the same logits alone as among others.
        network = copy.deepcopy(self.game_.discriminator).to(device, scaled.dtype)
        with torch.no_grad():
            parts = [network(part.to(device))[0].double().cpu() for part in scaled.split(_ROWS)]
        logits: Array = torch.cat(parts).numpy()
        return logits

    def _check_parameters(self) -> None:
        least = {"max_iter": 1, "batch_size": 2, "labelled_batch_size": 1, "latent_dim": 1, "checkpoint_every": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < smallest:
                raise ValueError(f"{name}={value!r} must be an integer, at least {smallest}.")
        for name in ("noise", "input_noise", "entropy", "balance", "smoothing", "smoothing_radius"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must not be negative.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate={self.learning_rate!r} must be positive.")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging={self.averaging!r} must be in [0, 1).")
        if self.scaling not in ("auto", "standard", "minmax", "none"):
            raise ValueError(f"scaling={self.scaling!r} must be 'auto', 'standard', 'minmax' or 'none'.")
        if self.allow_empty_classes and self.classes is None:
            raise ValueError("allow_empty_classes=True needs `classes`, the list of all classes.")
        Compute(self.device, self.precision)

    def _check_shape(self, X: Array) -> None:
        if X.ndim not in (2, 4):
            raise ValueError(
                f"X has shape {X.shape}; pass a table (n, d) or images (n, channels, height, width). Grey images "
                "(n, h, w) become X[:, None]."
            )

    def _take_up(self, X: Array, labels: Labels) -> None:
        """Set what depends on the data: classes, scale and, unless they are kept, new networks."""
        if labels.known.all() and self.unlabeled is not None:
            warnings.warn(
                "y has no unlabelled sample: training is supervised, with all samples as real data.", stacklevel=3
            )
        if self.warm_start and hasattr(self, "game_"):
            if not np.array_equal(labels.classes, self.classes_) or X.shape[1:] != self.sample_shape_:
                raise ValueError(
                    f"warm_start=True needs the classes {self.classes_.tolist()} and samples of shape "
                    f"{self.sample_shape_} as before, got {labels.classes.tolist()} and {X.shape[1:]}."
                )
            return
        self.classes_, self.sample_shape_ = labels.classes, X.shape[1:]
        self.scaler_ = Scaler(self.scaling, X)
        self._spacing = _spacing(self.scaler_.forward(X), self._seed())

    def _engine(self, data: Tensor, labels: Labels) -> Engine:
        seed = self._seed()
        going_on = self.warm_start and hasattr(self, "_raw_game")
        game = copy.deepcopy(self._raw_game) if going_on else self._new_game(data, labels, seed)
        optimizer = adam(self.learning_rate, eps=1e-4)
        engine = Engine(
            game,
            {"discriminator": optimizer, "generator": optimizer},
            seed=seed,
            ema=self.averaging,
            schedules=self._schedules(game),
            compute=Compute(self.device, self.precision),
        )
        if self.checkpoint is not None:
            engine.resume(self.checkpoint)
        return engine

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _schedules(self, game: KPlusOne) -> dict[str, Schedule]:
        steps, rate = self.max_iter, flat_then_linear(self.learning_rate, self.max_iter)
        schedules: dict[str, Schedule] = {"discriminator.lr": rate, "generator.lr": rate}
        if "entropy" in game.terms:
            schedules["terms.entropy.weight"] = sigmoid_rise(self.entropy, max(1, round(0.6 * steps)))
        if "smoothing" in game.terms:
            radius = self.smoothing_radius * self._spacing
            fall = flat_then_linear(0.8 * radius, steps)
            schedules["terms.smoothing.radius"] = lambda step: fall(step) + 0.2 * radius
        return schedules

    def _terms(self, labels: Labels) -> list[Term]:
        counts = np.bincount(labels.codes[labels.known], minlength=len(labels.classes)) + 1.0
        terms: list[Term] = []
        if self.entropy > 0:
            terms.append(ConditionalEntropy(self.entropy))
        if self.balance > 0:
            terms.append(ClassBalance(counts.tolist(), self.balance))
        if self.smoothing > 0 and self.smoothing_radius > 0:
            terms.append(VirtualAdversarial(self.smoothing_radius * self._spacing, self.smoothing))
        return terms

    def _new_game(self, data: Tensor, labels: Labels, seed: int) -> KPlusOne:
        """Build the networks and initialise them on the data."""
        images = len(self.sample_shape_) == 3 and not any(side % 4 for side in self.sample_shape_[1:])
        last = nn.Sigmoid() if self.scaler_.kind == "minmax" else nn.Identity()
        cpu, shape, classes = torch.device("cpu"), self.sample_shape_, len(self.classes_)
        with kept_generators(cpu):
            reseed(cpu, seed)
            noise = self.input_noise * self._spacing / math.sqrt(math.prod(shape))
            if self.discriminator is not None:
                discriminator = self.discriminator(shape, classes)
            elif images:
                discriminator = conv_discriminator(shape, classes, input_noise=noise, noise=self.noise)
            else:
                discriminator = mlp_discriminator(shape, classes, self.hidden_layer_sizes, noise, self.noise)
            build = self.generator or (conv_generator if images else partial(mlp_generator, widths=(128, 128)))
            game = KPlusOne(
                build(shape, self.latent_dim, output=last),
                discriminator,
                Uniform(self.latent_dim),
                terms=self._terms(labels),
            )
            data_dependent_init(game.generator, game.prior.sample(500))
            data_dependent_init(game.discriminator, data[torch.randperm(len(data))[:500]])
        return game

    def _stream(self, data: Tensor, labels: Labels) -> SemiStream[SemiBatch]:
        codes, known = torch.from_numpy(labels.codes[labels.known]), torch.from_numpy(labels.known)
        return SemiStream(
            SemiBatch, data[known], codes, data, self.batch_size, self.labelled_batch_size, seed=self._seed()
        )

    def _all_callbacks(self) -> list[Callback]:
        every = max(1, self.max_iter // 50)

        def remember(engine: Engine) -> None:
            if engine.step % every == 0:
                engine.record(**engine.meters.read())

        saving = [] if self.checkpoint is None else [SaveEvery(self.checkpoint_every, self.checkpoint)]
        return [remember, *self.callbacks, *saving]


def _spacing(x: Array, seed: int) -> float:
    """Return the median distance of samples to their tenth nearest neighbour, from at most 2000 of them."""
    rows = check_random_state(seed).permutation(len(x))[:2000]
    flat = x[rows].reshape(len(rows), -1)
    neighbours = min(10, len(flat) - 1)
    distances = NearestNeighbors(n_neighbors=neighbours).fit(flat).kneighbors()[0][:, -1]
    positive = distances[distances > 0]
    return float(np.median(positive)) if len(positive) else 1.0
