"""CIFAR-10 in its two layouts, and what the reader refuses."""

import builtins
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gan_ext.data import DataError, read_cifar10
from gan_ext.data.images.cifar import checked_cifar10

BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]


def images(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    draw = np.random.RandomState(seed)
    return draw.randint(0, 256, (n, 3, 32, 32)).astype(np.uint8), draw.randint(0, 10, n).astype(np.uint8)


def put_binary(directory: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Write four images to each of five training files, three to the test file, and return the training part."""
    (x, y), (x_test, y_test) = images(20), images(3, seed=1)
    directory.mkdir(exist_ok=True)
    for number, name in enumerate(BATCHES):
        part = slice(4 * number, 4 * number + 4)
        (directory / name).write_bytes(
            b"".join(bytes([label]) + image.tobytes() for image, label in zip(x[part], y[part], strict=True))
        )
    (directory / "test_batch.bin").write_bytes(
        b"".join(bytes([label]) + image.tobytes() for image, label in zip(x_test, y_test, strict=True))
    )
    return x, y


def put_sheets(directory: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Write the same images as columns of eight, and labels."""
    image = pytest.importorskip("PIL.Image")
    (x, y), (x_test, y_test) = images(20), images(3, seed=1)
    for part, values in (("train", x), ("test", x_test)):
        (directory / part).mkdir()
        for begin in range(0, len(values), 8):
            column = values[begin : begin + 8].transpose(0, 2, 3, 1).reshape(-1, 32, 3)
            image.fromarray(column).save(directory / part / f"{begin:05}.webp", lossless=True, exact=True)
    np.savez(directory / "labels.npz", train=y, test=y_test)
    return x, y


@pytest.mark.parametrize("put", [put_binary, put_sheets])
def test_what_is_written_is_read(put: Callable[[Path], tuple[NDArray[np.uint8], ...]], tmp_path: Path) -> None:
    x, y = put(tmp_path)
    data = read_cifar10(str(tmp_path), check=False)
    assert np.array_equal(data.x_train, x)
    assert np.array_equal(data.y_train, y)
    assert np.array_equal(data.x_test, images(3, seed=1)[0])
    assert np.array_equal(data.y_test, images(3, seed=1)[1])
    assert [part.dtype for part in data] == [np.uint8, np.int64, np.uint8, np.int64]
    for part in data:
        assert torch.from_numpy(part).shape == part.shape  # warns where an array cannot be written


def test_the_unpacked_archive_is_found(tmp_path: Path) -> None:
    x, _ = put_binary(tmp_path / "cifar-10-batches-bin")
    assert np.array_equal(read_cifar10(tmp_path, check=False).x_train, x)


@pytest.mark.parametrize("put", [put_binary, put_sheets])
def test_other_sets_must_be_allowed(put: Callable[[Path], object], tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.raises(DataError, match=r"not CIFAR-10: it has 20 training and 3 test images, .* check=False"):
        read_cifar10(tmp_path)


def test_other_bytes_are_not_cifar10() -> None:
    with pytest.raises(DataError, match=r"not CIFAR-10: the checksum is [0-9a-f]{64}, it should be 013ba16d"):
        checked_cifar10(np.zeros((50_000, 1), np.uint8), np.zeros((10_000, 1), np.uint8))


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks data_batch_1\.bin, .*data_batch_5\.bin: download .* binary version\.$"):
        read_cifar10(tmp_path)
    put_binary(tmp_path)
    (tmp_path / "test_batch.bin").unlink()
    with pytest.raises(DataError, match=r"lacks test_batch\.bin:"):
        read_cifar10(tmp_path)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}q\x01.")
    with pytest.raises(DataError, match=r"The Python version there is made of pickles, which are not read\."):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("length", [0, 1, 3072, 3074, 4 * 3073 - 1])
def test_files_cut_short_are_refused(length: int, tmp_path: Path) -> None:
    put_binary(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(bytes(length))
    with pytest.raises(DataError, match=rf"data_batch_3\.bin holds {length} bytes, no multiple of 3073"):
        read_cifar10(tmp_path, check=False)


def test_labels_beyond_nine_are_refused(tmp_path: Path) -> None:
    put_binary(tmp_path)
    (tmp_path / "data_batch_2.bin").write_bytes(bytes(3073) + b"\x0a" + bytes(3072))
    with pytest.raises(DataError, match=r"data_batch_2\.bin has a label 10, and labels are 0 \.\. 9"):
        read_cifar10(tmp_path, check=False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "train/00008.webp").unlink(), "begins with image 16, and the sheets before .* 7"),
        (lambda folder: (folder / "train/00016.webp").unlink(), r"train holds 16 images, and labels\.npz has 20"),
        (lambda folder: [path.unlink() for path in (folder / "test").iterdir()], "test holds 0 images"),
        (lambda folder: (folder / "train/00000.webp").write_bytes(b"RIFF"), "cannot be read, it is damaged"),
        (lambda folder: (folder / "train/00000.webp").rename(folder / "train/cats.webp"), "number of its first image"),
        (lambda folder: (folder / "labels.npz").write_bytes(b"no"), r"labels\.npz has no readable array 'train'"),
        (lambda folder: cut(folder / "labels.npz", 300), r"labels\.npz has no readable array 'train'"),
        (lambda folder: np.savez(folder / "labels.npz", train=np.zeros(20, np.uint8)), "no readable array 'test'"),
        (lambda folder: np.savez(folder / "labels.npz", train=np.array([{}])), "no readable array 'train'"),
        (lambda folder: np.savez(folder / "labels.npz", train=np.zeros(20)), "uint8, got 'train': float64"),
        (lambda folder: np.savez(folder / "labels.npz", train=np.full(20, 10, np.uint8)), "labels 0 .. 9"),
    ],
)
def test_damaged_sheets_are_refused(spoil: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    put_sheets(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        read_cifar10(tmp_path, check=False)


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize("keep", [20, 500, -100])
def test_sheets_cut_short_are_refused(keep: int, tmp_path: Path) -> None:
    put_sheets(tmp_path)
    cut(tmp_path / "train/00008.webp", keep)
    with pytest.raises(DataError, match=r"00008\.webp"):
        read_cifar10(tmp_path, check=False)


@pytest.mark.parametrize("size", [(31, 64), (32, 33)])
def test_sheets_of_another_size_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    put_sheets(tmp_path)
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", size).save(tmp_path / "train/00000.webp", lossless=True)
    with pytest.raises(DataError, match="should be a column of 32 x 32 color images, got pixels"):
        read_cifar10(tmp_path, check=False)


def test_sheets_need_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_sheets(tmp_path)
    usual = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "PIL":
            raise ImportError("No module named 'PIL'")
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="needs Pillow: pip install pillow, or use CIFAR-10's binary version"):
        read_cifar10(tmp_path, check=False)


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_the_real_files_are_cifar10(tmp_path: Path) -> None:
    data = read_cifar10(Path(os.environ["GAN_EXT_DATA"]) / "cifar10")
    assert np.array_equal(np.bincount(data.y_train), np.full(10, 5000))
    assert np.array_equal(np.bincount(data.y_test), np.full(10, 1000))
    np.testing.assert_allclose(data.x_train.mean((0, 2, 3)) / 255, [0.4914, 0.4822, 0.4465], atol=5e-5)
    records = np.concatenate([data.y_train[:, None].astype(np.uint8), data.x_train.reshape(50_000, -1)], axis=1)
    for number, name in enumerate(BATCHES):
        (tmp_path / name).write_bytes(records[10_000 * number : 10_000 * (number + 1)].tobytes())
    test = np.concatenate([data.y_test[:, None].astype(np.uint8), data.x_test.reshape(10_000, -1)], axis=1)
    (tmp_path / "test_batch.bin").write_bytes(test.tobytes())
    again = read_cifar10(tmp_path)
    assert all(np.array_equal(*pair) for pair in zip(data, again, strict=True))
    test[9_999, 3072] ^= 1
    (tmp_path / "test_batch.bin").write_bytes(test.tobytes())
    with pytest.raises(DataError, match="the checksum is"):
        read_cifar10(tmp_path)
