"""InfoGAN as a scikit-learn estimator: clusters, disentangled factors and a generator from unlabeled data."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from sklearn.base import ClusterMixin, TransformerMixin
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import ArrayStream, DataDevice, SemiStream
from gan_ext.engine import Callback, Engine, Solver, Turns, adam, flat_then_linear
from gan_ext.estimators.base.checks import warn_of_chance, warn_of_constants
from gan_ext.estimators.base.estimator import RandomState, new_seed, on_cpu
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.base.parameters import SHARED_CONSTRAINTS, check_parameters
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.base.warm_start import load_players, player_states
from gan_ext.estimators.codes.assembly import INFOGAN_CONSTRAINTS, build_game, check_codes
from gan_ext.estimators.codes.fitted_codes import CodedGAN
from gan_ext.games import InfoGANGame, RealBatch, SemiBatch
from gan_ext.latents import Product
from gan_ext.nets import fix_spectral_norms

__all__ = ["InfoGAN"]

Array = NDArray[Any]


class InfoGAN(ClusterMixin, TransformerMixin, CodedGAN):  # type: ignore[misc]
    r"""Clusters, factors and a generator in one: a GAN whose codes can be read from data and set at will.

    A generator makes samples from noise z and codes c; a discriminator tells real from generated and, with a second
    head Q on the same trunk, reads the codes back.  Both maximize a bound on the information that samples carry about
    codes,

    .. math:: I(c; G(z, c)) \ge H(c) + E[\log q(c \mid G(z, c))].

    A categorical code then finds clusters, continuous ones find directions in which samples vary.  Real data also
    trains Q of the category (sure, balanced, steady under small changes); ``entropy=balance=smoothing=consistency=0``
    is the published game.

    References: InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657; regularized information maximization
    (Hu et al., 2017), https://arxiv.org/abs/1702.08720

    Parameters
    ----------
    n_clusters : int, default=10
        Categories of the default code ``"category"``; more if `y` has more classes.
    n_continuous : int, default=2
        Coordinates of the default code ``"style"``, uniform on [-1, 1]; 0 for none.
    codes : gan_ext.latents.Product or None, default=None
        Codes of your own in place of these, such as ``Product(kind=Categorical(5), tilt=Uniform(1, -1, 1))``.
    latent_dim : int, default=32
        Coordinates of the noise z, the rest of the generator's input, uniform on [-1, 1].
    information : float or mapping, default=1.0
        Weight of the information, for every code or by its name.
    adversarial : float, default=0.2
        Weight of telling real data from generated, and of deceiving.
    entropy : float, default=0.5
        Weight of the category's conditional entropy on real data.
    balance : float, default=2.0
        Weight of the divergence of the predicted categories' mix from equal shares (or from `shares`).
    smoothing : float, default=1.0
        Weight of virtual adversarial smoothing: the category should not change within a small ball around a sample.
        Only without `augment`.
    smoothing_radius : float, default=0.5
        Radius of that ball, as a share of the distance between neighbors (median distance to the tenth nearest).
    consistency : float, default=1.0
        Weight of the category being the same for a sample and its transformation by `augment`.
    augment : callable or None, default=None
        A random transformation [B, ...] to [B, ...] that keeps the cluster, such as ``gan_ext.data.RandomAffine()``
        for images; works on scaled data.
    shares : sequence of float, "learn" or None, default=None
        Shares of the categories: equal if None; ``"learn"`` lets the generator find them (with a small `balance`, such
        as 0.2, and `entropy` 0.1: the balance pulls towards equal shares all the same).
    supervision : float, default=2.0
        Weight of labels, if `fit` is given `y`.
    mode_seeking : float, default=0.0
        Weight of the mode-seeking term, for generators that ignore their noise.
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the hidden layers of both networks, for tables (n, d).
    generator : callable or None, default=None
        ``generator(shape, latent_dim, output=activation)`` returns a module from (noise, codes) to samples.
    discriminator : callable or None, default=None
        ``discriminator(shape, statistics)`` returns a module from samples to an object with `logits` and `statistics`,
        such as :class:`gan_ext.nets.InfoDiscriminator`.
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    unlabeled : object, default=-1
        What stands for "no label" in `y`; None if every sample has one.
    max_iter : int, default=2000
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=100
        Samples in a step, at least 2.
    learning_rate : float, default=1e-3
        Step size of both players; flat for the first half of training, then falling to 0.
    solver : Solver, tuple or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Extragradient`, or a tuple of players in the order of their
        moves; None lets each player move once, one after the other.
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for any.
    averaging : float, default=0.99
        Decay of the averaged weights that predict and generate, per step.
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
        Whether `fit` goes on from the networks of the last `fit`; not together with `checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and noise.

    Attributes
    ----------
    codes_ : Product
        The codes.
    labels_ : ndarray of shape (n,)
        Clusters of the training samples, if there is a categorical code.
    classes_ : ndarray
        Classes found in `y`; category k stands for ``classes_[k]``.  Only after a fit with `y`.
    n_features_in_ : int
        Size of the second axis of `X`.
    sample_shape_ : tuple of int
        Shape of one sample.
    game_ : gan_ext.games.InfoGANGame
        The networks, with averaged weights, on the CPU.
    history_ : list of dict
        Mean losses and information of every code in nats, over every fiftieth of training.
    n_iter_ : int
        Steps done.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_ext import InfoGAN
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (200, 2)), rng.normal(3, 1, (200, 2))])
    >>> model = InfoGAN(n_clusters=2, n_continuous=1, max_iter=300, random_state=0).fit(X)
    >>> len(set(model.predict(X[:200]))), model.transform(X).shape
    (1, (400, 3))
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {**SHARED_CONSTRAINTS, **INFOGAN_CONSTRAINTS}

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        n_continuous: int = 2,
        codes: Product | None = None,
        latent_dim: int = 32,
        information: float | Mapping[str, float] = 1.0,
        adversarial: float = 0.2,
        entropy: float = 0.5,
        balance: float = 2.0,
        smoothing: float = 1.0,
        smoothing_radius: float = 0.5,
        consistency: float = 1.0,
        augment: Callable[[Tensor], Tensor] | None = None,
        shares: Sequence[float] | Literal["learn"] | None = None,
        supervision: float = 2.0,
        mode_seeking: float = 0.0,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        generator: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        scaling: Scaling = "auto",
        unlabeled: Any = -1,
        max_iter: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
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
        random_state: RandomState = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_continuous = n_continuous
        self.codes = codes
        self.latent_dim = latent_dim
        self.information = information
        self.adversarial = adversarial
        self.entropy = entropy
        self.balance = balance
        self.smoothing = smoothing
        self.smoothing_radius = smoothing_radius
        self.consistency = consistency
        self.augment = augment
        self.shares = shares
        self.supervision = supervision
        self.mode_seeking = mode_seeking
        self.hidden_layer_sizes = hidden_layer_sizes
        self.generator = generator
        self.discriminator = discriminator
        self.scaling = scaling
        self.unlabeled = unlabeled
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
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples, and align categories with classes where there are labels.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,) or None
            Classes of some of them, `unlabeled` elsewhere.  Category k then stands for ``classes_[k]``.

        Returns
        -------
        self
        """
        check_parameters(self)
        check_codes(self)
        labels, given = None, X
        if y is None:
            X = self._read_training_data(X, reset=not self._goes_on())
        else:
            X, y = self._read_training_data(X, y, reset=not self._goes_on())
            labels = read_labels(y, self.unlabeled)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, None if labels is None else labels.codes)
        self._take_up(X, labels)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        running = Running.of(self)
        engine = self._engine(running, data, labels, seed)
        running.fit(engine, self._stream(data, labels, seed), self.max_iter)
        game = on_cpu(engine.averaged)
        assert isinstance(game, InfoGANGame)
        fix_spectral_norms(game)  # torch refuses to pickle them
        self.game_, self.codes_, self._states = game, game.codes, player_states(engine.game)
        self.history_, self.n_iter_ = list(engine.history), engine.step
        self._warn_of_divergence(X)
        if game.category is not None:
            self.labels_ = self.predict(given)  # with the names of features that it came with
            if labels is not None and self.supervision > 0:
                warn_of_chance(labels.codes[labels.known], self.labels_[labels.known])
        return self

    def _take_up(self, X: Array, labels: Labels | None) -> None:
        """Set what depends on the data alone, unless that of the last fit is kept."""
        if self._goes_on():
            self._check_as_before(X.shape[1:], None if labels is None else labels.classes)
            return
        self.sample_shape_, self.scaler_ = X.shape[1:], Scaler(self.scaling, X)
        warn_of_constants(X, "they tell codes nothing; drop them" if self.scaler_.kind == "standard" else "")
        for name in ("classes_", "labels_"):  # of another fit
            self.__dict__.pop(name, None)
        if labels is not None:
            self.classes_ = labels.classes

    def _engine(self, running: Running, data: Tensor, labels: Labels | None, seed: int) -> Engine:
        last = nn.Sigmoid() if self.scaler_.kind == "minmax" else nn.Identity()
        game = build_game(self, data, last, labels, seed)
        if self._goes_on():
            load_players(game, self._states)
        optimizer = adam(self.learning_rate, betas=(0.5, 0.999))
        rate = flat_then_linear(self.learning_rate, self.max_iter)
        return running.engine(
            game,
            {"discriminator": optimizer, "generator": optimizer},
            seed,
            {"discriminator.lr": rate, "generator.lr": rate},
        )

    def _stream(self, data: Tensor, labels: Labels | None, seed: int) -> ArrayStream[RealBatch] | SemiStream[SemiBatch]:
        if labels is None:
            return ArrayStream(RealBatch(data), self.batch_size, seed)
        known = torch.from_numpy(labels.known)
        codes = torch.from_numpy(labels.codes[labels.known])
        return SemiStream(SemiBatch, data[known], codes, data, self.batch_size, min(self.batch_size, 32), seed=seed)
