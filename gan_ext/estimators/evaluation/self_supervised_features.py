"""Features of a small net that is trained on the spot, without labels."""

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from typing_extensions import Self

from gan_ext.data import DataDevice, RandomAffine
from gan_ext.engine import Callback, Solver, Turns
from gan_ext.estimators.base.estimator import RandomState
from gan_ext.estimators.base.parameters import Number, check_parameters, positive
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.evaluation.features import TrainedFeatures
from gan_ext.games import RealBatch

__all__ = ["SelfSupervisedFeatures"]

_PROJECTION = 64  # numbers in a projection


class SelfSupervisedFeatures(TrainedFeatures):
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
    features : int, default=64
        Width of the features.
    temperature : float, default=0.2
        :math:`\tau`.
    corruption : float, default=0.4
        Share of a row's entries that a view replaces, for tables.
    max_iter : int, default=500
        Training steps; 0 leaves the net as it was drawn (random features).
    batch_size : int, default=256
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
        Decides initial weights, order and views.

    Attributes
    ----------
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
        "temperature": [positive()],
        "corruption": [Number(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        *,
        features: int = 64,
        temperature: float = 0.2,
        corruption: float = 0.4,
        max_iter: int = 500,
        batch_size: int = 256,
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
        self.temperature = temperature
        self.corruption = corruption

    @whole_or_undone
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples (n, d) or (n, c, h, w); `y` is not looked at."""
        check_parameters(self)
        X = self._checked(X)
        seed = self._take_up(X)
        net = self._next_net(X.shape[1:], _PROJECTION, self.features, seed)
        view = _image_view if X.ndim == 4 else partial(_corrupted, share=self.corruption)
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
