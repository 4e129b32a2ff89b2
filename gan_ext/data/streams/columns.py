"""Samples in the columns of Hugging Face datasets and of Arrow tables; neither library is imported here."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.data.errors import DataError
from gan_ext.data.streams.passes import Passes
from gan_ext.data.streams.sources import as_array, label_of

__all__ = ["ArrowSource", "HubSource", "arrow_source", "hub_passes", "hub_source"]

Array = NDArray[Any]
LABELS = ("label", "labels", "target", "targets", "y", "fine_label")
"""Names of columns that are taken for labels."""


def split_columns(names: Sequence[str], where: str) -> tuple[list[str], str | None]:
    """Return which columns are samples, and which one, if any, is the labels'.

    Raises:
        DataError: there is no column of samples.
    """
    label = next((name for name in LABELS if name in names), None)
    samples = [name for name in names if name != label]
    if not samples:
        raise DataError(f"{where} has the columns {list(names)}, and none for samples.")
    return samples, label


def _needs_one(columns: Sequence[str], where: str, strange: str) -> DataError:
    return DataError(
        f"{where} has the columns {list(columns)}, of which {strange!r} is not one number a row; choose one column of "
        f"samples (select_columns([{strange!r}, 'label'])), or pass a table with texts as a DataFrame (to_pandas())."
    )


class HubSource:
    """Columns of a map-style dataset of Hugging Face: one of pictures, lists or arrays, or several of numbers.

    Args:
        dataset: of the library `datasets`.
        columns: of samples; several are put side by side.
        label: the column of labels, None if there are none.

    Raises:
        DataError: no rows, lists of unequal lengths, texts; the row is named.
    """

    def __init__(self, dataset: Any, columns: Sequence[str], label: str | None) -> None:
        self.name = f"X (a dataset with {', '.join(map(repr, columns))})"
        if len(dataset) == 0:
            raise DataError(f"{self.name} is empty; it needs at least two rows.")
        self.columns, self.label, self._all = tuple(columns), label, dataset
        formatted = dataset.format["type"] not in (None, "python")
        pictures = any(type(dataset.features[name]).__name__ == "Image" for name in columns)
        self.dataset = dataset if formatted or pictures else dataset.with_format("numpy", columns=list(columns))
        first = self._rows([0])
        self.shape, self.dtype = (len(dataset), *first.shape[1:]), first.dtype

    @property
    def labels(self) -> Array | None:
        """The labels of all rows (n,)."""
        return None if self.label is None else np.asarray(self._all.with_format("numpy")[self.label][:])

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return rows by their numbers."""
        taken = self._rows(rows.tolist())
        if taken.shape[1:] != self.shape[1:]:
            raise DataError(
                f"Row {rows[0]} of {self.name} has shape {taken.shape[1:]}, and row 0 has {self.shape[1:]}."
            )
        return taken

    def _rows(self, rows: list[int]) -> Array:
        try:
            found = self.dataset[rows]
        except Exception as error:
            raise DataError(
                f"Rows {rows[:3]}... of {self.name} cannot be read: {type(error).__name__}: {error}"
            ) from error
        parts = [_stacked(found[column], rows, f"column {column!r} of {self.name}") for column in self.columns]
        if len(parts) == 1:
            return parts[0] if parts[0].ndim > 1 else parts[0][:, None]
        for column, part in zip(self.columns, parts, strict=True):
            if part.ndim != 1:
                raise _needs_one(self.columns, self.name, column)
        return np.stack(parts, 1)


def _stacked(values: Any, rows: Sequence[int], name: str) -> Array:
    """Return the samples of some rows as one array, or say which row has another shape."""
    if isinstance(values, Tensor) or (isinstance(values, np.ndarray) and values.dtype.kind in "buif"):
        return as_array(values, name)
    each = [as_array(value, f"row {row} of {name}") for row, value in zip(rows, values, strict=True)]
    for row, value in zip(rows, each, strict=True):
        if value.shape != each[0].shape:
            raise DataError(
                f"Row {row} of {name} has shape {value.shape}, and row {rows[0]} has {each[0].shape}; samples need one "
                "shape: pad or cut the lists, or resize the pictures."
            )
    return np.stack(each)


def hub_source(X: Any) -> HubSource:
    """Return the samples of a dataset of Hugging Face, or of one of its columns."""
    if hasattr(X, "column_name"):
        return HubSource(X.source, [X.column_name], None)
    samples, label = split_columns(X.column_names, "The dataset")
    return HubSource(X, samples, label)


def hub_passes(X: Any) -> Passes:
    """Return the rows of a streaming dataset of Hugging Face; the columns are those of its first row."""
    if hasattr(X, "column_name"):
        column = X.column_name
        return Passes(X, read=lambda value, name: (_row(as_array(value, f"{name}, column {column!r}")), None))
    first = next(iter(X), None)
    if first is None:
        raise DataError("X (a streaming dataset) is empty; it needs at least two rows.")
    samples, label = split_columns(list(first), "The dataset")

    def read(row: Any, name: str) -> tuple[Array, Any]:
        parts = [as_array(row[column], f"column {column!r}, {name}") for column in samples]
        for column, part in zip(samples, parts, strict=True):
            if len(parts) > 1 and part.ndim:
                raise _needs_one(samples, "The dataset", column)
        x = parts[0] if len(parts) == 1 else np.stack(parts)
        return _row(x), None if label is None else label_of(row[label])

    return Passes(X, read=read)


def _row(x: Array) -> Array:
    return x if x.ndim else x[None]


class ArrowSource:
    """Columns of an Arrow table: one of lists of one length or of tensors, or several of numbers; read where they lie.

    Args:
        columns: chunked arrays by name.
        labels: the column of labels, or None.

    Raises:
        DataError: no rows, texts, missing values, lists of unequal lengths; the row is named.
    """

    def __init__(self, columns: dict[str, Any], labels: Any = None) -> None:
        parts = {name: _chunks(column, name) for name, column in columns.items()}
        if len(parts) > 1:
            for name, chunks in parts.items():
                if chunks[0].ndim > 1:
                    raise _needs_one(list(parts), "The table", name)
        self._parts = list(parts.values())
        self._starts = [np.cumsum([0, *(len(chunk) for chunk in chunks)]) for chunks in self._parts]
        n, first = int(self._starts[0][-1]), self._parts[0][0]
        self.shape: tuple[int, ...] = (n, *(first.shape[1:] if first.ndim > 1 else (len(self._parts),)))
        self.dtype: np.dtype[Any] = np.result_type(*(chunks[0].dtype for chunks in self._parts))
        self.labels: Array | None = None if labels is None else np.asarray(labels.to_pylist())

    def take(self, rows: NDArray[np.int64]) -> Array:
        """Return rows by their numbers."""
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for column, (chunks, starts) in enumerate(zip(self._parts, self._starts, strict=True)):
            where = np.searchsorted(starts, rows, "right") - 1
            for number in np.unique(where):
                here = where == number
                found = chunks[number][rows[here] - starts[number]]
                if found.ndim > 1:
                    taken[here] = found
                else:
                    taken[here, column] = found
        return taken


def arrow_source(X: Any) -> ArrowSource:
    """Return the samples of an Arrow table, or of one of its columns."""
    if hasattr(X, "column_names"):
        samples, label = split_columns(X.column_names, "The table")
        return ArrowSource({name: X[name] for name in samples}, None if label is None else X[label])
    return ArrowSource({"X": X})


def _chunks(column: Any, name: str) -> list[Array]:
    """Return the chunks of a column as arrays that share their memory."""
    found, before = [], 0
    for chunk in getattr(column, "chunks", [column]):
        if len(chunk):
            found.append(_as_rows(chunk, name, before))
            if found[-1].shape[1:] != found[0].shape[1:]:
                raise DataError(
                    f"Row {before} of column {name!r} has shape {found[-1].shape[1:]}, and row 0 has "
                    f"{found[0].shape[1:]}."
                )
        before += len(chunk)
    if not found:
        raise DataError(f"Column {name!r} is empty; it needs at least two rows.")
    return found


def _as_rows(chunk: Any, name: str, before: int) -> Array:
    if chunk.null_count:
        row = before + int(np.flatnonzero(~chunk.is_valid().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"Row {row} of column {name!r} is missing; drop such rows, or fill them.")
    if hasattr(chunk, "to_numpy_ndarray"):
        tensors: Array = chunk.to_numpy_ndarray()
        return tensors
    if hasattr(chunk, "flatten") and hasattr(chunk, "value_lengths"):
        lengths = chunk.value_lengths().to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(lengths != lengths[0])
        if wrong.size:
            raise DataError(
                f"Row {before + wrong[0]} of column {name!r} is a list of {lengths[wrong[0]]} values, and row {before} "
                f"one of {lengths[0]}; samples need one length: pad or cut the lists."
            )
        inner = _as_rows(chunk.flatten(), name, before * int(lengths[0]))
        return inner.reshape(len(chunk), int(lengths[0]), *inner.shape[1:])
    values = np.asarray(chunk.to_numpy(zero_copy_only=False))
    if values.dtype.kind not in "buif":
        raise DataError(
            f"Column {name!r} is of type {chunk.type}, not of numbers; choose columns of numbers, or pass a table with "
            "texts as a DataFrame: table.to_pandas()."
        )
    return values
