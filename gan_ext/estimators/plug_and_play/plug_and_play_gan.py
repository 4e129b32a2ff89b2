"""A generator whose condition is plugged in after training, behind scikit-learn's interface."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from typing_extensions import Self

from gan_ext.engine import Callback
from gan_ext.estimators.base.assembly import label_counts
from gan_ext.estimators.base.checks import check_common, check_integers, check_not_negative, warn_of_constants
from gan_ext.estimators.base.estimator import new_seed
from gan_ext.estimators.base.labels import read_labels
from gan_ext.estimators.base.scaling import Scaler, Scaling
from gan_ext.estimators.plug_and_play.fitted import FittedPlugAndPlay, Variant
from gan_ext.estimators.plug_and_play.training import Stages, train
from gan_ext.nets import CodeClassifier

__all__ = ["PlugAndPlayGAN"]


class PlugAndPlayGAN(FittedPlugAndPlay):
    r"""A generator that is trained once and then asked for anything a condition can be written for (PPGN).

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
    code_dim : int, default=32
        Numbers in a code.
    max_iter : int, default=2500
        Steps of the generator's game; each is one move of the discriminator and one of the generator.
    classifier_iter : int, default=1500
        Steps of the classifier before.
    denoiser_iter : int, default=4000
        Steps of the denoiser after, for ``variant="denoising"``.
    batch_size : int, default=64
        Samples in a step of the game, at least 2.
    learning_rate : float, default=4e-4
        Of both players; flat for the first half of training, then falling to 0.
    image, feature, code, adversarial : float
        Weights of the generator's errors: of data (4), of the classifier's features (0.1), of codes (None: 0 without
        noise, else 0.1), and of being told from real data (0.1).
    noise : sequence of three floats, default=(0.05, 0.1, 0.3)
        For ``variant="joint"``: deviations of the noise on data, on features and on codes.
    denoiser_noise : float, default=0.5
        For ``variant="denoising"``: the noise that the denoiser learns to take away, in units of the codes.
    r1 : float, default=0.25
        Weight of the penalty on the discriminator's slope at real data.
    averaging : float, default=0.998
        Decay of the averaged weights of the generator, per step.
    channels : int, default=32
        Of the first convolutions of classifier and discriminator, for images; the generator starts from twice as many.
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the hidden layers of generator and discriminator, for tables.
    classifier : gan_ext.nets.CodeClassifier or None, default=None
        A trained classifier of scaled data to take in place of one trained here.
    scaling : {"auto", "standard", "minmax", "none"}, default="auto"
        How data is scaled inside.
    unlabeled : object, default=-1
        What stands for "no label" in `y`; such samples train the generator alone.  None if every sample has one.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training and sampling.
    checkpoint : path or None, default=None
        Folder to which `fit` saves and from which it resumes, bit for bit.
    checkpoint_every : int, default=500
        Steps between checkpoints.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of the generator's game.
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
    >>> model.sample([3, 3, 7], steps=5, random_state=0).shape
    (3, 1, 8, 8)
    """

    def __init__(
        self,
        variant: Variant = "noiseless_joint",
        *,
        code_dim: int = 32,
        max_iter: int = 2500,
        classifier_iter: int = 1500,
        denoiser_iter: int = 4000,
        batch_size: int = 64,
        learning_rate: float = 4e-4,
        image: float = 4.0,
        feature: float = 0.1,
        code: float | None = None,
        adversarial: float = 0.1,
        noise: Sequence[float] = (0.05, 0.1, 0.3),
        denoiser_noise: float = 0.5,
        r1: float = 0.25,
        averaging: float = 0.998,
        channels: int = 32,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        classifier: CodeClassifier | None = None,
        scaling: Scaling = "auto",
        unlabeled: Any = -1,
        device: str = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 500,
        callbacks: Sequence[Callback] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.variant = variant
        self.code_dim = code_dim
        self.max_iter = max_iter
        self.classifier_iter = classifier_iter
        self.denoiser_iter = denoiser_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.image = image
        self.feature = feature
        self.code = code
        self.adversarial = adversarial
        self.noise = noise
        self.denoiser_noise = denoiser_noise
        self.r1 = r1
        self.averaging = averaging
        self.channels = channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.classifier = classifier
        self.scaling = scaling
        self.unlabeled = unlabeled
        self.device = device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train classifier, generator and, where the variant has one, denoiser.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,)
            Their classes; `unlabeled` where there is none.
        """
        self._check_settings()
        X, y = self._read_training_data(X, y)
        labels = read_labels(y, self.unlabeled)
        seed = new_seed(self.random_state)
        self._claim_checkpoint(X, labels.codes)
        warn_of_constants(X, "samples will hardly vary there")
        self.classes_, self.sample_shape_ = labels.classes, X.shape[1:]
        counts = label_counts(labels)
        self.class_prior_ = counts / counts.sum()
        self.scaler_ = Scaler(self.scaling, X)
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        stages = Stages(self, seed)
        trained = train(stages, data, torch.from_numpy(labels.known), torch.from_numpy(labels.codes))
        self.classifier_, self.game_, self.denoiser_ = trained.classifier, trained.game, trained.denoiser
        self.history_, self.n_iter_ = trained.history, trained.steps
        return self

    def _check_settings(self) -> None:
        if self.variant not in ("noiseless_joint", "joint", "denoising", "flat"):
            raise ValueError(f"variant={self.variant!r} must be 'noiseless_joint', 'joint', 'denoising' or 'flat'.")
        check_integers(
            self, code_dim=1, max_iter=1, classifier_iter=1, denoiser_iter=1, batch_size=2, channels=1,
            checkpoint_every=1,
        )  # fmt: skip
        check_not_negative(self, "image", "feature", "adversarial", "r1")
        if self.code is not None:
            check_not_negative(self, "code")
        if not self.denoiser_noise > 0:
            raise ValueError(f"denoiser_noise={self.denoiser_noise!r} must be positive.")
        if not isinstance(self.noise, Sequence) or len(self.noise) != 3 or not all(each >= 0 for each in self.noise):
            raise ValueError(f"noise={self.noise!r} must be three standard deviations: of data, features and codes.")
        if self.classifier is not None and not isinstance(self.classifier, CodeClassifier):
            raise ValueError(f"classifier={self.classifier!r} must be a gan_ext.nets.CodeClassifier, or None.")
        check_common(self)
