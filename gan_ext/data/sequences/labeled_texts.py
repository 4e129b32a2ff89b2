"""Readers of texts with a class each: a folder of files, a table of two columns, and the speeches of plays."""

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from gan_ext.data.errors import DataError

__all__ = ["LabeledText", "read_labeled_texts", "read_speeches"]


class LabeledText(NamedTuple):
    """A text, and the name of its class."""

    text: str
    label: str


def read_labeled_texts(path: str | Path) -> list[LabeledText]:
    """Read texts and the names of their classes.

    Args:
        path: a folder with one .txt file for each class, a text a line (empty ones are left out); or a file of two
            columns, text and label, parted by commas (in a .tsv file by tabs), its first row a heading or not.

    Raises:
        DataError: it cannot be read as UTF-8, or a row has not two columns.
    """
    path = Path(path)
    try:
        return _folder(path) if path.is_dir() else _table(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as texts ({error}).") from error


def read_speeches(path: str | Path, speakers: int) -> list[LabeledText]:
    """Read who says what in plays: blocks that begin with a name and a colon.

    Args:
        path: a text file.
        speakers: how many are kept, those with most speeches; at least 1.

    Raises:
        DataError: it cannot be read as UTF-8.
    """
    try:
        found = re.findall(r"(?m)^([A-Z][A-Za-z' ]*):\n((?:.+\n?)+)", Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as texts ({error}).") from error
    most = {name for name, _ in Counter(name for name, _ in found).most_common(speakers)}
    return [LabeledText(" ".join(text.split()), name) for name, text in found if name in most]


def _folder(folder: Path) -> list[LabeledText]:
    files = sorted(folder.glob("*.txt"))
    return [
        LabeledText(line.strip(), file.stem)
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if line.strip()
    ]


def _table(path: Path) -> list[LabeledText]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",") if row]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(f"{path} needs two columns, text and label; row {number} has {len(row)}.")
    heading = bool(rows) and [cell.lower() for cell in rows[0]] == ["text", "label"]
    return [LabeledText(text, label) for text, label in rows[heading:]]
