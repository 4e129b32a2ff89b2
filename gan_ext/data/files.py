"""Files that may be damaged or made to harm: what a reader asks before it takes room for what they claim to hold."""

import gzip
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.data.errors import DataError

__all__ = ["LARGEST", "UNREADABLE", "is_file", "is_folder", "read_entry", "unzipped"]

LARGEST = 2**32  # bytes that a file may unpack to
UNREADABLE = (  # what zipfile and numpy raise for damaged archives: encrypted, of another version, of a wrong length
    OSError, EOFError, ValueError, NotImplementedError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def is_file(path: Path) -> bool:
    """Return whether there is a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; a name that no folder can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def unzipped(path: Path, most: int | None = None) -> tuple[bytes, bool]:
    """Return what a file holds, plain or gzipped (seen from its content), and whether that is all of it.

    Args:
        path: the file.
        most: bytes to return at most, None for all.

    Raises:
        DataError: the file is absent, damaged, or unpacks to more than 4 GiB.
    """
    limit = LARGEST if most is None else min(most, LARGEST)
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            content, more = file.read(limit), bool(file.read(1))
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there.") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read, it is damaged or cut short ({error}); fetch it again.") from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory.") from error
    if more and most is None:
        raise DataError(f"{path} holds more than {LARGEST} bytes, unpacked; it is no file to read at once.")
    return content, not more


def read_entry(entry: IO[bytes], most: int) -> NDArray[Any]:
    """Return the array of an entry of an .npz archive; no pickle is opened, and no room taken for what is not there.

    Args:
        entry: the open entry.
        most: values, at most.

    Raises:
        ValueError: it claims more values, or has fewer than it claims.
    """
    version = np.lib.format.read_magic(entry)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = header(entry)
    if dtype.hasobject or not 0 <= prod(shape) <= most:
        raise ValueError(f"it claims {shape} values of type {dtype}, and may have {most} numbers")
    content = entry.read(prod(shape) * dtype.itemsize + 1)
    if len(content) != prod(shape) * dtype.itemsize:
        raise ValueError(f"it claims {shape} values of type {dtype}, and has {len(content)} bytes or more")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C").copy()
