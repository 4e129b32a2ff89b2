"""A generator of samples of a wanted class, behind scikit-learn's interface."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import ArrayStream
from gan_ext.engine import Callback, Compute, Engine, Solver, adam, flat_then_linear
from gan_ext.estimators.base.checks import check_conditional_settings, check_count, warn_of_constants
from gan_ext.estimators.base.estimator import ROWS, GANEstimator, new_seed, on_cpu
from gan_ext.estimators.base.labels import Labels, class_numbers, read_labels
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.codes.conditioning import ClassConditioning, Plan, Projection
from gan_ext.games import ClassGame, LabeledBatch
from gan_ext.nets import fix_spectral_norms
from gan_ext.seeds import kept_generators, reseed

__all__ = ["ConditionalGAN"]

Array = NDArray[Any]


class ConditionalGAN(GANEstimator):
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
    max_iter : int, default=4000
        Training steps; each is one move of the discriminator and one of the generator.
    batch_size : int, default=64
        Samples in a step, at least 2.
    learning_rate : float, default=1e-3
        Of both players; flat for the first half of training, then falling to 0.
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
    solver : Solver or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Extragradient`; None lets each player move once, one after
        the other.
    averaging : float, default=0.999
        Decay of the averaged weights that make samples, per step.
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    classes : sequence or None, default=None
        All classes, if known: `fit` then says if one of them has no sample.
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
    >>> low, high = (model.sample(name, 500, random_state=0).mean() for name in ("low", "high"))
    >>> bool(low < -1), bool(high > 1)
    (True, True)
    """

    game_: ClassGame
    classes_: Array
    class_prior_: Array

    def __init__(
        self,
        condition: ClassConditioning | None = None,
        *,
        max_iter: int = 4000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        latent_dim: int = 64,
        channels: int = 64,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        spectral: bool = True,
        mode_seeking: float = 0.0,
        r1: float = 0.0,
        solver: Solver | None = None,
        averaging: float = 0.999,
        scaling: Scaling = "auto",
        classes: Sequence[Any] | None = None,
        device: str = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 500,
        callbacks: Sequence[Callback] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.condition = condition
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.latent_dim = latent_dim
        self.channels = channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.spectral = spectral
        self.mode_seeking = mode_seeking
        self.r1 = r1
        self.solver = solver
        self.averaging = averaging
        self.scaling = scaling
        self.classes = classes
        self.device = device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

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
        check_conditional_settings(self)
        X, y = self._read_training_data(X, y)
        labels = read_labels(y, None, self.classes, None)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, labels.codes)
        self._take_up(X, labels)
        data = torch.tensor(self.scaler_.forward(X)[:, self._columns()], dtype=torch.float32)
        engine = self._engine(data, seed)
        stream = ArrayStream(LabeledBatch(data, torch.from_numpy(labels.codes)), self.batch_size, seed)
        engine.fit(stream, self.max_iter, self._all_callbacks())
        game = on_cpu(engine.averaged)
        assert isinstance(game, ClassGame)
        fix_spectral_norms(game)
        self.game_, self.history_, self.n_iter_ = game, list(engine.history), engine.step
        return self

    def draw_labels(self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None) -> Array:
        """Draw classes (n_samples,) in their shares among the training samples."""
        check_is_fitted(self)
        check_count("n_samples", n_samples)
        drawn: Array = check_random_state(random_state).choice(self.classes_, n_samples, p=self.class_prior_)
        return drawn

    def sample(
        self, y: Any = None, n_samples: int | None = None, random_state: int | np.random.RandomState | None = None
    ) -> Array:
        """Generate samples of wanted classes, in the space of the data `fit` was given.

        Parameters
        ----------
        y : array-like of shape (n,), one class, or None
            A class for each sample, or one for all; None for classes as :meth:`draw_labels` with the same
            `random_state` draws them.
        n_samples : int or None
            How many, at least 1; None for one, or one for each class in the array `y`.
        random_state : int, RandomState instance or None
            Decides the samples.

        Returns
        -------
        ndarray of shape (n, ...)
        """
        check_is_fitted(self)
        if y is None:
            y = self.draw_labels(1 if n_samples is None else n_samples, random_state)
        codes = torch.from_numpy(class_numbers(y, n_samples, self.classes_)).split(ROWS)
        generator, prior = self.game_.generator, self.game_.prior

        def make() -> Tensor:
            return torch.cat([generator(prior.sample(len(part)), part) for part in codes])

        return self._restore(self._seeded(make, random_state))

    def _take_up(self, X: Array, labels: Labels) -> None:
        """Set what depends on the data alone."""
        warn_of_constants(X, "samples will have the same constants there")
        self._varies, self._first = np.ptp(X, axis=0) > 0, X[0]
        self.classes_, self.class_prior_ = labels.classes, np.bincount(labels.codes) / len(labels.codes)
        self.sample_shape_, self.scaler_ = X.shape[1:], Scaler(self.scaling, X)

    def _columns(self) -> Any:
        """Return which columns are trained: of a table those that vary, for one not hit exactly gives a sample away."""
        return self._varies if len(self.sample_shape_) == 1 else slice(None)

    def _engine(self, data: Tensor, seed: int) -> Engine:
        optimizer = adam(self.learning_rate, betas=(0.5, 0.999))
        rate = flat_then_linear(self.learning_rate, self.max_iter)
        engine = Engine(
            self._new_game(data, seed),
            {"discriminator": optimizer, "generator": optimizer},
            self.solver,
            seed=seed,
            ema=self.averaging,
            schedules={"discriminator.lr": rate, "generator.lr": rate},
            compute=Compute(self.device, self.precision),
        )
        if self.checkpoint is not None:
            engine.resume(self.checkpoint)
        return engine

    def _new_game(self, data: Tensor, seed: int) -> ClassGame:
        cpu, last = torch.device("cpu"), nn.Sigmoid() if self.scaler_.kind == "minmax" else nn.Identity()
        plan = Plan(
            tuple(data.shape[1:]), len(self.classes_), self.latent_dim, self.channels, self.hidden_layer_sizes, last,
            self.spectral, self.mode_seeking, self.r1,
        )  # fmt: skip
        with kept_generators(cpu):
            reseed(cpu, seed)
            game = (self.condition or Projection()).build(plan)
            _check_game(game, data[:2])
        return game

    def _restore(self, made: Tensor) -> Array:
        """Return samples in the data's units, with the features that do not vary."""
        scaled = np.repeat(self.scaler_.forward(self._first[None].astype(np.float64)), len(made), axis=0)
        scaled[:, self._columns()] = made.double().numpy()
        return np.where(self._varies, self.scaler_.inverse(scaled), self._first)


@torch.no_grad()
def _check_game(game: Any, data: Tensor) -> None:
    """Raise ValueError unless a condition built a game of samples like the data."""
    if not isinstance(game, ClassGame):
        raise ValueError(f"condition must build a game such as gan_ext.games.Conditional, it built {game!r}.")
    made = game.generator(game.prior.sample(len(data)), torch.zeros(len(data), dtype=torch.int64))
    if made.shape != data.shape:
        raise ValueError(f"The generator makes samples of shape {tuple(made.shape[1:])}, not {tuple(data.shape[1:])}.")
