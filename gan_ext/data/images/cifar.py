"""Readers of CIFAR-10: its binary version, and contact sheets in lossless WebP."""

import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_ext.data.errors import DataError
from gan_ext.data.files import UNREADABLE, is_file, is_folder, read_entry
from gan_ext.data.images.idx import ImageData

__all__ = ["read_cifar10"]

_BATCHES = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
_MOST = 2**24  # labels, at most
_SIDE, _RECORD = 32, 1 + 3 * 32 * 32  # a record is a label and the red, green and blue pixels, in rows
# SHA-256 of the records of the six files of the binary version, data_batch_1 first and test_batch last.
_SHA256 = "013ba16d14ecc4829da62bf2af648ca30f600491ecb3e7f329c827db0dd17522"


def read_cifar10(directory: str | Path, check: bool = True) -> ImageData:
    """Read CIFAR-10 from a directory: images uint8 [n, 3, 32, 32], labels int64 [n], in their original order.

    References: Learning Multiple Layers of Features from Tiny Images (Krizhevsky, 2009)

    Args:
        directory: holds either the binary version, ``data_batch_1.bin`` .. ``data_batch_5.bin`` and
            ``test_batch.bin`` (or the folder ``cifar-10-batches-bin`` with them); or ``labels.npz`` with arrays
            ``train`` and ``test``, and folders ``train`` and ``test`` of lossless .webp images, each a column of
            32 x 32 images and named by the number of its first.  Those need Pillow.  The Python version is made of
            pickles and is not read.
        check: whether every byte must be CIFAR-10's; without, any set in one of these layouts is read.

    Raises:
        DataError: a file is absent or damaged, images and labels do not belong together, or it is not CIFAR-10.
        ImportError: there are .webp images and Pillow is not installed.
    """
    directory = Path(directory)
    inner = directory / "cifar-10-batches-bin"
    folder = inner if is_folder(inner) else directory
    if is_file(folder / "labels.npz"):
        parts = {part: _from_sheets(folder, part) for part in _BATCHES}
    else:
        parts = {part: _from_batches(folder, names) for part, names in _BATCHES.items()}
    train, test = parts["train"], parts["test"]
    if check:
        checked_cifar10(train, test)
    return ImageData(*_split(train), *_split(test))


def checked_cifar10(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> None:
    """Raise DataError unless these are CIFAR-10's 50 000 and 10 000 records, in order."""
    if (len(train), len(test)) != (50_000, 10_000):
        raise DataError(
            f"This is not CIFAR-10: it has {len(train)} training and {len(test)} test images, it should be 50000 and "
            "10000. Fetch it again, or pass check=False if it is another set."
        )
    found = hashlib.sha256(train.tobytes() + test.tobytes()).hexdigest()
    if found != _SHA256:
        raise DataError(
            f"This is not CIFAR-10: the checksum is {found}, it should be {_SHA256}. Fetch it again, or pass "
            "check=False if it is another set."
        )


def _split(records: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return records[:, 1:].reshape(-1, 3, _SIDE, _SIDE).copy(), records[:, 0].astype(np.int64)


def _from_batches(directory: Path, names: list[str]) -> NDArray[np.uint8]:
    absent = [name for name in names if not is_file(directory / name)]
    if absent:
        pickles = is_file(directory / "data_batch_1") or is_folder(directory / "cifar-10-batches-py")
        why = " The Python version there is made of pickles, which are not read." if pickles else ""
        raise DataError(f"{directory} lacks {', '.join(absent)}: download CIFAR-10's binary version.{why}")
    return np.concatenate([_records(directory / name) for name in names])


def _records(path: Path) -> NDArray[np.uint8]:
    try:
        values = np.fromfile(path, np.uint8)
    except (OSError, MemoryError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    if not values.size or values.size % _RECORD:
        raise DataError(
            f"{path} holds {values.size} bytes, no multiple of {_RECORD}; it is cut short or no file of CIFAR-10's "
            "binary version, fetch it again."
        )
    records = values.reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise DataError(f"{path} has a label {records[:, 0].max()}, and labels are 0 .. 9; fetch it again.")
    return records


def _from_sheets(directory: Path, part: str) -> NDArray[np.uint8]:
    labels = _labels(directory / "labels.npz", part)
    sheets = sorted((directory / part).glob("*.webp"), key=_first)
    images: list[NDArray[np.uint8]] = []
    for path in sheets:
        if _first(path) != sum(map(len, images)):
            raise DataError(
                f"{path} begins with image {_first(path)}, and the sheets before it end with "
                f"{sum(map(len, images)) - 1}; a sheet is absent or cut short, fetch them again."
            )
        images.append(_sheet(path))
    count = sum(map(len, images))
    if not count or count != len(labels):
        raise DataError(f"{directory / part} holds {count} images, and labels.npz has {len(labels)} labels for them.")
    return np.concatenate([labels[:, None], np.concatenate(images)], axis=1)


def _first(path: Path) -> int:
    if not re.fullmatch(r"\d+", path.stem):
        raise DataError(f"{path} should be named by the number of its first image, such as 00250.webp.")
    return int(path.stem)


def _labels(path: Path, part: str) -> NDArray[np.uint8]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{part}.npy") as entry:
            labels: NDArray[np.uint8] = read_entry(entry, _MOST)
    except (*UNREADABLE, KeyError) as error:
        raise DataError(f"{path} has no readable array {part!r} ({error}); fetch it again.") from error
    if labels.ndim != 1 or labels.dtype != np.uint8 or (labels > 9).any():
        raise DataError(f"{path} should hold labels 0 .. 9, uint8, got {part!r}: {labels.dtype}{list(labels.shape)}.")
    return labels


def _sheet(path: Path) -> NDArray[np.uint8]:
    """Return the images of one sheet as rows [n, 3072], all red pixels first."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{path} needs Pillow: pip install pillow, or use CIFAR-10's binary version.") from error

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except (OSError, ValueError, MemoryError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read, it is damaged or cut short ({error}); fetch it again.") from error
    if pixels.ndim != 3 or pixels.shape[1:] != (_SIDE, 3) or len(pixels) % _SIDE:
        raise DataError(f"{path} should be a column of {_SIDE} x {_SIDE} color images, got pixels {pixels.shape}.")
    return pixels.reshape(-1, _SIDE, _SIDE, 3).transpose(0, 3, 1, 2).reshape(-1, _RECORD - 1)
