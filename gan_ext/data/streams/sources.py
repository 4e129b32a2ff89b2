"""Where samples come from that are read by number: arrays in memory and on disk, and Datasets of torch."""

import mmap
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.data.errors import DataError

__all__ = ["ArraySource", "ChannelsFirstSource", "DatasetSource", "Source", "SubsetSource", "as_array", "blocks_of"]

Array = NDArray[Any]
BLOCK = 2**24  # bytes read at a time
_KEPT_PAGES = 2**26  # bytes of a file that may lie in this process's memory before they are given back


@runtime_checkable
class Source(Protocol):
    """Samples that are read by number, the same ones each time; ``source.take([2, 0])`` are the third and the first.

    Write one of your own for data in another format: an estimator's `fit` takes it as `X`.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all samples, (n, ...)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers as they are stored."""
        ...

    @property
    def labels(self) -> Array | None:
        """The samples' own labels (n,), if they have any."""
        ...

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return samples (len(rows), ...) by their numbers, in that order."""
        ...


def blocks_of(shape: Sequence[int], itemsize: int = 8) -> list[slice]:
    """Return slices of the rows of data (n, ...) that are read one after the other."""
    each = max(1, itemsize * int(np.prod(shape[1:], dtype=np.int64)))
    step = int(max(1, min(65536, BLOCK // each)))
    return [slice(begin, min(begin + step, shape[0])) for begin in range(0, shape[0], step)]


@checked
class ArraySource:
    """The rows of an array: of numpy, of ``numpy.memmap``, or of anything with a shape, a dtype and rows by number.

    What is read of a ``numpy.memmap`` is given back to the system at once, so that the process stays small.

    Args:
        array: (n, ...).
        labels: the samples' labels (n,), or None.

    Raises:
        DataError: the file of a memmap is shorter than it was when it was opened; rows of no number.
    """

    def __init__(self, array: Any, labels: Array | None = None) -> None:
        self.array, self.labels = array, labels
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        if self.dtype.kind not in "buif":
            raise DataError(
                f"X is an array of type {self.dtype}, which holds no numbers; make it one of integers or floats: "
                "np.stack([...]) for a list of arrays of one shape."
            )
        self._map = _map_of(array)
        self._read = 0

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return samples by their numbers."""
        if isinstance(self.array, np.ndarray) and self._map is None:
            return np.asarray(self.array[rows])
        # In the order of the file, each row once: faster on a disk, and all that HDF5 takes.
        ordered, back = np.unique(rows, return_inverse=True)
        self._check_length()
        try:
            found = np.asarray(self.array[ordered] if len(ordered) < len(self.array) else self.array[:])
        except (OSError, IndexError, ValueError) as error:
            raise DataError(f"X ({type(self.array).__name__}) cannot be read: {error}.") from error
        taken: Array = found[back.reshape(-1)]
        self._give_back(taken.nbytes)
        return taken

    def _check_length(self) -> None:
        # A page beyond the end of a file that was cut kills the process.
        name = getattr(self.array, "filename", None)
        if self._map is not None and name is not None:
            try:
                there = self._map.size()
            except (OSError, ValueError) as error:
                raise DataError(f"{name} cannot be read any more: {error}.") from error
            if there < len(self._map):
                raise DataError(f"{name} has {there} bytes, and had {len(self._map)} when it was opened: it was cut.")

    def _give_back(self, n_bytes: int) -> None:
        self._read += n_bytes
        if self._map is not None and self._read >= _KEPT_PAGES and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0


def _map_of(array: Any) -> mmap.mmap | None:
    """Return the mapped file of a memmap (or of a view of one), unless what was written into it is nowhere else."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            found = getattr(array, "_mmap", None)
            return found if isinstance(found, mmap.mmap) and array.mode in ("r", "r+", "w+") else None
        array = array.base
    return None


class SubsetSource:
    """Some rows of a source, by their numbers."""

    def __init__(self, source: Source, rows: NDArray[np.int64]) -> None:
        self.source, self.rows = source, rows
        self.shape = (len(rows), *source.shape[1:])
        self.dtype = source.dtype
        self.labels = None if source.labels is None else source.labels[rows]

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return samples by their numbers among these."""
        return self.source.take(self.rows[rows])


class ChannelsFirstSource:
    """Images (n, h, w) or (n, h, w, c) of a source as (n, c, h, w)."""

    def __init__(self, source: Source) -> None:
        self.source, shape = source, source.shape
        self.shape = (shape[0], 1, *shape[1:]) if len(shape) == 3 else (shape[0], shape[3], *shape[1:3])
        self.dtype, self.labels = source.dtype, source.labels

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return images by their numbers."""
        taken = self.source.take(rows)
        return taken[:, None] if taken.ndim == 3 else np.ascontiguousarray(taken.transpose(0, 3, 1, 2))


@checked
class DatasetSource:
    """The items of a map-style Dataset of torch: samples, or pairs (sample, label).

    Args:
        dataset: with ``len(dataset)`` and ``dataset[i]``; if it has `targets` (or `labels`), one for each item, these
            are the labels; otherwise labels of pairs are read by going through all items once.
        name: what it is called in errors.

    Raises:
        DataError: no items; an item that raises, is no array of numbers, or has another shape than the first (named).
    """

    def __init__(self, dataset: Any, name: str = "X") -> None:
        self.dataset, self.name = dataset, f"{name} ({type(dataset).__name__})"
        if isinstance(dataset, str | bytes) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise DataError(f"dataset={dataset!r} must be a map-style dataset: an object with __len__ and __getitem__.")
        n = len(dataset)
        if n == 0:
            raise DataError(f"{self.name} is empty; it needs at least two items.")
        first, label = self._item(0)
        self.shape, self.dtype = (n, *first.shape), first.dtype
        self._pairs = label is not None
        self._labels: Array | None = None
        for attribute in ("targets", "labels"):
            own = getattr(dataset, attribute, None)
            if self._labels is None and own is not None and not callable(own) and len(own) == n:
                self._labels = own.numpy() if isinstance(own, Tensor) else np.asarray(own)

    @property
    def labels(self) -> Array | None:
        """The labels of all items (n,)."""
        if self._labels is None and self._pairs:
            self._labels = np.asarray([label_of(self._item(row)[1]) for row in range(self.shape[0])])
        return self._labels

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return items by their numbers."""
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for place, row in enumerate(rows.tolist()):
            item = self._item(row)[0]
            if item.shape != self.shape[1:]:
                raise DataError(
                    f"Item {row} of {self.name} has shape {item.shape}, and item 0 has {self.shape[1:]}; make all of "
                    "one size, by a transform of the Dataset or size= of gan_ext.data.ImageFolder."
                )
            taken[place] = item
        return taken

    def _item(self, row: int) -> tuple[Array, Any]:
        try:
            item = self.dataset[row]
        except Exception as error:
            raise DataError(f"Item {row} of {self.name} cannot be read: {type(error).__name__}: {error}") from error
        return as_pair(item, f"item {row} of {self.name}")


def as_pair(item: Any, name: str) -> tuple[Array, Any]:
    """Return a sample and its label, None if it has none, from a sample or a tuple (sample, label).

    Raises:
        DataError: it is neither.
    """
    if isinstance(item, dict):
        raise DataError(
            f"{name} is a dict with {', '.join(map(repr, list(item)[:5]))}; yield the sample alone, or a tuple "
            "(sample, label). A dataset of Hugging Face goes into fit as it is."
        )
    if isinstance(item, tuple):
        if len(item) not in (1, 2):
            raise DataError(f"{name} is a tuple of {len(item)}; yield the sample alone, or a tuple (sample, label).")
        return as_array(item[0], name), item[1] if len(item) == 2 else None
    return as_array(item, name), None


def as_array(value: Any, name: str) -> Array:
    """Return a sample as an array of numbers; a picture of Pillow has its channels first.

    Raises:
        DataError: it holds something else.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name} is no array of numbers: {error}.") from error
    if array.dtype.kind not in "buif":
        raise DataError(
            f"{name} is {type(value).__name__} (as an array of type {array.dtype}); it must be numbers: a tensor, an "
            "array, or a picture of Pillow."
        )
    if hasattr(value, "getbands"):
        return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
    return array


def label_of(label: Any) -> Any:
    """Return a label as Python's own number or text."""
    return label.item() if isinstance(label, Tensor | np.generic) and getattr(label, "ndim", 0) == 0 else label


Reader = Callable[[NDArray[np.int64]], Array]
