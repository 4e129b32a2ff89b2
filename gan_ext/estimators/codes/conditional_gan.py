"""ConditionalGAN, a class-conditional generator as a scikit-learn estimator: samples of the class that you name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import ArrayStream, DataDevice
from gan_ext.engine import Callback, Engine, Solver, Turns, adam, flat_then_linear
from gan_ext.estimators.base.checks import warn_of_constants
from gan_ext.estimators.base.estimator import RandomState, new_seed, on_cpu
from gan_ext.estimators.base.labels import Labels, every_label, read_labels
from gan_ext.estimators.base.parameters import (
    CLASSES,
    SCALING,
    SHARED_CONSTRAINTS,
    WIDTHS,
    Constraint,
    check_parameters,
    integer,
    not_negative,
)
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.base.warm_start import load_players, player_states
from gan_ext.estimators.codes.conditioning import ClassConditioning, Plan, Projection, build_class_game
from gan_ext.estimators.codes.fitted_conditional import FittedConditionalGAN
from gan_ext.games import ClassGame, LabeledBatch
from gan_ext.nets import fix_spectral_norms

__all__ = ["ConditionalGAN"]

Array = NDArray[Any]
_BUILDS = Constraint(
    "an object that builds a game, such as gan_ext.estimators.Projection() (with parentheses)",
    lambda value: not isinstance(value, type) and callable(value.build),
)
_EVEN = Constraint(
    "an even integer, at least 2: every layer nearer the image has half of it",
    lambda value: integer(2).is_satisfied_by(value) and value % 2 == 0,
)


class ConditionalGAN(FittedConditionalGAN):
    r"""Generator of samples of a class that you choose, learned from labeled samples.

    How the class steers the game is an object, `condition`, from :mod:`gan_ext.estimators`: :class:`Concatenation`,
    :class:`ConditionalNormalization`, :class:`Projection`, :class:`AuxiliaryClassifier`,
    :class:`DiscriminativeClassifier`, or a :class:`ClassConditioning` of your own.

    References: Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784;
    cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Parameters
    ----------
    condition : ClassConditioning or None, default=None
        How the game is told classes; None for ``Projection()``.
    latent_dim : int, default=64
        Coordinates of the generator's prior, standard normal.
    channels : int, default=64
        Channels of the convolutions, for images whose sides are multiples of 4; even.
    hidden_layer_sizes : sequence of int, default=(128, 128)
        Units of both networks' hidden layers, for tables (n, d) and all other images.
    spectral : bool, default=True
        Whether the discriminator's layers are divided by their largest singular value.
    mode_seeking : float, default=0.0
        Weight of the term against samples that differ less than their noise.
    r1 : float, default=0.0
        Weight of the penalty on the discriminator's gradients at real data, times one half.
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    classes : sequence or None, default=None
        All classes, if known: `fit` then says if one of them has no sample.
    max_iter : int, default=4000
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=64
        Samples in a step, at least 2.
    learning_rate : float, default=1e-3
        Step size of both players; flat for the first half of training, then falling to 0.
    solver : Solver, tuple or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Extragradient`, or a tuple of players in the order of their
        moves; None lets each player move once, one after the other.
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for any.
    averaging : float, default=0.999
        Decay of the averaged weights that make samples, per step.
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
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares among the training samples.
    n_features_in_ : int
        Size of the second axis of `X`.
    sample_shape_ : tuple of int
        Shape of one sample.
    game_ : TwoPlayerGame
        The networks, with averaged weights, on the CPU.
    history_ : list of dict
        Mean losses of both players over every fiftieth of training.
    n_iter_ : int
        Steps done.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_ext import ConditionalGAN
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-2, 1, (200, 2)), rng.normal(2, 1, (200, 2))])
    >>> model = ConditionalGAN(max_iter=300, random_state=0).fit(X, ["low"] * 200 + ["high"] * 200)
    >>> low, high = (model.sample(500, y=name, random_state=0).mean() for name in ("low", "high"))
    >>> bool(low < -1), bool(high > 1)
    (True, True)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SHARED_CONSTRAINTS,
        "condition": [_BUILDS, None],
        "latent_dim": [integer(1)],
        "channels": [_EVEN],
        "hidden_layer_sizes": WIDTHS,
        "spectral": ["boolean"],
        "mode_seeking": [not_negative()],
        "r1": [not_negative()],
        "scaling": SCALING,
        "classes": CLASSES,
    }

    def __init__(
        self,
        condition: ClassConditioning | None = None,
        *,
        latent_dim: int = 64,
        channels: int = 64,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        spectral: bool = True,
        mode_seeking: float = 0.0,
        r1: float = 0.0,
        scaling: Scaling = "auto",
        classes: Sequence[Any] | None = None,
        max_iter: int = 4000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        solver: Solver | Turns | None = None,
        clip: float | None = None,
        averaging: float = 0.999,
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
        self.condition = condition
        self.latent_dim = latent_dim
        self.channels = channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.spectral = spectral
        self.mode_seeking = mode_seeking
        self.r1 = r1
        self.scaling = scaling
        self.classes = classes
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @whole_or_undone
    def fit(self, X: Any, y: Any) -> Self:
        """Train on labeled samples.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,)
            Their classes, integers or strings.

        Returns
        -------
        self
        """
        check_parameters(self)
        X, y = self._read_training_data(X, every_label(y, self.classes), reset=not self._goes_on())
        labels = read_labels(y, None, self.classes, None)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, labels.codes)
        self._take_up(X, labels)
        data = torch.tensor(self.scaler_.forward(X)[:, self._columns()], dtype=torch.float32)
        running = Running.of(self)
        engine = self._engine(running, data, seed)
        stream = ArrayStream(LabeledBatch(data, torch.from_numpy(labels.codes)), self.batch_size, seed)
        running.fit(engine, stream, self.max_iter)
        game = on_cpu(engine.averaged)
        assert isinstance(game, ClassGame)
        fix_spectral_norms(game)
        self.game_, self._states = game, player_states(engine.game)
        self.history_, self.n_iter_ = list(engine.history), engine.step
        self._warn_of_divergence(X)
        return self

    def _take_up(self, X: Array, labels: Labels) -> None:
        """Set what depends on the data alone, unless that of the last fit is kept."""
        self.class_prior_ = np.bincount(labels.codes) / len(labels.codes)
        if self._goes_on():
            self._check_as_before(X.shape[1:], labels.classes)
            return
        warn_of_constants(X, "samples will have the same constants there")
        self._varies, self._first = np.ptp(X, axis=0) > 0, X[0]
        self.classes_, self.sample_shape_, self.scaler_ = labels.classes, X.shape[1:], Scaler(self.scaling, X)

    def _engine(self, running: Running, data: Tensor, seed: int) -> Engine:
        last = nn.Sigmoid() if self.scaler_.kind == "minmax" else nn.Identity()
        plan = Plan(
            tuple(data.shape[1:]), len(self.classes_), self.latent_dim, self.channels, self.hidden_layer_sizes, last,
            self.spectral, self.mode_seeking, self.r1,
        )  # fmt: skip
        game = build_class_game(self.condition or Projection(), plan, data, seed)
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
