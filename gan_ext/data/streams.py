"""Endless streams of shuffled batches with random access: the same draw gives the same batch, in any order.

A stream holds its data on the device, so that making a batch is one gather and no copy.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from gan_ext.seeds import mix

__all__ = ["ArrayStream", "SemiStream"]

BatchT = TypeVar("BatchT", bound=tuple[Any, ...])  # a NamedTuple of tensors


class _Order:
    """The endless concatenation of shuffles of range(n), cut into blocks that are drawn from (seed, block)."""

    def __init__(self, n: int, batch_size: int, seed: int) -> None:
        self.n, self.batch_size, self.seed = n, batch_size, seed
        self.repeats = max(1, -(-64 * batch_size // n)) if n < 16 * batch_size else 1
        self.rows = slice(0, batch_size)
        self.device = torch.device("cpu")
        self._blocks: OrderedDict[int, Tensor] = OrderedDict()

    def __getitem__(self, draw: int) -> Tensor:
        first, length = draw * self.batch_size, self.n * self.repeats
        start, end = first + self.rows.start, first + self.rows.stop
        pieces = []
        while start < end:
            block, offset = divmod(start, length)
            pieces.append(self._block(block)[offset : offset + end - start])
            start += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _block(self, block: int) -> Tensor:
        if block not in self._blocks:
            generator = torch.Generator().manual_seed(mix(self.seed, block))
            shuffles = [torch.randperm(self.n, generator=generator) for _ in range(self.repeats)]
            self._blocks[block] = torch.cat(shuffles).to(self.device)
            if len(self._blocks) > 2:
                self._blocks.popitem(last=False)
        return self._blocks[block]

    def place(self, device: torch.device, rank: int, ranks: int) -> "_Order":
        if self.batch_size % ranks:
            raise ValueError(f"batch_size={self.batch_size} cannot be shared evenly by {ranks} ranks.")
        share = self.batch_size // ranks
        placed = copy.copy(self)
        placed.device, placed._blocks = device, OrderedDict()
        placed.rows = slice(rank * share, (rank + 1) * share)
        return placed


class ArrayStream(Generic[BatchT]):
    """Shuffled batches of tensors of the same length; every element comes once before any comes again.

    Args:
        data: a ``NamedTuple`` of tensors [n, ...]; batches are of the same type.
        batch_size: rows of a batch over all ranks, >= 1; may exceed n.
        seed: decides the order.
    """

    def __init__(self, data: BatchT, batch_size: int, seed: int = 0) -> None:
        if not hasattr(data, "_fields"):
            raise ValueError(f"ArrayStream needs a NamedTuple of tensors, got {type(data).__name__}.")
        for field, values in zip(data._fields, data, strict=True):
            if not isinstance(values, Tensor):
                raise ValueError(
                    f"{field!r} of the data is {type(values).__name__}; make it a tensor, numbers in float32 as the "
                    "networks': torch.tensor(values, dtype=torch.float32)."
                )
        lengths = {len(values) for values in data}
        if len(lengths) != 1 or 0 in lengths or batch_size < 1:
            raise ValueError(
                f"ArrayStream needs tensors of one length >= 1 and batch_size >= 1, got lengths {sorted(lengths)} and "
                f"batch_size={batch_size}."
            )
        self.data = data
        self._order = _Order(lengths.pop(), batch_size, seed)

    def __getitem__(self, draw: int) -> BatchT:
        rows = self._order[draw]
        return type(self.data)(*(values.index_select(0, rows) for values in self.data))

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its data on a device."""
        placed = copy.copy(self)
        placed.data = type(self.data)(*(values.to(device) for values in self.data))
        placed._order = self._order.place(device, rank, ranks)
        return placed


class _Labeled(NamedTuple):
    x: Tensor
    y: Tensor


class _Unlabeled(NamedTuple):
    u: Tensor


class SemiStream(Generic[BatchT]):
    """Two independent streams side by side: labeled rows, repeated as often as needed, and unlabeled ones.

    Args:
        batch: type of a batch, made from (x, y, u) such as :class:`~gan_ext.games.SemiBatch`.
        x: labeled data [n, ...].
        y: classes [n], int64.
        u: unlabeled data [m, ...].
        batch_size: rows of `u` in a batch, over all ranks.
        labeled_batch: rows of `x` in a batch, over all ranks; `batch_size` if None.
        seed: decides both orders.
    """

    def __init__(
        self,
        batch: Callable[[Tensor, Tensor, Tensor], BatchT],
        x: Tensor,
        y: Tensor,
        u: Tensor,
        batch_size: int,
        labeled_batch: int | None = None,
        seed: int = 0,
    ) -> None:
        if len(x) != len(y) or x.shape[1:] != u.shape[1:]:
            raise ValueError(
                f"SemiStream needs x and y of one length and x and u of one sample shape, got x {tuple(x.shape)}, "
                f"y {tuple(y.shape)}, u {tuple(u.shape)}."
            )
        self.batch = batch
        self._labeled = ArrayStream(_Labeled(x, y), labeled_batch or batch_size, mix(seed, 1))
        self._unlabeled = ArrayStream(_Unlabeled(u), batch_size, mix(seed, 2))

    def __getitem__(self, draw: int) -> BatchT:
        return self.batch(*self._labeled[draw], *self._unlabeled[draw])

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its data on a device."""
        placed = copy.copy(self)
        placed._labeled = self._labeled.place(device, rank, ranks)
        placed._unlabeled = self._unlabeled.place(device, rank, ranks)
        return placed
