"""Rows on disk: each in a file of its own as soon as it is measured, arrays beside the numbers."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import torch
from numpy.typing import NDArray

from gan_ext.engine import ensure_writable, write_atomically
from gan_ext.runs.files import write_json

__all__ = ["Kept", "RowStore", "cell_name"]


class Kept(NamedTuple):
    """A row that is kept: its figures, and the seconds that it took."""

    row: dict[str, Any]
    seconds: float


def cell_name(cell: Any) -> str:
    """Return the name of a cell, its parts joined by ``_``: ``("ring", "GAN", 0)`` is ``"ring_GAN_0"``."""
    return "_".join(map(str, cell)) if isinstance(cell, tuple) else str(cell)


class RowStore:
    """A folder of rows, ``NAME.json`` and (where a row has arrays) ``NAME.npz``; no pickle.

    Args:
        folder: where they lie; made at once.

    Raises:
        CheckpointError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = ensure_writable(folder)

    def __contains__(self, cell: Any) -> bool:
        return self._path(cell, "json").exists()

    def write(self, cell: Any, row: dict[str, Any], seconds: float) -> None:
        """Keep a row; arrays and tensors at its first level go into the file beside it, which is written first."""
        arrays = {name: _array(value) for name, value in row.items() if isinstance(value, np.ndarray | torch.Tensor)}
        if arrays:
            held = io.BytesIO()
            np.savez(held, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
            write_atomically(self._path(cell, "npz"), held.getvalue())
        figures = {name: value for name, value in row.items() if name not in arrays}
        write_json(self._path(cell, "json"), {"cell": cell_name(cell), "seconds": seconds, "row": figures})

    def read(self, cell: Any) -> Kept:
        """Return a row without its arrays, as JSON gives it back: tuples are lists, keys are strings.

        Raises:
            ValueError: its file is damaged.
        """
        path = self._path(cell, "json")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return Kept(dict(content["row"]), float(content["seconds"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}); remove it, and it is measured again.") from error

    def arrays(self, cell: Any) -> dict[str, NDArray[Any]]:
        """Return the arrays of a row."""
        path = self._path(cell, "npz")
        if not path.exists():
            return {}
        with np.load(path, allow_pickle=False) as file:
            return dict(file)

    def _path(self, cell: Any, suffix: str) -> Path:
        return self.folder / f"{quote(cell_name(cell), safe=' ,+=()')}.{suffix}"


def _array(value: Any) -> NDArray[Any]:
    array = np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
    if array.dtype.hasobject:
        raise ValueError("An array of objects cannot be kept without pickle; give numbers or strings.")
    return array
