"""Readers of the IDX files in which MNIST and its relatives come."""

import hashlib
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_ext.data.errors import DataError
from gan_ext.data.files import LARGEST, is_file, unzipped

__all__ = ["ImageData", "fetch_mnist", "read_idx", "read_mnist"]

_DIMENSIONS = 8  # at most
_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# SHA-256 of the 70 000 images (uint8, row after row) and labels (uint8), training part first.
_MNIST_SHA256 = "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"


class ImageData(NamedTuple):
    """Images uint8 [n, h, w], or [n, c, h, w] in color, with values 0 .. 255, and labels int64 [n]."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read one IDX file of bytes, plain or gzipped.

    Raises:
        DataError: the file is absent, cut short, damaged, no IDX file of bytes, or one of none or of more than 4 GiB.
    """
    path = Path(path)
    start, _ = unzipped(path, 4 + 4 * _DIMENSIONS)
    if len(start) < 4 or start[:3] != b"\x00\x00\x08" or not 1 <= start[3] <= _DIMENSIONS:
        raise DataError(f"{path} is not an IDX file of bytes, with 1 to {_DIMENSIONS} dimensions.")
    begin = 4 + 4 * start[3]
    if len(start) < begin:
        raise DataError(f"{path} is not an IDX file of bytes: it ends within its first {begin} bytes.")
    shape = tuple(np.frombuffer(start, ">u4", start[3], 4).tolist())
    if prod(max(size, 1) for size in shape) > LARGEST - begin - 1:
        raise DataError(f"{path} announces {shape} values; that is more than 4 GiB, too many to read.")
    content, whole = unzipped(path, begin + prod(shape) + 1)
    body = np.frombuffer(content, np.uint8, offset=begin)
    if body.size != prod(shape) or not whole:
        held = body.size if whole else "more"
        raise DataError(
            f"{path} announces {shape} values and holds {held}; it is cut short or damaged, fetch it again."
        )
    return body.reshape(shape).copy()  # the bytes of a file are read-only


def read_mnist(directory: str | Path) -> ImageData:
    """Read MNIST, Fashion-MNIST or any set in the same four files from a directory.

    Args:
        directory: holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each plain or as ``.gz``.

    Raises:
        DataError: a file is absent or damaged, or images and labels do not belong together.
    """
    directory = Path(directory)
    paths = {part: _plain_or_gzipped(directory, name) for part, name in _FILES.items()}
    absent = [name for part, name in _FILES.items() if paths[part] is None]
    if absent:
        raise DataError(f"{directory} lacks {', '.join(f'{name}.gz' for name in absent)}.")
    parts = {part: read_idx(path) for part, path in paths.items() if path is not None}
    for part in ("train", "test"):
        images, labels = parts[f"x_{part}"], parts[f"y_{part}"]
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(
                f"The {part} files in {directory} do not belong together: images {images.shape}, labels {labels.shape}."
            )
    return ImageData(
        parts["x_train"], parts["y_train"].astype(np.int64), parts["x_test"], parts["y_test"].astype(np.int64)
    )


def _plain_or_gzipped(directory: Path, name: str) -> Path | None:
    return next((path for path in (directory / f"{name}.gz", directory / name) if is_file(path)), None)


def fetch_mnist(data_home: str | Path | None = None) -> ImageData:
    """Fetch MNIST through scikit-learn (from OpenML, kept for the next time) and check that every byte is right.

    Args:
        data_home: scikit-learn's data folder; its default if None.

    Raises:
        DataError: it cannot be fetched, or is not MNIST.
    """
    from sklearn.datasets import fetch_openml

    home = None if data_home is None else str(data_home)
    try:
        x, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True, data_home=home, parser="liac-arff")
    except Exception as error:  # urllib, parsers and the disk raise many kinds here
        raise DataError(
            f"MNIST could not be fetched ({error}); download the four .gz files and pass their folder as --data."
        ) from error
    images, labels = x.astype(np.uint8), y.astype(np.int64)
    checked_mnist(images, labels)
    images = images.reshape(-1, 28, 28)
    return ImageData(images[:60000], labels[:60000], images[60000:], labels[60000:])


def checked_mnist(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Raise DataError unless these are MNIST's 70 000 images and labels, in order."""
    found = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if found != _MNIST_SHA256:
        raise DataError(f"This is not MNIST: the checksum is {found}, it should be {_MNIST_SHA256}. Fetch it again.")
