"""What users have, as what can be read by number or passed through again and again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from gan_ext.data.errors import DataError
from gan_ext.data.streams.columns import arrow_source, hub_passes, hub_source
from gan_ext.data.streams.passes import Passes
from gan_ext.data.streams.sources import ArraySource, DatasetSource, Source

__all__ = ["as_source"]

MOST = 2**31  # bytes of a generator that are kept
_SMALL = ("uint8", "int8", "uint16", "int16", "float16")  # numbers that would take four or eight times the memory


def as_source(X: Any, name: str = "X") -> Source | Passes | None:
    """Return samples that stay where they are until they are needed; None for what is turned into an array at once.

    Args:
        X: an array of small numbers, a memmap, an array on disk (HDF5, Zarr), a Dataset, DataLoader or IterableDataset
            of torch, a dataset of Hugging Face or a column of one, an Arrow table or column, a :class:`Source`, any
            other iterable.
        name: what it is called in errors.

    Raises:
        DataError: it is empty, or holds no samples of one shape.
    """
    library = type(X).__module__.split(".")[0]
    if isinstance(X, Tensor):
        X = X.detach().cpu().numpy()
    if isinstance(X, np.ndarray):
        on_disk = isinstance(X, np.memmap) and X.ndim > 1
        return ArraySource(X) if X.ndim > 1 and len(X) and (on_disk or X.dtype.name in _SMALL) else None
    if isinstance(X, DataLoader):
        return Passes(X, batched=X.batch_size is not None or X.batch_sampler is not None, name=name)
    if library == "datasets":
        return hub_passes(X) if "terable" in type(X).__name__ else hub_source(X)
    if library == "pyarrow":
        return arrow_source(X)
    if isinstance(X, Source) and hasattr(type(X), "take") and not hasattr(X, "iloc"):
        return X
    if isinstance(X, IterableDataset):
        return Passes(X, name=name)
    if isinstance(X, Dataset) or (_is_dataset(X) and library not in ("pandas", "polars", "numpy")):
        return DatasetSource(X, name)
    if isinstance(X, Iterator):
        return _kept(X, name)
    if hasattr(X, "__iter__") and not hasattr(X, "__len__") and not hasattr(X, "__array__") and _is_plain(X):
        return Passes(X, name=name)
    shape, dtype = getattr(X, "shape", None), getattr(X, "dtype", None)
    if isinstance(shape, tuple) and len(shape) > 1 and isinstance(dtype, np.dtype) and not hasattr(X, "tocsr"):
        return ArraySource(X)
    return None


def _is_plain(X: Any) -> bool:
    return isinstance(X, Iterable) and not isinstance(X, str | bytes | Mapping) and not hasattr(X, "tocsr")


def _is_dataset(X: Any) -> bool:
    """Return whether it is written like a Dataset of torch, of a class of its own."""
    plain = isinstance(X, list | tuple | str | bytes | Mapping | range)
    others = ("__array__", "__dataframe__", "dtype", "tocsr")
    return (
        not plain
        and hasattr(X, "__getitem__")
        and hasattr(X, "__len__")
        and not any(hasattr(X, each) for each in others)
    )


def _kept(X: Iterator[Any], name: str) -> ArraySource:
    """Return what a generator gives, which can be gone through once only, in memory."""
    passes, kept, labels, size = Passes(X, name=name), [], [], 0
    for block in passes.blocks(0):
        kept.append(block.x)
        labels += block.y or []
        size += block.x.nbytes
        if size > MOST:
            raise DataError(
                f"{passes.name} can be gone through once only, and gives more than {MOST / 2**30:.0f} GiB to keep; "
                "give a class whose __iter__ begins anew each time, or an IterableDataset."
            )
    return ArraySource(np.concatenate(kept), np.asarray(labels) if labels else None)
