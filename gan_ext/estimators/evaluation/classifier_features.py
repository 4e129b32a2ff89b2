"""Features of a small classifier that is trained on the spot, on labeled samples of your own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d
from torch.nn import functional as F  # noqa: N812
from typing_extensions import Self

from gan_ext.data import DataDevice
from gan_ext.data.missing import plain_labels
from gan_ext.engine import Callback, Solver, Turns
from gan_ext.estimators.base.estimator import RandomState
from gan_ext.estimators.base.labels import read_labels
from gan_ext.estimators.base.parameters import UNLABELED, check_parameters
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.evaluation.features import TrainedFeatures
from gan_ext.games import LabeledBatch

__all__ = ["ClassifierFeatures"]

Array = NDArray[Any]


class ClassifierFeatures(TrainedFeatures):
    r"""Features of a small classifier, trained on labeled samples of your own.

    .. math:: \min_\theta \; -E_{x, y} \log p_\theta(y \mid x), \qquad f(x) \text{ what comes before the class logits}

    A convolutional net for images (n, c, h, w) whose sides are multiples of 4, else a perceptron.  What the classes do
    not depend on, the features hardly see: a metric on them judges whether samples look like members of the classes.

    References: the role that Inception (Szegedy et al., 2016), https://arxiv.org/abs/1512.00567, has in FID; features
    of a classifier of the data itself: Mode Regularized Generative Adversarial Networks (Che et al., 2017),
    https://arxiv.org/abs/1612.02136

    Parameters
    ----------
    features : int, default=64
        Width of the features.
    unlabeled : object, default=-1
        What stands for "no label" in `y`: such samples are left out; None if every sample has one.
    max_iter : int, default=1000
        Training steps; with 0 the net stays as it was drawn (random features).
    batch_size : int, default=100
        Samples in a step, at least 2.
    learning_rate : float, default=2e-3
        Step size at the start; it falls to 0 along half a cosine.
    solver : Solver, tuple or None, default=None
        How a step is played, such as :class:`gan_ext.engine.Lookahead`, or a tuple of players in the order of their
        moves; None for plain steps.  The only player is called ``"model"``.
    clip : float or None, default=None
        Largest norm of a player's gradient, for training that blows up; None for any.
    averaging : float, default=0.0
        Decay of the averaged weights that read features, per step; 0 keeps none.
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
        Decides initial weights and order.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    net_ : Module
        The net, with averaged weights if there are any, on the CPU.
    sample_shape_ : tuple of int
        Shape of one sample.
    history_ : list of dict
        Mean losses over every fiftieth of training.
    n_iter_ : int
        Steps done.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TrainedFeatures._parameter_constraints,
        "unlabeled": UNLABELED,
    }
    classes_: Array

    def __init__(
        self,
        *,
        features: int = 64,
        unlabeled: Any = -1,
        max_iter: int = 1000,
        batch_size: int = 100,
        learning_rate: float = 2e-3,
        solver: Solver | Turns | None = None,
        clip: float | None = None,
        averaging: float = 0.0,
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
        super().__init__(
            features=features,
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            solver=solver,
            clip=clip,
            averaging=averaging,
            device=device,
            data_device=data_device,
            precision=precision,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            verbose=verbose,
            callbacks=callbacks,
            warm_start=warm_start,
            random_state=random_state,
        )
        self.unlabeled = unlabeled

    @whole_or_undone
    def fit(self, X: Any, y: Any) -> Self:
        """Train the classifier.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,)
            Their classes, at least two.

        Returns
        -------
        self
        """
        check_parameters(self)
        X, y = self._checked(X), column_or_1d(plain_labels(y, self.unlabeled))
        if len(y) != len(X):
            raise ValueError(f"X has {len(X)} samples and y {len(y)} labels; fit needs one for each.")
        labels = read_labels(y, self.unlabeled)
        if self._goes_on() and not np.array_equal(labels.classes, self.classes_):
            raise ValueError(
                f"warm_start=True needs the classes {self.classes_.tolist()} as before, got {labels.classes.tolist()}."
            )
        seed = self._take_up(X, labels.codes)
        self.classes_ = labels.classes
        net = self._next_net(X.shape[1:], len(labels.classes), 0, seed)
        scaled = torch.tensor(self.scaler_.forward(X[labels.known]), dtype=torch.float32)
        batch = LabeledBatch(scaled, torch.from_numpy(labels.codes[labels.known]))
        self._train(net, batch, lambda batch: -F.cross_entropy(net(batch.x), batch.y, reduction="none"), seed)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes (n, n_classes)."""
        return self._read(X, lambda net, x: net(x).softmax(1))

    def predict(self, X: Any) -> Array:
        """Return the most probable classes (n,)."""
        predicted: Array = self.classes_[self.predict_proba(X).argmax(1)]
        return predicted
