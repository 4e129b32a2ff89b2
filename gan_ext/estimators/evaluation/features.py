"""Feature extractors that need no download: small nets, trained on the spot on the user's own data."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from typing_extensions import Self

from gan_ext.data import ArrayStream, RandomAffine
from gan_ext.engine import Compute, Engine, adam, cosine, resolve_device
from gan_ext.estimators.base.assembly import are_images
from gan_ext.estimators.base.checks import check_integers, check_not_negative
from gan_ext.estimators.base.estimator import new_seed
from gan_ext.estimators.base.labels import read_labels
from gan_ext.estimators.base.scaling import Scaler
from gan_ext.games import LabeledBatch, MaximumLikelihood, RealBatch
from gan_ext.nets import conv_trunk, mlp_trunk
from gan_ext.seeds import kept_generators, reseed

__all__ = ["ClassifierFeatures", "SelfSupervisedFeatures"]

Array = NDArray[Any]
_ROWS = 1024  # samples read at a time


class _Net(nn.Module):
    """A trunk to features [B, F] and a head on top."""

    def __init__(self, shape: tuple[int, ...], features: int, outputs: int, hidden: int = 0) -> None:
        super().__init__()
        self.trunk = conv_trunk(shape, 32, features) if are_images(shape) else mlp_trunk(shape, (256, features))
        layers: list[nn.Module] = [nn.Linear(features, hidden), nn.ReLU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or features, outputs))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.trunk(x))
        return result


class _TrainedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A small net fitted by maximum likelihood; a subclass says what is predicted."""

    max_iter: int
    batch_size: int
    features: int
    learning_rate: float
    device: str
    random_state: Any

    def transform(self, X: Any) -> Array:
        """Return the features of samples (n, features), float32."""
        return self._read(X, lambda net, x: net.trunk(x))

    def _take_up(self, X: Any) -> tuple[Array, int]:
        """Return checked data, and a seed."""
        check_integers(self, max_iter=0, batch_size=2, features=1)
        check_not_negative(self, "learning_rate")
        resolve_device(self.device)
        checked = self._checked(X)
        if len(checked) < 2:
            raise ValueError(f"X has {len(checked)} sample; at least 2 are needed, hundreds are usual.")
        self.sample_shape_, self.scaler_ = checked.shape[1:], Scaler("auto", checked)
        return checked, new_seed(self.random_state)

    def _checked(self, X: Any) -> Array:
        X = X.detach().cpu().numpy() if isinstance(X, Tensor) else X
        checked: Array = check_array(X, dtype=[np.float32, np.float64], allow_nd=True)
        if checked.ndim not in (2, 4):
            raise ValueError(
                f"X has shape {checked.shape}; pass a table (n, d) or images (n, channels, height, width)."
            )
        return checked

    def _train(self, net: _Net, batch: Any, likelihood: Callable[[Any], Tensor], seed: int) -> None:
        if self.max_iter:
            engine = Engine(
                MaximumLikelihood(net, likelihood),
                {"model": adam(self.learning_rate, betas=(0.9, 0.999), weight_decay=1e-4)},
                seed=seed,
                schedules={"model.lr": cosine(self.learning_rate, 0.0, self.max_iter)},
                compute=Compute(self.device),
            )
            engine.fit(ArrayStream(batch, min(self.batch_size, len(batch[0])), seed), self.max_iter)
        self.net_ = net.cpu().eval()
        self.n_features_out_ = self.features

    def _built(self, outputs: int, hidden: int, seed: int) -> _Net:
        cpu = torch.device("cpu")
        with kept_generators(cpu):
            reseed(cpu, seed)
            return _Net(self.sample_shape_, self.features, outputs, hidden)

    @torch.no_grad()
    def _read(self, X: Any, read: Callable[[_Net, Tensor], Tensor]) -> Array:
        check_is_fitted(self)
        X = self._checked(X)
        if X.shape[1:] != self.sample_shape_:
            raise ValueError(f"X has samples of shape {X.shape[1:]}, but fit was given {self.sample_shape_}.")
        device = resolve_device(self.device)
        net = copy.deepcopy(self.net_).to(device)
        scaled = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        parts: Array = torch.cat([read(net, part.to(device)).cpu() for part in scaled.split(_ROWS)]).numpy()
        return parts

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class ClassifierFeatures(_TrainedFeatures):
    r"""Features of a small classifier, trained on labeled samples of your own.

    .. math:: \min_\theta \; -E_{x, y} \log p_\theta(y \mid x), \qquad f(x) \text{ what comes before the class logits}

    A convolutional net for images (n, c, h, w) whose sides are multiples of 4, else a perceptron.  What the classes do
    not depend on, the features hardly see: a metric on them judges whether samples look like members of the classes.

    References: the role that Inception (Szegedy et al., 2016), https://arxiv.org/abs/1512.00567, has in FID; features
    of a classifier of the data itself: Mode Regularized Generative Adversarial Networks (Che et al., 2017),
    https://arxiv.org/abs/1612.02136

    Parameters
    ----------
    max_iter : int, default=1000
        Training steps.
    batch_size : int, default=100
        Samples in a step.
    features : int, default=64
        Width of the features.
    learning_rate : float, default=2e-3
        At the start; it falls to 0 along half a cosine.
    unlabeled : object, default=None
        What stands for "no label" in `y`: such samples are left out; None if every sample has one.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights and order.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    net_ : Module
        The net, on the CPU.
    """

    def __init__(
        self,
        max_iter: int = 1000,
        *,
        batch_size: int = 100,
        features: int = 64,
        learning_rate: float = 2e-3,
        unlabeled: Any = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.features = features
        self.learning_rate = learning_rate
        self.unlabeled = unlabeled
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train the classifier.

        Parameters
        ----------
        X : array-like of shape (n, d) or (n, c, h, w)
            Samples.
        y : array-like of shape (n,)
            Their classes, at least two.
        """
        X, seed = self._take_up(X)
        y = column_or_1d(y)
        if len(y) != len(X):
            raise ValueError(f"X has {len(X)} samples and y {len(y)} labels; fit needs one for each.")
        labels = read_labels(y, self.unlabeled)
        self.classes_ = labels.classes
        net = self._built(len(labels.classes), 0, seed)
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


class SelfSupervisedFeatures(_TrainedFeatures):
    r"""Features of a small net that learns, without labels, which two views are of one sample.

    .. math::
        \min_\theta \; -\frac{1}{2 B} \sum_{i} \log \frac{e^{u_i \cdot v_i / \tau}}{\sum_j e^{u_i \cdot v_j / \tau}}
        + \log \frac{e^{u_i \cdot v_i / \tau}}{\sum_j e^{u_j \cdot v_i / \tau}}

    with the projections u and v, of length 1, of two views of each of B samples.  A view of an image is turned,
    stretched, shifted (:class:`gan_ext.data.RandomAffine`) and brightened at random; a view of a table's row has a
    share of its entries replaced by those of other rows.  Features are what comes before the projection; they see
    little of what views differ in: a generator of shifted images is hardly blamed for the shift.

    References: A Simple Framework for Contrastive Learning of Visual Representations (Chen et al., 2020),
    https://arxiv.org/abs/2002.05709; SCARF (Bahri et al., 2022), https://arxiv.org/abs/2106.15147

    Parameters
    ----------
    max_iter : int, default=500
        Training steps; 0 leaves the net as it was drawn (random features).
    batch_size : int, default=256
        Samples in a step.
    features : int, default=64
        Width of the features.
    learning_rate : float, default=2e-3
        At the start; it falls to 0 along half a cosine.
    temperature : float, default=0.2
        :math:`\tau`.
    corruption : float, default=0.4
        Share of a row's entries that a view replaces, for tables.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and views.

    Attributes
    ----------
    net_ : Module
        The net, on the CPU.
    """

    def __init__(
        self,
        max_iter: int = 500,
        *,
        batch_size: int = 256,
        features: int = 64,
        learning_rate: float = 2e-3,
        temperature: float = 0.2,
        corruption: float = 0.4,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.features = features
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.corruption = corruption
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples (n, d) or (n, c, h, w); `y` is not looked at."""
        if not self.temperature > 0 or not 0 < self.corruption < 1:
            raise ValueError(
                f"temperature={self.temperature!r} must be positive and corruption={self.corruption!r} in (0, 1)."
            )
        X, seed = self._take_up(X)
        net = self._built(64, self.features, seed)
        images = len(self.sample_shape_) == 3
        view = _image_view if images else partial(_corrupted, share=self.corruption)
        scaled = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        contrast = _Contrast(net, view, self.temperature)
        self._train(net, RealBatch(scaled), contrast.log_likelihood, seed)
        return self


class _Contrast(NamedTuple):
    """Log-likelihood [B] of finding every sample's other view among those of the batch."""

    net: nn.Module
    view: Callable[[Tensor], Tensor]
    temperature: float

    def log_likelihood(self, batch: RealBatch) -> Tensor:
        u, v = self.net(torch.cat([self.view(batch.x), self.view(batch.x)])).chunk(2)
        likeness: Tensor = F.normalize(u.float()) @ F.normalize(v.float()).T / self.temperature
        return (likeness.log_softmax(1).diagonal() + likeness.log_softmax(0).diagonal()) / 2


def _corrupted(x: Tensor, share: float) -> Tensor:
    """Replace a share of each row's entries by those of other rows."""
    rows = torch.randint(len(x), x.shape, device=x.device)
    return torch.where(torch.rand_like(x) < share, x.gather(0, rows), x)


def _image_view(x: Tensor) -> Tensor:
    bright = 0.6 + 0.8 * torch.rand(len(x), 1, 1, 1, device=x.device)
    moved: Tensor = RandomAffine(0.2, 0.2, 0.2, 0.1 * x.shape[-1])(x)
    return moved * bright + 0.1 * torch.randn_like(x)
