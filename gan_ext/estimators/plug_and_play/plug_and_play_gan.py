"""Plug and play generative network (PPGN) behind scikit-learn's interface: a condition is plugged in after training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import StrOptions
from typing_extensions import Self

from gan_ext.data import DataDevice
from gan_ext.engine import Callback, Solver, Turns
from gan_ext.engine.solvers.solver import moves_of
from gan_ext.estimators.base.assembly import label_counts
from gan_ext.estimators.base.checks import warn_of_constants
from gan_ext.estimators.base.estimator import RandomState, new_seed
from gan_ext.estimators.base.labels import Labels, read_labels
from gan_ext.estimators.base.parameters import (
    SCALING,
    SHARED_CONSTRAINTS,
    UNLABELED,
    WIDTHS,
    Constraint,
    check_parameters,
    integer,
    not_negative,
    positive,
)
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.base.stopped import check_kept, whole_or_undone
from gan_ext.estimators.plug_and_play.fitted import FittedPlugAndPlay, Variant
from gan_ext.estimators.plug_and_play.training import InversionWeights, Networks, Phase, Stages, Trained, train
from gan_ext.nets import CodeClassifier

__all__ = ["PlugAndPlayGAN"]

Array = NDArray[Any]


def _are_deviations(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 3 and all(not_negative().is_satisfied_by(one) for one in value)


class PlugAndPlayGAN(FittedPlugAndPlay):
    r"""Plug and play generative network: trained once, then asked for anything a condition can be written for (PPGN).

    Three things are fitted, one after the other: a classifier with a code h inside; a generator that makes data from
    codes, which inverts the classifier and must look real (:class:`gan_ext.games.FeatureInversion`); and, for the
    variant that needs it, a denoiser of codes.  Samples are then found by chains in the space of codes that climb

    .. math:: \log p(h) + \log p(y \mid G(h)),

    where the condition y is plugged in when sampling: a class, known pixels, a unit of any network, a caption, or a
    classifier that was trained elsewhere.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005

    Parameters
    ----------
    variant : {"noiseless_joint", "joint", "denoising", "flat"}, default="noiseless_joint"
        What pulls codes to where data is: the way through the generated image, trained without or with noise; a
        denoiser of codes (PPGN-h); nothing (DGN-AM).
    latent_dim : int, default=32
        Numbers in a code, from which the generator makes a sample.
    classifier_iter : int, default=1500
        Steps of the classifier, before the generator's game.
    classifier_learning_rate : float, default=2e-3
        Step size of the classifier; it falls to 0 along half a cosine.
    denoiser_iter : int, default=4000
        Steps of the denoiser after the game, for ``variant="denoising"``.
    denoiser_learning_rate : float, default=1e-3
        Step size of the denoiser; it falls to 0 along half a cosine.
    image, feature, code, adversarial : float
        Weights of the generator's errors: of data (4), of the classifier's features (0.1), of codes (None: 0 without
        noise, else 0.1), and of being told from real data (0.1).
    noise : sequence of three floats, default=(0.05, 0.1, 0.3)
        For ``variant="joint"``: deviations of the noise on data, on features and on codes.
    denoiser_noise : float, default=0.5
        For ``variant="denoising"``: the noise that the denoiser learns to take away, in units of the codes.
    r1 : float, default=0.25
        Weight of the penalty on the discriminator's slope at real data.
    channels : int, default=32
        Of the first convolutions of classifier and discriminator, for images; the generator starts from twice as many.
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the hidden layers of generator and discriminator, for tables.
    classifier : gan_ext.nets.CodeClassifier or None, default=None
        A trained classifier of scaled data to take in place of one trained here.
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside: every feature by its mean and deviation, all together to [0, 1], or not at all.
    unlabeled : object, default=-1
        What stands for "no label" in `y`; such samples train the generator alone.  None if every sample has one.
    max_iter : int, default=2500
        Steps of the generator's game; each is one move of the discriminator and one of the generator.
    batch_size : int, default=64
        Samples in a step of the game, at least 2.
    learning_rate : float, default=4e-4
        Step size of both players; flat for the first half of training, then falling to 0.
    solver : Solver, tuple or None, default=None
        How a step of the game is played, such as :class:`gan_ext.engine.Extragradient`, or a tuple of players in the
        order of their moves; None lets each player move once, one after the other.
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for any.  Holds for all three
        trainings.
    averaging : float, default=0.998
        Decay of the averaged weights that generate, per step.
    device : str, default="auto"
        ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    data_device : {"auto", "cpu", "cuda"}, default="auto"
        Where data lie while a GPU trains: there, on the host (batches are copied ahead), or as memory is free.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training and sampling; ``"bfloat16"`` is faster on processors that have it.
    checkpoint : path or None, default=None
        Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.
    checkpoint_every : int, default=500
        Steps between checkpoints.
    verbose : bool or int, default=False
        Whether to print the mean losses, ten times in each training.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of the generator's game.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last `fit`; not together with `checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and noise.

    Attributes
    ----------
    classes_ : ndarray
        The classes.
    class_prior_ : ndarray
        Shares of the classes among labeled samples, by which :meth:`sample` draws classes where none is asked for.
    classifier_ : gan_ext.nets.CodeClassifier
        The classifier, on the CPU.
    game_ : gan_ext.games.FeatureInversion
        Generator and discriminator, with averaged weights, on the CPU.
    denoiser_ : Module or None
        The denoiser of codes.
    history_ : list of dict
        Mean losses of the game over every fiftieth of training.
    n_iter_ : int
        Steps of the game done.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from gan_ext import PlugAndPlayGAN
    >>> X, y = load_digits(return_X_y=True)
    >>> model = PlugAndPlayGAN(max_iter=20, classifier_iter=50, random_state=0).fit(X.reshape(-1, 1, 8, 8), y)
    >>> model.sample(y=[3, 3, 7], steps=5, random_state=0).shape
    (3, 1, 8, 8)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SHARED_CONSTRAINTS,
        "variant": [StrOptions({"noiseless_joint", "joint", "denoising", "flat"})],
        "latent_dim": [integer(1)],
        "classifier_iter": [integer(1)],
        "classifier_learning_rate": [positive()],
        "denoiser_iter": [integer(1)],
        "denoiser_learning_rate": [positive()],
        "image": [not_negative()],
        "feature": [not_negative()],
        "code": [not_negative(), None],
        "adversarial": [not_negative()],
        "noise": [Constraint("three standard deviations: of data, features and codes", _are_deviations)],
        "denoiser_noise": [positive()],
        "r1": [not_negative()],
        "channels": [integer(1)],
        "hidden_layer_sizes": WIDTHS,
        "classifier": [CodeClassifier, None],
        "scaling": SCALING,
        "unlabeled": UNLABELED,
    }

    def __init__(
        self,
        variant: Variant = "noiseless_joint",
        *,
        latent_dim: int = 32,
        classifier_iter: int = 1500,
        classifier_learning_rate: float = 2e-3,
        denoiser_iter: int = 4000,
        denoiser_learning_rate: float = 1e-3,
        image: float = 4.0,
        feature: float = 0.1,
        code: float | None = None,
        adversarial: float = 0.1,
        noise: Sequence[float] = (0.05, 0.1, 0.3),
        denoiser_noise: float = 0.5,
        r1: float = 0.25,
        channels: int = 32,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        classifier: CodeClassifier | None = None,
        scaling: Scaling = "auto",
        unlabeled: Any = -1,
        max_iter: int = 2500,
        batch_size: int = 64,
        learning_rate: float = 4e-4,
        solver: Solver | Turns | None = None,
        clip: float | None = None,
        averaging: float = 0.998,
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
        self.variant = variant
        self.latent_dim = latent_dim
        self.classifier_iter = classifier_iter
        self.classifier_learning_rate = classifier_learning_rate
        self.denoiser_iter = denoiser_iter
        self.denoiser_learning_rate = denoiser_learning_rate
        self.image = image
        self.feature = feature
        self.code = code
        self.adversarial = adversarial
        self.noise = noise
        self.denoiser_noise = denoiser_noise
        self.r1 = r1
        self.channels = channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.classifier = classifier
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
    def fit(self, X: Any, y: Any) -> Self:
        """Train classifier, generator and, where the variant has one, denoiser.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,)
            Their classes; `unlabeled` where there is none.
        """
        check_parameters(self)
        moves_of(self.solver, ("discriminator", "generator"))  # says if it names other players
        last = self._trained if self.warm_start and hasattr(self, "_trained") else None
        X, y = self._read_training_data(X, y, reset=last is None)
        labels = read_labels(y, self.unlabeled)
        seed = new_seed(self.random_state)
        if last is None:
            warn_of_constants(X, "samples will hardly vary there")
            self.scaler_ = Scaler(self.scaling, X)
        else:
            check_kept(self, "hidden_layer_sizes", "channels")
            self._check_goes_on(X, labels, last)
        self._claim_checkpoint(X, labels.codes)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        stages = self._stages(X.shape[1:], len(labels.classes), seed, last)
        trained = train(stages, data, torch.from_numpy(labels.known), torch.from_numpy(labels.codes))
        counts = label_counts(labels)
        self.classes_, self.class_prior_, self.sample_shape_ = labels.classes, counts / counts.sum(), X.shape[1:]
        self.classifier_, self.game_, self.denoiser_ = trained.classifier, trained.game, trained.denoiser
        self.history_, self.n_iter_, self._trained = trained.history, trained.steps, trained
        some = X[:: max(1, len(X) // 256)]
        codes = torch.from_numpy(self._judge_checked(self._encoder(), some, lambda codes: codes)).float()
        self._warn_of_divergence(X, self._generate(self.game_.generator, lambda: codes, 0))
        return self

    def _stages(self, shape: tuple[int, ...], classes: int, seed: int, last: Trained | None) -> Stages:
        noisy = self.variant == "joint"
        x, features, codes = self.noise if noisy else (0.0, 0.0, 0.0)
        code = (0.1 if noisy else 0.0) if self.code is None else self.code
        return Stages(
            Networks(
                shape,
                classes,
                self.latent_dim,
                self.channels,
                tuple(self.hidden_layer_sizes),
                bounded=self.scaler_.kind == "minmax",
            ),
            InversionWeights(self.image, self.feature, code, self.adversarial, self.r1, (x, features, codes)),
            classifier=self.classifier or Phase(self.classifier_iter, self.classifier_learning_rate),
            inversion=Phase(self.max_iter, self.learning_rate),
            denoiser=Phase(self.denoiser_iter, self.denoiser_learning_rate) if self.variant == "denoising" else None,
            denoiser_noise=self.denoiser_noise,
            batch_size=self.batch_size,
            running=Running.of(self),
            seed=seed,
            last=last,
        )

    def _check_goes_on(self, X: Array, labels: Labels, last: Trained) -> None:
        """Raise ValueError unless the networks of the last fit are those for this data."""
        dim = last.classifier.encode(torch.zeros(1, *self.sample_shape_)).shape[1]
        before = (self.classes_.tolist(), self.sample_shape_, dim)
        now = (labels.classes.tolist(), X.shape[1:], self.latent_dim)
        if now != before:
            raise ValueError(
                "warm_start=True needs the classes {}, samples of shape {} and latent_dim={} as before, got {}, {} and "
                "{}.".format(*before, *now)
            )
