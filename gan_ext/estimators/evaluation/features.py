"""What feature extractors share that are trained on the spot: a small net fitted by maximum likelihood."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor, nn

from gan_ext.data import ArrayStream, DataDevice
from gan_ext.engine import Callback, Solver, Turns, adam, cosine, resolve_device
from gan_ext.estimators.base.assembly import are_images
from gan_ext.estimators.base.checks import naming
from gan_ext.estimators.base.estimator import RandomState, claim_fit, new_seed, on_cpu
from gan_ext.estimators.base.parameters import SHARED_CONSTRAINTS, integer
from gan_ext.estimators.base.running import Running
from gan_ext.estimators.base.scaling import Scaler
from gan_ext.games import LabeledBatch, MaximumLikelihood, RealBatch
from gan_ext.nets import conv_trunk, mlp_trunk
from gan_ext.seeds import seeded

__all__ = ["FeatureNet", "TrainedFeatures"]

Array = NDArray[Any]
_ROWS = 1024  # samples read at a time


class FeatureNet(nn.Module):
    """A trunk to features [B, F] and a head on top.

    Args:
        shape: of one sample.
        features: F.
        outputs: of the head.
        hidden: units between features and outputs; 0 for none.
    """

    def __init__(self, shape: tuple[int, ...], features: int, outputs: int, hidden: int = 0) -> None:
        super().__init__()
        self.shape, self.features, self.outputs = shape, features, outputs
        self.trunk = conv_trunk(shape, 32, features) if are_images(shape) else mlp_trunk(shape, (256, features))
        layers: list[nn.Module] = [nn.Linear(features, hidden), nn.ReLU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or features, outputs))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.trunk(x))
        return result


class TrainedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A small net fitted by maximum likelihood; a subclass says what is predicted.

    Parameters
    ----------
    features : int
        Width of the features.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SHARED_CONSTRAINTS,
        "max_iter": [integer(0)],
        "features": [integer(1)],
    }
    net_: FeatureNet
    _raw_net: FeatureNet
    sample_shape_: tuple[int, ...]
    scaler_: Scaler

    def __init__(
        self,
        *,
        features: int,
        max_iter: int,
        batch_size: int,
        learning_rate: float,
        solver: Solver | Turns | None,
        clip: float | None,
        averaging: float,
        device: str,
        data_device: DataDevice,
        precision: Literal["float32", "bfloat16"],
        checkpoint: str | Path | None,
        checkpoint_every: int,
        verbose: bool | int,
        callbacks: Sequence[Callback],
        warm_start: bool,
        random_state: RandomState,
    ) -> None:
        self.features = features
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

    def transform(self, X: Any) -> Array:
        """Return the features of samples (n, features), float32."""
        return self._read(X, lambda net, x: net.trunk(x))

    def _take_up(self, X: Array, labels: Array | None = None) -> int:
        """Set what depends on the data alone, unless that of the last fit is kept; return a seed."""
        if len(X) < 2:
            raise ValueError(f"X has {len(X)} sample; at least 2 are needed, hundreds are usual.")
        seed = new_seed(self.random_state)
        claim_fit(self, X, labels)
        if not self._goes_on():
            self.sample_shape_, self.scaler_ = X.shape[1:], Scaler("auto", X)
        return seed

    def _goes_on(self) -> bool:
        return self.warm_start and hasattr(self, "net_")

    def _checked(self, X: Any) -> Array:
        X = X.detach().cpu().numpy() if isinstance(X, Tensor) else X
        with naming("X"):
            checked: Array = check_array(X, dtype=[np.float32, np.float64], order="C", allow_nd=True)
        if checked.ndim not in (2, 4):
            raise ValueError(
                f"X has shape {checked.shape}; pass a table (n, d) or images (n, channels, height, width)."
            )
        return checked

    def _next_net(self, shape: tuple[int, ...], outputs: int, hidden: int, seed: int) -> FeatureNet:
        """Return the net to train: the last fit's, or a new one."""
        if self._goes_on():
            before = self._raw_net
            if (before.shape, before.outputs) != (shape, outputs):
                raise ValueError(
                    f"warm_start=True needs samples of shape {before.shape} and {before.outputs} outputs as before, "
                    f"got {shape} and {outputs}."
                )
            if before.features != self.features:
                raise ValueError(f"warm_start=True needs features={before.features} as before, got {self.features}.")
            return copy.deepcopy(before)
        with seeded(seed):
            return FeatureNet(shape, self.features, outputs, hidden)

    def _train(
        self, net: FeatureNet, batch: RealBatch | LabeledBatch, likelihood: Callable[[Any], Tensor], seed: int
    ) -> None:
        game, running = MaximumLikelihood(net, likelihood), Running.of(self)
        optimizer = adam(self.learning_rate, betas=(0.9, 0.999), weight_decay=1e-4)
        schedule = cosine(self.learning_rate, 0.0, max(1, self.max_iter))
        engine = running.engine(game, {"model": optimizer}, seed, {"model.lr": schedule})
        running.fit(engine, ArrayStream(batch, min(self.batch_size, len(batch.x)), seed), self.max_iter)
        averaged, raw = on_cpu(engine.averaged), on_cpu(engine.game)
        assert isinstance(averaged, MaximumLikelihood)
        assert isinstance(raw, MaximumLikelihood)
        assert isinstance(averaged.model, FeatureNet)
        assert isinstance(raw.model, FeatureNet)
        self.net_, self._raw_net = averaged.model, raw.model
        self.history_, self.n_iter_ = list(engine.history), engine.step
        self.n_features_out_ = self.features

    @torch.no_grad()
    def _read(self, X: Any, read: Callable[[FeatureNet, Tensor], Tensor]) -> Array:
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
