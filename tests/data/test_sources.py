"""Samples that stay where they are: batches by number with the bits of data in memory, and sentences for what fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from gan_ext.data import ArrayStream, DataError
from gan_ext.data.streams import ArraySource, DatasetSource, ScaledRows, Source
from gan_ext.data.streams.passes import Passes
from gan_ext.data.streams.reading import as_source

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 1, 3, 3), dtype=np.uint8)


class X(NamedTuple):
    x: Tensor


class Pixels(Dataset[Any]):
    """Pairs (sample, label), as torch's datasets give them."""

    def __len__(self) -> int:
        return len(PIXELS)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        if row >= len(PIXELS):
            raise IndexError(row)
        return PIXELS[row], row % 2


class Rows(IterableDataset[Any]):
    """Samples one after the other, again and again."""

    def __iter__(self) -> Iterator[Any]:
        yield from PIXELS


def mapped(folder: Path) -> "np.memmap[Any, Any]":
    path = folder / "pixels"
    path.write_bytes(PIXELS.tobytes())
    return np.memmap(path, np.uint8, "r", shape=PIXELS.shape)


def test_batches_of_a_file_are_those_of_memory(tmp_path: Path) -> None:
    rows = ScaledRows(ArraySource(mapped(tmp_path)), shift=np.zeros((1, 1, 1)), scale=np.full((1, 1, 1), 255.0))
    there = ArrayStream.of(X, rows, batch_size=8, seed=3)
    here = ArrayStream(X(torch.from_numpy((PIXELS.astype(np.float64) / 255).astype(np.float32))), 8, seed=3)
    for draw in (0, 7, 2):
        assert torch.equal(there[draw].x, here[draw].x)


@pytest.mark.parametrize("kind", ["array", "dataset"])
def test_sources_give_samples_by_number(kind: str, tmp_path: Path) -> None:
    source = as_source(mapped(tmp_path) if kind == "array" else Pixels())
    assert isinstance(source, Source)
    assert source.shape == PIXELS.shape
    np.testing.assert_array_equal(source.take(np.array([5, 1])), PIXELS[[5, 1]])
    if kind == "dataset":
        assert source.labels is not None
        assert list(source.labels[:4]) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "make", [Rows, lambda: DataLoader(Pixels(), 7), lambda: DataLoader(Rows(), 7)], ids=["items", "pairs", "batches"]
)
def test_passes_give_all_again_and_again(make: Any) -> None:
    passes = as_source(make())
    assert isinstance(passes, Passes)
    for number in (0, 1):
        np.testing.assert_array_equal(np.concatenate([block.x for block in passes.blocks(number)]), PIXELS)


def test_a_shuffling_loader_shuffles_alike_for_the_same_pass() -> None:
    passes = Passes(DataLoader(Pixels(), 7, shuffle=True), batched=True)
    first, again, second = (np.concatenate([b.x for b in passes.blocks(k)]) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_a_generator_is_kept() -> None:
    source = as_source(row for row in PIXELS)
    assert isinstance(source, ArraySource)
    np.testing.assert_array_equal(source.take(np.arange(40)), PIXELS)


def test_arrow_columns() -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    table = arrow.table({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    source = as_source(table)
    assert isinstance(source, Source)
    np.testing.assert_array_equal(source.take(np.array([2, 0])), [[3, 6], [1, 4]])


class Broken(Pixels):
    """Its fourth item cannot be read."""

    def __getitem__(self, row: int) -> tuple[Any, int]:
        if row == 3:
            raise OSError("no such picture")
        return super().__getitem__(row)


class Growing(Rows):
    """Its samples have other shapes."""

    def __iter__(self) -> Iterator[Any]:
        yield PIXELS[0]
        yield PIXELS[0, :, :2]


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError, match="3"):
        DatasetSource(Broken()).take(np.arange(5))
    with pytest.raises(DataError, match="make all of one size"):
        list(Passes(Growing()).blocks(0))
    with pytest.raises(DataError, match="gave nothing"):
        list(Passes([]).blocks(0))
    with pytest.raises(DataError, match="holds no numbers"):
        ArraySource(np.array([["a"]], dtype=object))
    with pytest.raises(ValueError, match="data_device"):
        ArrayStream(X(torch.zeros(4, 2)), 2, data_device="gpu")  # type: ignore[arg-type]
