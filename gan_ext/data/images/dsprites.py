"""A reader of the file of dSprites, which opens no pickle and never holds all pixels as bytes."""

import copy
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.data.errors import DataError
from gan_ext.data.files import UNREADABLE, read_entry
from gan_ext.data.images.sprites import FactorialImages, evenly

__all__ = ["StoredSprites", "read_dsprites"]

_ROWS = 4096  # images read at once
_MOST = 2**22  # images, at most; dSprites has 737 280
_LARGEST = 512  # pixels along a side, at most


@checked
class StoredSprites(FactorialImages):
    """The images of a file in the layout of dSprites, kept with 8 pixels in a byte; made by :func:`read_dsprites`.

    Args:
        packed: uint8 [n, bytes], the images' bits row after row, in the order of the factors.
        size: pixels along a side.
        sizes: number of values of each of the five factors.
    """

    def __init__(self, packed: Tensor, size: int, sizes: Sequence[int]) -> None:
        shapes, scales, orientations, *places = sizes
        turns = torch.linspace(0, 2 * math.pi, orientations, dtype=torch.float64)
        levels = (torch.arange(1, shapes + 1), evenly(0.5, 1.0, scales), turns, *(evenly(0, 1, n) for n in places))
        super().__init__(size, levels)
        self._packed = packed
        self._bits = 2 ** torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)

    def _images(self, factors: Tensor) -> Tensor:
        if factors.device != self._packed.device:
            raise ValueError(
                f"factors are on {factors.device} and the images on {self._packed.device}; move one with .to(device)."
            )
        rows = self._packed[self._join(factors)]
        pixels = ((rows[..., None] & self._bits) != 0).flatten(1)[:, : self.size**2]
        return pixels.reshape(-1, 1, self.size, self.size).float()

    def to(self, device: torch.device) -> Self:
        placed = copy.copy(self)
        placed._packed, placed._bits = self._packed.to(device), self._bits.to(device)
        return placed


def read_dsprites(path: str | Path) -> StoredSprites:
    """Read ``dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz``, the file of dSprites, without its pickled entry.

    The file (Matthey et al., 2017) is at https://github.com/deepmind/dsprites-dataset. Its ``metadata`` is a pickle,
    which can run code, and is never opened; only ``imgs`` and ``latents_classes`` are read, block by block. The
    orientations of the file end at 2 pi.

    Args:
        path: the file; any other in its layout will do, with all combinations of its factors in order.

    Raises:
        DataError: the file is absent, damaged, or not what it should be.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            missing = {"imgs.npy", "latents_classes.npy"} - set(archive.namelist())
            if missing:
                raise DataError(f"{path} lacks the entries {sorted(missing)}; it is not the file of dSprites.")
            with archive.open("latents_classes.npy") as entry:
                sizes = _sizes(path, read_entry(entry, 6 * _MOST))
            with archive.open("imgs.npy") as entry:
                packed, size = _packed(path, entry, math.prod(sizes))
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there; fetch it from https://github.com/deepmind/dsprites-dataset.") from error
    except DataError:
        raise
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read as the file of dSprites ({error}); fetch it again.") from error
    return StoredSprites(torch.from_numpy(packed), size, sizes)


def _sizes(path: Path, classes: NDArray[Any]) -> tuple[int, ...]:
    if classes.ndim != 2 or classes.shape[1] != 6 or classes.dtype.kind not in "iu" or not len(classes):
        raise DataError(f"latents_classes in {path} must be integers [n, 6], got {classes.dtype} {classes.shape}.")
    sizes = tuple(int(largest) + 1 for largest in classes.max(0))
    if math.prod(sizes) != len(classes) or sizes[0] != 1 or sizes[1] > 3:
        raise DataError(f"{len(classes)} rows of latents_classes in {path} are not all combinations of {sizes} values.")
    in_order = np.stack(np.unravel_index(np.arange(len(classes)), sizes), 1)
    if not np.array_equal(classes, in_order):
        raise DataError(f"The rows of latents_classes in {path} are not in the order of dSprites, posY fastest.")
    return sizes[1:]


def _packed(path: Path, entry: IO[bytes], n: int) -> tuple[NDArray[np.uint8], int]:
    """Return bits uint8 [n, bytes] and the side of images; the 3 GB of dSprites are never in memory at once."""
    version = np.lib.format.read_magic(entry)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = header(entry)
    square = len(shape) == 3 and shape[0] == n and shape[1] == shape[2] and 1 <= shape[1] <= _LARGEST
    if dtype != np.uint8 or by_column or not square:
        raise DataError(f"imgs in {path} must be uint8 [{n}, size, size], row after row, got {dtype} {shape}.")
    pixels = shape[1] ** 2
    packed = np.empty((n, -(-pixels // 8)), np.uint8)
    for first in range(0, n, _ROWS):
        rows = min(_ROWS, n - first)
        block = np.frombuffer(entry.read(rows * pixels), np.uint8).reshape(rows, pixels)
        if block.max() > 1:
            raise DataError(f"imgs in {path} has the value {block.max()}; those of dSprites are 0 and 1.")
        packed[first : first + rows] = np.packbits(block, axis=1)
    return packed, shape[1]
