"""Stacked MNIST: images of several random digits as channels, so that three make a thousand modes."""

import copy
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.data.streams import ArrayStream
from gan_ext.seeds import mix

__all__ = ["StackedStream", "stacked_labels"]

BatchT = TypeVar("BatchT", bound=tuple[Any, ...])  # a NamedTuple of tensors


class _Chosen(NamedTuple):
    digits: Tensor


@checked
class StackedStream(Generic[BatchT]):
    r"""Batches of images whose channels are digits drawn independently: with 10 classes, :math:`10^c` modes.

    The digits are stored once and stacked on the fly.  With `n` there are n fixed images, drawn at the start, and each
    comes once before any comes again; without, every batch is drawn anew, on the device, from the seed and its number.
    Then the CPU and a GPU draw different digits.

    References: Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163 (drawn
    anew); VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761, and PacGAN (Lin et al., 2018),
    https://arxiv.org/abs/1712.04086 (128 000 images); four channels: Maximum Entropy Generators for Energy-Based Models
    (Kumar et al., 2019), https://arxiv.org/abs/1901.08508

    Args:
        batch: type of a batch, made from images float32 [B, c, h, w], such as :class:`~gan_ext.games.RealBatch`.
        images: digits [N, h, w], uint8 in 0..255 or floats in [0, 1].
        batch_size: images of a batch over all ranks, >= 1.
        n: number of different stacked images; None draws every batch anew.
        seed: decides which digits meet, and their order.
        channels: c, digits of an image.
        values: what black and white become.

    Raises:
        ValueError: images of another shape or type, numbers below 1, or (when placed) a batch that cannot be shared
            evenly.
    """

    def __init__(
        self,
        batch: Callable[[Tensor], BatchT],
        images: Tensor,
        batch_size: int,
        n: int | None = 128_000,
        seed: int = 0,
        channels: int = 3,
        values: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if images.ndim != 3 or not len(images) or not (images.dtype == torch.uint8 or images.is_floating_point()):
            raise ValueError(
                f"images must be [N, h, w], uint8 or floats, at least one, got {images.dtype} {tuple(images.shape)}."
            )
        for name, number in {"batch_size": batch_size, "n": 1 if n is None else n, "channels": channels}.items():
            if number < 1:
                raise ValueError(f"{name}={number!r} must be at least 1.")
        self.batch, self.images, self.batch_size, self.seed = batch, images, batch_size, seed
        self.channels, self.values = channels, values
        self._rows = slice(0, batch_size)
        self._table: ArrayStream[_Chosen] | None = None
        if n is not None:
            table = _Chosen(self._drawn(n, mix(seed, 1), torch.device("cpu")))
            self._table = ArrayStream(table, batch_size, mix(seed, 2)).place(images.device, 0, 1)

    def __getitem__(self, draw: int) -> BatchT:
        chosen = self.digits(draw)
        stacked = self.images.index_select(0, chosen.reshape(-1)).float().unflatten(0, chosen.shape)
        low, high = self.values
        scale = (high - low) / (255 if self.images.dtype == torch.uint8 else 1)
        return self.batch(stacked if (scale, low) == (1.0, 0.0) else stacked * scale + low)

    def digits(self, draw: int) -> Tensor:
        """Return which stored digits a batch is made of, int64 [B, c]."""
        if self._table is not None:
            return self._table[draw].digits
        return self._drawn(self.batch_size, mix(self.seed, 3, draw), self.images.device)[self._rows]

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its digits on a device."""
        if self.batch_size % ranks:
            raise ValueError(f"batch_size={self.batch_size} cannot be shared evenly by {ranks} ranks.")
        share = self.batch_size // ranks
        placed = copy.copy(self)
        placed.images, placed._rows = self.images.to(device), slice(rank * share, (rank + 1) * share)
        if self._table is not None:
            placed._table = self._table.place(device, rank, ranks)
        return placed

    def _drawn(self, n: int, seed: int, device: torch.device) -> Tensor:
        generator = torch.Generator(device).manual_seed(seed)
        return torch.randint(len(self.images), (n, self.channels), generator=generator, device=device)


def stacked_labels(labels: Tensor, classes: int = 10) -> Tensor:
    r"""Return the number of each stacked image's mode, from the classes of its channels.

    .. math:: m = \sum_{j=1}^{c} K^{c - j} y_j

    On real data, ``stacked_labels(y[stream.digits(draw)])`` are the modes of a batch.

    Args:
        labels: classes of the channels, int64 [n, c].
        classes: K.

    Returns:
        Modes, int64 [n], from 0 to :math:`K^c - 1`.

    Raises:
        ValueError: labels of another shape.
    """
    if labels.ndim != 2 or labels.is_floating_point():
        raise ValueError(f"labels must be integers [n, c], got {labels.dtype} {tuple(labels.shape)}.")
    modes = torch.zeros_like(labels[:, 0], dtype=torch.int64)
    for column in labels.unbind(1):
        modes = modes * classes + column
    return modes
