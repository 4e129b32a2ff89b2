"""Readers of IDX files, and what they refuse."""

import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gan_ext.data import DataError, read_cifar10, read_dsprites, read_lines, read_mnist
from gan_ext.data.images.idx import checked_mnist, read_idx

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def idx(values: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def tiny() -> dict[str, NDArray[np.uint8]]:
    draw = np.random.RandomState(0)
    sizes = {"train": 5, "test": 3}
    images = {f"x_{part}": draw.randint(0, 256, (n, 4, 6)).astype(np.uint8) for part, n in sizes.items()}
    return images | {f"y_{part}": draw.randint(0, 10, n).astype(np.uint8) for part, n in sizes.items()}


def put(directory: Path, parts: dict[str, NDArray[np.uint8]], zipped: bool = False) -> None:
    for part, values in parts.items():
        path = directory / (NAMES[part] + (".gz" if zipped else ""))
        path.write_bytes(gzip.compress(idx(values)) if zipped else idx(values))


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_written_is_read(zipped: bool, tmp_path: Path) -> None:
    parts = tiny()
    put(tmp_path, parts, zipped)
    data = read_mnist(str(tmp_path))
    for part, values in parts.items():
        assert np.array_equal(getattr(data, part), values)
    assert (data.x_train.dtype, data.y_train.dtype) == (np.uint8, np.int64)
    assert (data.x_test.dtype, data.y_test.dtype) == (np.uint8, np.int64)


def test_what_is_read_can_become_a_tensor(tmp_path: Path) -> None:
    """Without a copy, torch warns that the array cannot be written."""
    put(tmp_path, tiny())
    for part in read_mnist(tmp_path):
        assert torch.from_numpy(part).shape == part.shape


def test_plain_and_zipped_files_mix(tmp_path: Path) -> None:
    parts = tiny()
    put(tmp_path, {part: parts[part] for part in ("x_train", "y_test")}, zipped=True)
    put(tmp_path, {part: parts[part] for part in ("y_train", "x_test")})
    assert np.array_equal(read_mnist(tmp_path).x_test, parts["x_test"])


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (0, 5)])
def test_any_number_of_dimensions(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "values").write_bytes(idx(values))
    assert np.array_equal(read_idx(tmp_path / "values"), values)


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks train-images-idx3-ubyte\.gz, .*, t10k-labels-idx1-ubyte\.gz\."):
        read_mnist(tmp_path)
    put(tmp_path, {part: values for part, values in tiny().items() if part != "y_test"})
    with pytest.raises(DataError, match=r"lacks t10k-labels-idx1-ubyte\.gz\.$"):
        read_mnist(tmp_path)
    with pytest.raises(DataError, match="lacks"):
        read_mnist(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is not there"):
        read_idx(tmp_path / "nothing")


CONTENT = idx(np.arange(60, dtype=np.uint8).reshape(5, 3, 4))


@pytest.mark.parametrize("length", range(0, len(CONTENT), 5))
def test_a_truncated_file_is_refused(length: int, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(CONTENT[:length])
    with pytest.raises(DataError, match=r"cut short or damaged, fetch it|is not an IDX file"):
        read_idx(tmp_path / "plain")


@pytest.mark.parametrize("cut", [3, 8, 15, -9, -4, -1])
def test_a_truncated_gzip_is_refused(cut: int, tmp_path: Path) -> None:
    (tmp_path / "zipped").write_bytes(gzip.compress(CONTENT)[:cut])
    with pytest.raises(DataError, match=r"damaged or cut short .*; fetch it again"):
        read_idx(tmp_path / "zipped")


def test_a_corrupt_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(CONTENT, mtime=0)
    for position in range(10, len(whole)):  # from the compressed data to the length at the end
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        (tmp_path / "zipped").write_bytes(damaged)
        with pytest.raises(DataError, match="zipped"):
            read_idx(tmp_path / "zipped")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"\x01" + content[1:],
        lambda content: content[:2] + b"\x0d" + content[3:],  # floats
        lambda content: b"<html>404</html>",
        lambda content: content[:3] + b"\xff" + content[4:],
        lambda content: b"",
    ],
)
def test_a_wrong_magic_number_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(damage(CONTENT))
    with pytest.raises(DataError, match="is not an IDX file of bytes"):
        read_idx(tmp_path / "file")


def test_sizes_too_large_for_any_memory_are_refused(tmp_path: Path) -> None:
    """2^64 values: their number overflows 64 bits to 0, which is what the file holds."""
    (tmp_path / "file").write_bytes(bytes([0, 0, 8, 4]) + np.full(4, 65536, ">u4").tobytes())
    with pytest.raises(DataError, match=r"file announces .* values; that is more than 4 GiB"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("sizes", [[1] * 65, [0, 2**32 - 1, 2**32 - 1], [2**32 - 1], [2**16] * 3, []])
def test_announcements_that_no_array_can_have_are_refused(sizes: list[int], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes([0, 0, 8, len(sizes)]) + np.array(sizes, ">u4").tobytes() + b"\x00")
    with pytest.raises(DataError, match=r"file (is not an IDX file|announces)"):
        read_idx(tmp_path / "file")


def test_a_bomb_is_not_unpacked_further_than_announced(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 5]) + bytes(2**26), 1))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"bomb announces \(5,\) values and holds more"):
        read_idx(tmp_path / "bomb")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_names_that_no_file_can_have_are_named(tmp_path: Path) -> None:
    for name in ("n" * 300, "a\0b"):
        with pytest.raises(DataError, match="cannot be read"):
            read_idx(tmp_path / name)
        with pytest.raises(DataError, match="lacks train-images"):
            read_mnist(tmp_path / name)
        with pytest.raises(DataError, match=r"lacks data_batch_1\.bin"):
            read_cifar10(tmp_path / name)
        with pytest.raises(DataError, match="cannot be read"):
            read_dsprites(tmp_path / name)
        with pytest.raises(DataError, match="cannot be read"):
            read_lines(tmp_path / name)


def test_trailing_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT + b"\x00")
    with pytest.raises(DataError, match="holds 61"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("y_train", np.zeros(4, np.uint8)),
        ("x_test", np.zeros((9, 4, 6), np.uint8)),
        ("y_test", np.zeros((3, 1), np.uint8)),
        ("x_train", np.zeros((5, 24), np.uint8)),
    ],
)
def test_images_and_labels_belong_together(part: str, values: NDArray[np.uint8], tmp_path: Path) -> None:
    put(tmp_path, tiny() | {part: values})
    with pytest.raises(DataError, match=rf"The {part[2:]} files in .* do not belong together: images \(.*, labels \("):
        read_mnist(tmp_path)


def test_what_is_not_mnist_is_refused() -> None:
    images, labels = np.zeros((70_000, 784), np.uint8), np.zeros(70_000, np.int64)
    with pytest.raises(DataError, match=r"This is not MNIST: the checksum is [0-9a-f]{64}"):
        checked_mnist(images, labels)


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_the_real_files_are_mnist() -> None:
    data = read_mnist(Path(os.environ["GAN_EXT_DATA"]) / "mnist")
    images, labels = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    checked_mnist(images, labels)
    spoilt = images.copy()
    spoilt[69_999, 27, 27] ^= 1
    with pytest.raises(DataError, match="not MNIST"):
        checked_mnist(spoilt, labels)
