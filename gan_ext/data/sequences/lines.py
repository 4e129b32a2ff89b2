"""Readers of text files: one sequence a line, plain or gzipped."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from gan_ext.data.errors import DataError
from gan_ext.data.files import LARGEST, is_file

__all__ = ["read_lines", "read_text_split"]


def read_lines(path: str | Path, encoding: str = "utf-8", max_lines: int | None = None) -> list[str]:
    r"""Read the lines of a text file, plain or gzipped (seen from its content, whatever its name).

    Lines end with ``\n`` or ``\r\n``, which are taken off; the last one may lack it. Blanks and empty lines stay.

    Args:
        path: the file.
        encoding: how its characters are stored; a byte order mark before UTF-8 is taken off.
        max_lines: read the first lines only; None for all.

    Raises:
        DataError: the file is absent, empty, damaged or larger than 4 GiB, or not
            in that encoding (with the number of the line).
        ValueError: max_lines is less than 1, or the encoding unknown.
    """
    if max_lines is not None and max_lines < 1:
        raise ValueError(f"max_lines={max_lines} must be at least 1, or None for all lines.")
    text = _decoded(_content(Path(path), max_lines), path, encoding)
    lines = text.removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines]


def _content(path: Path, max_lines: int | None) -> bytes:
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            lines: Iterable[bytes] = iter(lambda: file.readline(LARGEST), b"")
            content = b"".join(_bounded(islice(lines, max_lines), path))
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there.") from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory; read its first lines alone (max_lines).") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read; it is a folder, protected, damaged or cut short ({error}).") from error
    if not content:
        raise DataError(f"{path} is empty; a corpus needs at least one line.")
    return content


def _bounded(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    size = 0
    for line in lines:
        size += len(line)
        if size >= LARGEST:
            raise DataError(f"{path} holds {LARGEST} bytes or more, unpacked; read its first lines alone (max_lines).")
        yield line


def _decoded(content: bytes, path: str | Path, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise DataError(
            f"{path} is not {encoding} in line {line}: byte {content[error.start]:#04x} ({error.reason}). Convert the "
            f"file or say which encoding it has (encoding='latin-1' takes any byte)."
        ) from error
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown; utf-8, latin-1 and utf-16 are usual ones.") from error


def read_text_split(folder: str | Path | None, advice: str, flag: str = "--data") -> tuple[list[str], list[str]]:
    """Read train.txt and test.txt of a folder, one text a line, plain or gzipped; empty lines are left out.

    Args:
        folder: where they lie.
        advice: a sentence that says where to get them, for the error.
        flag: the option that gave the folder.

    Raises:
        DataError: no folder, one without these files, or files that cannot be read.
    """
    paths = [Path(folder or "FOLDER") / name for name in ("train.txt", "test.txt")]
    if folder is None or not all(map(is_file, paths)):
        where = paths[0].parent
        raise DataError(f"{flag} {where} must be a folder with train.txt and test.txt, one text a line. {advice}")
    train, test = ([line for line in read_lines(path) if line.strip()] for path in paths)
    return train, test
