"""Samples that come one after the other: loaders, iterable datasets, generators."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.data.errors import DataError
from gan_ext.data.streams.order import share_of
from gan_ext.data.streams.placing import Ahead, DataDevice, check_data_device, copied
from gan_ext.data.streams.sources import as_array, as_pair, label_of
from gan_ext.seeds import mix, seeded

__all__ = ["Block", "PassStream", "Passes"]

Array = NDArray[Any]
BatchT = TypeVar("BatchT", bound=tuple[Any, ...])
_TOGETHER = 256  # rows that are put into one block


class Block(NamedTuple):
    """Some rows of a pass: samples (m, ...), and their labels, or None if there are none."""

    x: Array
    y: list[Any] | None


@checked
class Passes:
    """What can be gone through again and again, from its beginning: a loader, an iterable dataset, any iterable.

    Pass number k is made under a seed from (seed, k), so that a ``DataLoader(shuffle=True)`` shuffles alike when a fit
    is repeated; a `set_epoch` is called with k.

    Args:
        iterable: gives samples or tuples (sample, label); batches of these with `batched`.
        batched: whether it gives batches, as a DataLoader does.
        read: turns an item into a sample and a label; None takes those two forms.
        name: what it is called in errors.
    """

    def __init__(
        self,
        iterable: Iterable[Any],
        batched: bool = False,
        read: Callable[[Any, str], tuple[Array, Any]] | None = None,
        name: str = "X",
    ) -> None:
        self.iterable, self.batched, self.seed = iterable, batched, 0
        self.name = f"{name} ({type(iterable).__name__})"
        self._parse = read or (_as_batch if batched else as_pair)

    def blocks(self, number: int) -> Iterator[Block]:
        """Yield the rows of one pass, some at a time.

        Raises:
            DataError: nothing comes, an item that is no sample, of another shape than the first, or whose reading
                raises; it is named by its place.
        """
        if hasattr(self.iterable, "set_epoch"):
            self.iterable.set_epoch(number)
        with seeded(mix(self.seed, number)):  # a loader shuffles by torch's own generator, when it begins
            items = iter(self.iterable)
            first = list(islice(self._guarded(items, 0), 1))
        if not first:
            raise DataError(
                f"{self.name} gave nothing on pass {number + 1}"
                + (
                    ": it can be gone through once only. Give a class whose __iter__ begins anew, or list(X)."
                    if number
                    else "; it needs at least two samples."
                )
            )
        shape = None
        for number_of_item, item in enumerate(_chain(first, self._guarded(items, 1))):
            x, y = self._parse(item, f"{'batch' if self.batched else 'item'} {number_of_item} of {self.name}")
            block = Block(x, y if self.batched or y is None else [y])
            x = x if self.batched else x[None]
            shape = x.shape[1:] if shape is None else shape
            if x.shape[1:] != shape:
                what = "Batch" if self.batched else "Item"
                raise DataError(
                    f"{what} {number_of_item} of {self.name} has samples of shape {x.shape[1:]}, and the first has "
                    f"{shape}; make all of one size."
                )
            yield Block(x, block.y)

    def _guarded(self, items: Iterator[Any], begin: int) -> Iterator[Any]:
        count = begin
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except Exception as error:
                what = "Batch" if self.batched else "Item"
                raise DataError(
                    f"{what} {count} of {self.name} cannot be read: {type(error).__name__}: {error}"
                ) from error
            yield item
            count += 1


def _chain(first: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    yield from first
    yield from rest


def _as_batch(item: Any, name: str) -> tuple[Array, list[Any] | None]:
    if isinstance(item, Mapping):
        raise DataError(
            f"{name} is a dict with {', '.join(map(repr, list(item)[:5]))}; let the loader give samples alone, or "
            "tuples (samples, labels): by its collate_fn, or by the Dataset."
        )
    parts = list(item) if isinstance(item, tuple | list) else [item]
    if len(parts) not in (1, 2):
        raise DataError(f"{name} has {len(parts)} parts; let the loader give samples alone, or (samples, labels).")
    x = as_array(parts[0], name)
    if x.ndim < 2:
        raise DataError(
            f"{name} has shape {x.shape}; a loader gives batches (m, ...): set its batch_size, or pass its dataset."
        )
    if len(parts) == 1:
        return x, None
    y = parts[1].tolist() if isinstance(parts[1], Tensor | np.ndarray) else list(parts[1])
    if len(y) != len(x):
        raise DataError(f"{name} has {len(x)} samples and {len(y)} labels.")
    return x, y


@checked
class PassStream(Generic[BatchT]):
    """Batches of one size from passes, in the order in which the rows come; nothing is shuffled here.

    Its promise is weaker than that of :class:`~gan_ext.data.ArrayStream`.  A draw out of order is reached by reading
    all rows before it, so a resumed fit skips what was drawn: it ends with the same bits if each pass gives the same
    rows each time that it is made.  Every rank reads all rows and keeps its share of each batch.

    Args:
        batch: type of a batch, made from x [B, ...] alone, or from (x, codes).
        passes: the rows.
        batch_size: rows of a batch over all ranks.
        shape: of one sample.
        prepare: makes samples, as they come, what networks take.
        classes: if there are any, batches have the numbers of the rows' labels among these, int64 [B].
        length: rows of a pass, if known.
    """

    def __init__(
        self,
        batch: Callable[..., BatchT],
        passes: Passes,
        batch_size: int,
        shape: Sequence[int],
        prepare: Callable[[Tensor], Tensor],
        classes: Sequence[Any] | None = None,
        length: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1.")
        self.batch, self.passes, self.batch_size, self.prepare = batch, passes, batch_size, prepare
        self.shape = (length or 0, *shape)
        self._numbers = None if classes is None else {label: number for number, label in enumerate(classes)}
        self._length, self._share = length, slice(0, batch_size)
        self._device, self._ahead = torch.device("cpu"), None
        self._next, self._blocks, self._pass = 0, None, 0
        self._left: Block | None = None

    _ahead: Ahead[BatchT] | None
    _blocks: Iterator[Block] | None

    def __getitem__(self, draw: int) -> BatchT:
        return self._made(draw) if self._ahead is None else self._ahead[draw]

    def with_data_device(self, data_device: DataDevice) -> Self:
        """Return the stream; what comes row by row stays on the host in any case."""
        check_data_device(data_device)
        if data_device == "cuda":
            raise ValueError(
                f"data_device='cuda' needs data that can be held; the rows of {self.passes.name} come one after the "
                "other and stay on the host: pass data_device='auto'."
            )
        return self

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, from its beginning, with batches on a device."""
        placed = copy.copy(self)
        placed._share, placed._device = share_of(self.batch_size, rank, ranks), device
        placed._next, placed._blocks, placed._pass, placed._left = 0, None, 0, None
        placed._ahead = Ahead(placed._made, device) if device.type == "cuda" else None
        return placed

    def _made(self, draw: int) -> BatchT:
        self._seek(draw * self.batch_size)
        block = self._read(self.batch_size)
        x = self.prepare(copied(torch.from_numpy(np.ascontiguousarray(block.x[self._share])), self._device))
        if self._numbers is None:
            return self.batch(x)
        codes = torch.tensor([self._number(label) for label in (block.y or [])[self._share]], dtype=torch.int64)
        return self.batch(x, copied(codes, self._device))

    def _number(self, label: Any) -> int:
        assert self._numbers is not None
        try:
            return self._numbers[label_of(label)]
        except (KeyError, TypeError):
            raise DataError(
                f"{self.passes.name} gave the label {label_of(label)!r}, which was not among those of its first rows, "
                f"{list(self._numbers)}; name all classes in `classes`, or give y."
            ) from None

    def _seek(self, row: int) -> None:
        if row == self._next and self._blocks is not None:
            return
        if row < self._next or self._blocks is None:
            self._pass, skipped = divmod(row, self._length) if self._length else (0, row)
            self._begin()
            self._next = row - skipped
        while self._next < row:
            self._read(min(_TOGETHER, row - self._next))

    def _begin(self) -> None:
        self._blocks, self._left = self.passes.blocks(self._pass), None

    def _read(self, size: int) -> Block:
        """Return the next rows, over the end of a pass into the next one."""
        assert self._blocks is not None
        parts: list[Block] = []
        missing = size
        while missing:
            block = self._left or next(self._blocks, None)
            self._left = None
            if block is None:
                self._pass += 1
                self._begin()
                continue
            part = Block(block.x[:missing], None if block.y is None else block.y[:missing])
            if len(block.x) > missing:
                self._left = Block(block.x[missing:], None if block.y is None else block.y[missing:])
            if part.x.shape[1:] != self.shape[1:]:
                raise DataError(
                    f"{self.passes.name} gave samples of shape {part.x.shape[1:]}, and its first ones had "
                    f"{self.shape[1:]}."
                )
            parts.append(part)
            missing -= len(part.x)
        self._next += size
        labels = None if parts[0].y is None else [label for part in parts for label in part.y or []]
        return Block(np.concatenate([part.x for part in parts]), labels)
