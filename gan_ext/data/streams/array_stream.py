"""Endless streams of shuffled batches with random access: the same draw gives the same batch, in any order.

Data that fit lie on the device that trains, so that making a batch is one gather and no copy; others stay on the host.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from gan_ext.checks import checked, no_less
from gan_ext.data.streams.order import Order
from gan_ext.data.streams.passes import PassStream
from gan_ext.data.streams.placing import Ahead, DataDevice, check_data_device
from gan_ext.data.streams.rows import Column, ScaledRows, TensorRows
from gan_ext.seeds import mix

__all__ = ["ArrayStream", "SemiStream"]

BatchT = TypeVar("BatchT", bound=tuple[Any, ...])  # a NamedTuple of tensors


@checked
class ArrayStream(Generic[BatchT]):
    """Shuffled batches of tensors of the same length; every element comes once before any comes again.

    Args:
        data: a ``NamedTuple`` of tensors [n, ...]; batches are of the same type.
        batch_size: rows of a batch over all ranks, >= 1; may exceed n.
        seed: decides the order.
        data_device: where the data lie while a GPU trains: on it if they take no more than half of its free memory
            (``"auto"``), on the host, from which the next batch is copied ahead (``"cpu"``), or on it (``"cuda"``).
            Batches have the same bits.
    """

    def __init__(self, data: BatchT, batch_size: int, seed: int = 0, data_device: DataDevice = "auto") -> None:
        if not hasattr(data, "_fields"):
            raise ValueError(f"ArrayStream needs a NamedTuple of tensors, got {type(data).__name__}.")
        for field, values in zip(data._fields, data, strict=True):
            if not isinstance(values, Tensor):
                raise ValueError(
                    f"{field!r} of the data is {type(values).__name__}; make it a tensor, numbers in float32 as the "
                    "networks': torch.tensor(values, dtype=torch.float32)."
                )
        self._start(type(data), [TensorRows(values) for values in data], batch_size, seed, data_device)

    @classmethod
    def of(
        cls,
        batch: Callable[..., BatchT],
        *columns: Tensor | Column,
        batch_size: int,
        seed: int = 0,
        data_device: DataDevice = "auto",
    ) -> Self:
        """Return a stream of batches made from columns, of which some need not be tensors.

        Args:
            batch: type of a batch, made from a tensor for each column.
            columns: tensors [n, ...], or rows of a source that is larger than memory (:class:`ScaledRows`).
            batch_size: see :class:`ArrayStream`.
            seed: see :class:`ArrayStream`.
            data_device: see :class:`ArrayStream`.
        """
        stream = cls.__new__(cls)
        each = [TensorRows(values) if isinstance(values, Tensor) else values for values in columns]
        stream._start(batch, each, batch_size, seed, data_device)
        return stream

    def _start(
        self, batch: Callable[..., BatchT], columns: Sequence[Column], size: int, seed: int, where: DataDevice
    ) -> None:
        lengths = {len(values) for values in columns}
        if len(lengths) != 1 or 0 in lengths or size < 1:
            raise ValueError(
                f"ArrayStream needs tensors of one length >= 1 and batch_size >= 1, got lengths {sorted(lengths)} and "
                f"batch_size={size}."
            )
        check_data_device(where)
        self._batch, self._columns, self._data_device = batch, tuple(columns), where
        self._order = Order(lengths.pop(), size, seed)
        self._ahead: Ahead[BatchT] | None = None

    def __getitem__(self, draw: int) -> BatchT:
        return self._made(draw) if self._ahead is None else self._ahead[draw]

    def _made(self, draw: int) -> BatchT:
        rows = self._order[draw]
        return self._batch(*(column.take(rows.to(column.device)) for column in self._columns))

    def with_data_device(self, data_device: DataDevice) -> Self:
        """Return the stream with another choice of where its data lie."""
        check_data_device(data_device)
        changed = copy.copy(self)
        changed._data_device = data_device
        return changed

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its data on a device or on the host, as `data_device` says."""
        placed = copy.copy(self)
        placed._columns = tuple(column.place(device, self._data_device) for column in self._columns)
        hosts = [column.device.type == "cpu" for column in placed._columns]
        placed._order = self._order.place(torch.device("cpu") if any(hosts) else device, rank, ranks)
        placed._ahead = Ahead(placed._made, device) if any(hosts) and device.type == "cuda" else None
        return placed


class _Labeled(NamedTuple):
    x: Tensor
    y: Tensor


class _Unlabeled(NamedTuple):
    u: Tensor


@checked(batch_size=no_less(1), labeled_batch=no_less(1))
class SemiStream(Generic[BatchT]):
    """Two independent streams side by side: labeled rows, repeated as often as needed, and unlabeled ones.

    Args:
        batch: type of a batch, made from (x, y, u) such as :class:`~gan_ext.games.SemiBatch`.
        x: labeled data [n, ...].
        y: classes [n], int64.
        u: unlabeled data [m, ...], or a stream of batches ``(u,)``.
        batch_size: rows of `u` in a batch, over all ranks.
        labeled_batch: rows of `x` in a batch, over all ranks; `batch_size` if None.
        seed: decides both orders.
        data_device: see :class:`ArrayStream`.
    """

    def __init__(
        self,
        batch: Callable[[Tensor, Tensor, Tensor], BatchT],
        x: Tensor | ScaledRows,
        y: Tensor,
        u: "Tensor | ScaledRows | PassStream[Any]",
        batch_size: int,
        labeled_batch: int | None = None,
        seed: int = 0,
        data_device: DataDevice = "auto",
    ) -> None:
        if len(x) != len(y) or x.shape[1:] != u.shape[1:]:
            raise ValueError(
                f"SemiStream needs x and y of one length and x and u of one sample shape, got x {tuple(x.shape)}, "
                f"y {tuple(y.shape)}, u {tuple(u.shape)}."
            )
        self.batch = batch
        self._labeled = ArrayStream.of(
            _Labeled, x, y, batch_size=labeled_batch or batch_size, seed=mix(seed, 1), data_device=data_device
        )
        self._unlabeled: ArrayStream[Any] | PassStream[Any] = (
            u
            if isinstance(u, PassStream)
            else ArrayStream.of(_Unlabeled, u, batch_size=batch_size, seed=mix(seed, 2), data_device=data_device)
        )

    def __getitem__(self, draw: int) -> BatchT:
        return self.batch(*self._labeled[draw], *self._unlabeled[draw])

    def with_data_device(self, data_device: DataDevice) -> Self:
        """Return the stream with another choice of where its data lie."""
        changed = copy.copy(self)
        changed._labeled = self._labeled.with_data_device(data_device)
        changed._unlabeled = self._unlabeled.with_data_device(data_device)
        return changed

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its data on a device."""
        placed = copy.copy(self)
        placed._labeled = self._labeled.place(device, rank, ranks)
        placed._unlabeled = self._unlabeled.place(device, rank, ranks)
        return placed
