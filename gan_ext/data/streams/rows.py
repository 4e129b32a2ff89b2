"""Columns of a stream: tensors, and samples that stay as they are stored until a batch is made of them."""

import copy
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.data.streams.placing import DataDevice, copied, lies_on
from gan_ext.data.streams.sources import ArraySource, Source, SubsetSource, blocks_of

__all__ = ["Column", "ScaledRows", "TensorRows", "index_of"]

Array = NDArray[Any]
_GATHERED = {
    np.dtype(name) for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
}


class Column(Protocol):
    """One part of every batch of a stream: rows that are taken by number."""

    @property
    def device(self) -> torch.device:
        """Where the data lie: rows are asked for by numbers that lie there."""
        ...

    def __len__(self) -> int: ...

    def take(self, rows: Tensor) -> Tensor:
        """Return rows [B, ...] by their numbers, on the device that trains."""
        ...

    def place(self, device: torch.device, data_device: DataDevice) -> "Column":
        """Return the column for training on a device, with its data there or on the host."""
        ...


class TensorRows:
    """A tensor [n, ...] as a column."""

    def __init__(self, values: Tensor) -> None:
        self.values, self._trains = values, values.device

    @property
    def device(self) -> torch.device:
        """Where the data lie."""
        return self.values.device

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Tensor:
        """Return rows by their numbers."""
        return copied(self.values.index_select(0, rows), self._trains)

    def place(self, device: torch.device, data_device: DataDevice) -> "TensorRows":
        """Return the column for training on a device."""
        placed = TensorRows(self.values)
        if self.values.device != device:  # what lies on the device already stays
            lies = lies_on(device, self.values.nbytes, data_device) if device.type == "cuda" else device
            placed.values = self.values.to(lies)
        placed._trains = device
        return placed


@checked
class ScaledRows:
    r"""Samples of a source, scaled when a batch is made, in float64, and then float32: :math:`(x - a) / b`.

    What is stored in one byte takes one byte until then.  ``rows[index]`` is a tensor [.., ...] on the CPU.

    Args:
        source: the samples (n, ...).
        shift: a, broadcast to a sample.
        scale: b, the same; 1 where None.
        fixed: whether a sample is the same each time that it is read.
    """

    def __init__(
        self, source: Source, shift: Array | None = None, scale: Array | None = None, fixed: bool = True
    ) -> None:
        self.source, self.fixed = source, fixed
        self.shape = tuple(source.shape)
        self._affine = None if shift is None or scale is None else (torch.as_tensor(shift), torch.as_tensor(scale))
        self._trains = torch.device("cpu")
        self._held: Tensor | None = None
        if isinstance(source, ArraySource) and isinstance(source.array, np.ndarray):
            array = source.array
            plain = not isinstance(array, np.memmap) and source._map is None
            if plain and array.dtype in _GATHERED and array.flags.writeable and min(array.strides, default=0) >= 0:
                self._held = torch.from_numpy(array)

    @property
    def device(self) -> torch.device:
        """Where the data lie."""
        return torch.device("cpu") if self._held is None else self._held.device

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Tensor:
        return self._scaled(torch.from_numpy(self.source.take(index_of(index, len(self)))))

    def take(self, rows: Tensor) -> Tensor:
        """Return rows by their numbers, scaled, on the device that trains."""
        held = self._held
        raw = _as_tensor(self.source.take(rows.numpy())) if held is None else held.index_select(0, rows)
        return self._scaled(copied(raw, self._trains))

    def place(self, device: torch.device, data_device: DataDevice) -> Self:
        """Return the column for training on a device."""
        placed = copy.copy(self)
        placed._trains = device
        if self._affine is not None:
            placed._affine = (self._affine[0].to(device), self._affine[1].to(device))
        if self.device == device and self._held is not None:
            return placed
        needed = len(self) * int(np.prod(self.shape[1:], dtype=np.int64)) * self.source.dtype.itemsize
        if lies_on(device, needed, data_device, self.fixed).type == "cuda":
            first = _as_tensor(self.source.take(np.arange(1)))
            placed._held = torch.empty(self.shape, dtype=first.dtype, device=device)
            for part in blocks_of(self.shape, self.source.dtype.itemsize):
                placed._held[part] = copied(_as_tensor(self.source.take(np.arange(part.start, part.stop))), device)
        return placed

    def subset(self, known: NDArray[np.bool_]) -> "ScaledRows":
        """Return the rows where `known` [n] is true; nothing is read yet."""
        chosen = ScaledRows(SubsetSource(self.source, np.flatnonzero(known)), fixed=self.fixed)
        chosen._affine = self._affine
        return chosen

    def split(self, size: int) -> Iterator[Tensor]:
        """Yield all rows, so many at a time."""
        for begin in range(0, len(self), size):
            yield self[begin : begin + size]

    def _scaled(self, raw: Tensor) -> Tensor:
        if self._affine is None:
            return raw.float()
        shift, scale = self._affine
        return ((raw.double() - shift) / scale).float()


def index_of(index: Any, n: int) -> NDArray[np.int64]:
    """Return the numbers of the rows that a slice, a mask or numbers stand for."""
    if isinstance(index, slice):
        return np.arange(*index.indices(n))
    array = index.cpu().numpy() if isinstance(index, Tensor) else np.asarray(index)
    rows = np.flatnonzero(array) if array.dtype == bool else array.astype(np.int64).reshape(-1)
    return np.where(rows < 0, rows + n, rows)


def _as_tensor(raw: Array) -> Tensor:
    """Return numbers as a tensor; types that torch does not gather become wider ones."""
    if raw.dtype not in _GATHERED:
        raw = raw.astype(np.int32 if raw.dtype == np.uint16 else np.int64 if raw.dtype.kind == "u" else np.float64)
    return torch.from_numpy(np.ascontiguousarray(raw))
