"""What every estimator of samples (tables or images) shares around its game: checks, checkpoints, devices, drawing."""

import copy
import math
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from gan_ext.data.missing import plain_labels
from gan_ext.engine import Callback, resolve_device
from gan_ext.estimators.base.assembly import claim_folder
from gan_ext.estimators.base.checks import RandomState, drawing, naming, warn_of_divergence
from gan_ext.estimators.base.scaling import Scaler
from gan_ext.estimators.base.seen import DataSeen, look_at, warn_of_units
from gan_ext.game import Game
from gan_ext.seeds import seeded

__all__ = ["FREE", "ROWS", "GANEstimator", "RandomState", "claim_fit", "new_seed", "on_cpu"]

# What may change when a fit is resumed.
FREE = frozenset({"callbacks", "checkpoint", "checkpoint_every", "data_device", "device", "verbose", "warm_start"})
_LOOKED_AT = 256  # samples by which a fit is checked
ROWS = 4096  # samples judged or made at a time

Array = NDArray[Any]
GameT = TypeVar("GameT", bound=Game)


def new_seed(random_state: RandomState) -> int:
    """Return an integer seed drawn from scikit-learn's kind of random state."""
    return int(drawing(random_state).randint(2**31 - 1))


class Saving(Protocol):
    """An estimator with a folder of checkpoints, or none."""

    @property
    def checkpoint(self) -> str | PathLike[str] | None: ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...


def claim_fit(estimator: Saving, data: Array, labels: Array | None) -> None:
    """Note in an estimator's folder of checkpoints, if it has one, whose fit it holds: what data, what settings.

    Raises:
        CheckpointError: the folder cannot be written, or holds a fit of other data or settings.
    """
    if estimator.checkpoint is not None:
        settings = {name: value for name, value in estimator.get_params(deep=False).items() if name not in FREE}
        claim_folder(Path(estimator.checkpoint), data, labels, settings)


class GANEstimator(BaseEstimator):  # type: ignore[misc]
    """Estimator around a game that makes samples; a subclass's `fit` sets the attributes below."""

    max_iter: int
    device: str
    checkpoint: str | Path | None
    checkpoint_every: int
    callbacks: Sequence[Callback]
    warm_start: bool
    learning_rate: float
    history_: list[dict[str, Any]]
    sample: Callable[..., Any]
    sample_shape_: tuple[int, ...]
    scaler_: Scaler
    seen_: DataSeen

    def _read_training_data(self, X: Any, y: Any = "no_validation", reset: bool = True) -> Any:
        """Return checked data (and labels): finite numbers, a table (n, d) or images (n, c, h, w), rows in C order."""
        if y is not None and not isinstance(y, str):
            y = plain_labels(y, getattr(self, "unlabeled", None))
        with naming("X"):
            checked = validate_data(
                self, X, y, reset=reset, dtype=[np.float64, np.float32], order="C", allow_nd=True, ensure_min_samples=2
            )
        shape = (checked[0] if isinstance(checked, tuple) else checked).shape
        if len(shape) not in (2, 4):
            raise ValueError(
                f"X has shape {shape}; pass a table (n, d) or images (n, channels, height, width). Gray images "
                "(n, h, w) become X[:, None], or gan_ext.data.ChannelsFirst().fit_transform(X)."
            )
        if len(shape) == 4 and shape[3] in (1, 3, 4) and min(shape[1:3]) > 4:
            raise ValueError(
                f"X has shape {shape}, which would be images of {shape[1]} channels; if the last axis is colors, pass "
                "gan_ext.data.ChannelsFirst().fit_transform(X), or X.transpose(0, 3, 1, 2)."
            )
        if reset:
            kept = checked[0] if isinstance(checked, tuple) else checked
            self.seen_ = look_at(kept, getattr(X, "dtype", kept.dtype))
        return checked

    def _read_data(self, X: Any) -> Array:
        """Return checked data of the shape that `fit` was given."""
        check_is_fitted(self)
        if len(self.sample_shape_) > 1:  # of images scikit-learn would count channels, and call them features
            X = np.asarray(X)
            self._check_sample_shape(X)
        with naming("X"):
            X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", allow_nd=True, reset=False)
        self._check_sample_shape(X)
        warn_of_units(self.seen_, X)
        checked: Array = X
        return checked

    def _check_sample_shape(self, X: Array) -> None:
        if X.shape[1:] != self.sample_shape_:
            raise ValueError(f"X has samples of shape {X.shape[1:]}, but fit was given {self.sample_shape_}.")

    @property
    def _sample_size(self) -> int:
        """Numbers in a sample."""
        return math.prod(self.sample_shape_)

    def _claim_checkpoint(self, X: Array, labels: Array | None) -> None:
        claim_fit(self, X, labels)

    def _goes_on(self) -> bool:
        """Return whether `fit` goes on from the networks of the last one."""
        return self.warm_start and hasattr(self, "game_")

    def _check_as_before(self, shape: tuple[int, ...], classes: Array | None = None) -> None:
        """Raise ValueError unless data are as in the last fit, from whose networks this one goes on."""
        before: Array | None = getattr(self, "classes_", None)
        same = before is None if classes is None else before is not None and np.array_equal(classes, before)
        if shape != self.sample_shape_ or not same:
            was, now = (
                f"samples of shape {of}" + ("" if names is None else f" and the classes {names.tolist()}")
                for of, names in ((self.sample_shape_, before), (shape, classes))
            )
            raise ValueError(f"warm_start=True needs {was} as before, got {now}.")

    def _judge(self, network: nn.Module, X: Any, read: Callable[[Any], Tensor]) -> Array:
        """Return what `read` takes from the network's output on data, in blocks and in double precision."""
        return self._judge_checked(network, self._read_data(X), read)

    def _judge_checked(self, network: nn.Module, X: Array, read: Callable[[Any], Tensor]) -> Array:
        """Return the same for data that is checked already, and has lost the names of its features."""
        scaled = torch.tensor(self.scaler_.forward(X))
        device = resolve_device(self.device)
        # In the precision of the data: one sample then gets the same answer alone as among others.
        network = copy.deepcopy(network).to(device, scaled.dtype)
        with torch.no_grad():
            parts = [read(network(part.to(device))).double().cpu() for part in scaled.split(ROWS)]
        judged: Array = torch.cat(parts).numpy()
        return judged

    def _warn_of_divergence(self, X: Array, made: Array | None = None) -> None:
        """Warn if samples of the fit that has just ended (drawn here if None) are nothing like its data."""
        some = X[np.linspace(0, len(X) - 1, min(len(X), _LOOKED_AT)).astype(np.int64)]
        if made is None:
            made = self.sample(min(len(X), _LOOKED_AT), random_state=0)
        warn_of_divergence(
            self.scaler_.forward(some), self.scaler_.forward(made), self.history_, float(self.learning_rate)
        )

    def _generate(self, generator: nn.Module, draw: Callable[[], Tensor], random_state: RandomState) -> Array:
        """Return samples in the data's units from inputs that `draw` makes under the seed of `random_state`."""
        made = self._seeded(lambda: torch.cat([generator(part) for part in draw().split(ROWS)]), random_state)
        return self.scaler_.inverse(made.double().numpy())

    def _seeded(self, make: Callable[[], Tensor], random_state: RandomState) -> Tensor:
        """Return what `make` makes on the CPU under a seed; the caller's generator is left alone."""
        with torch.no_grad(), seeded(new_seed(random_state)):
            return make()


def on_cpu(game: GameT) -> GameT:
    """Return a copy of a game on the CPU, in evaluation mode."""
    return copy.deepcopy(game).cpu().eval()
