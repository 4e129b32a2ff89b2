"""A recipe's run: which rows there are to measure, which are kept, and the result that is made from them."""

import json
import shutil
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

from gan_ext.engine import ensure_writable
from gan_ext.runs.files import write_json, write_result
from gan_ext.runs.options import Options
from gan_ext.runs.store import RowStore, cell_name

__all__ = ["Experiment"]

Cell = TypeVar("Cell", bound=Hashable)
Row = dict[str, Any]
NOT_SETTINGS = {"out", "resume", "device", "threads", "jobs", "seed", "seeds"}


class Experiment:
    """A run of a recipe: its folder, its settings, and the rows that are kept as soon as they are measured.

    A cell is what a row is of: ``("ring", "GAN", 0)``, or a seed.  All outputs are made of :meth:`rows` and
    :meth:`arrays`, so that a run killed while it reports writes all of them when it is resumed.

    With --resume the settings must be those of the killed run; without, rows and checkpoints of a former run in the
    same folder are removed, so make this after the settings are checked and the data read.

    Args:
        name: the recipe's name, for ``result.json``.
        config: its settings, a dataclass.
        free: settings that may differ when a run is resumed, since they only choose cells or say how a run is shown;
            out, resume, device, threads, jobs, seed and seeds always may.
        fixed: those of the last that may not, since rows depend on them.

    Raises:
        CheckpointError: the folder cannot be written.
        ValueError: it holds a run with other settings.
    """

    def __init__(self, name: str, config: Options, free: Sequence[str] = (), fixed: Sequence[str] = ()) -> None:
        self.name, self.config, self.out = name, config, ensure_writable(config.out)
        if config.threads:
            torch.set_num_threads(config.threads)
        self._started, self._seconds = time.monotonic(), dict[str, float]()
        left_out = (NOT_SETTINGS - set(fixed)) | set(free)
        self._take_up({key: str(value) for key, value in asdict(config).items() if key not in left_out})
        self._store = RowStore(self.out / "rows")

    def _take_up(self, settings: dict[str, str]) -> None:
        path = self.out / "settings.json"
        if self.config.resume and path.exists():
            before = _read_settings(path)
            if before != settings:
                changed = [
                    f"{key} {before.get(key, 'unknown')}, not {settings.get(key, 'known')}"
                    for key in sorted(before.keys() | settings.keys())
                    if before.get(key) != settings.get(key)
                ]
                raise ValueError(
                    f"{path} is of a run with other settings ({'; '.join(changed)}); use another --out or leave out "
                    "--resume."
                )
            return
        for folder in (self.out / "rows", self.config.fits):
            shutil.rmtree(folder, ignore_errors=True)
        write_json(path, settings)  # at once, so that a run killed in its first fit can be resumed too

    def __contains__(self, cell: Hashable) -> bool:
        return cell in self._store

    def left(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return the cells whose rows are not kept yet."""
        return [cell for cell in cells if cell not in self._store]

    def keep(self, cell: Hashable, row: Row, seconds: float = 0.0) -> None:
        """Keep the row of a cell: JSON, and arrays or tensors at its first level.

        Args:
            cell: what the row is of.
            row: its figures.
            seconds: that it took.
        """
        self._store.write(cell, row, seconds)

    def fill(
        self, cells: Iterable[Cell], measure: Callable[..., Row], jobs: int = 1, label: str = ""
    ) -> dict[Cell, Row]:
        """Measure the cells whose rows are not kept, keep each at once, and return the rows of all.

        Args:
            cells: what to measure.
            measure: row of a cell, called with the cell's parts: ``measure("ring", "GAN", 0)``.
            jobs: cells at a time; more than one gives each a process with one thread.
            label: of a bar of the cells, none if empty; only where `measure` shows no bar of its own.

        Returns:
            Cell to row, without arrays.
        """
        cells = list(cells)
        left = self.left(cells)
        measured: Iterable[tuple[Cell, Row, float]] = (
            self._side_by_side(left, measure, jobs) if jobs > 1 else self._in_turn(left, measure)
        )
        if label and left:
            from rich.progress import track

            measured = track(measured, label, total=len(left))
        for cell, row, seconds in measured:
            self.keep(cell, row, seconds)
        return self.rows(cells)

    @staticmethod
    def _in_turn(cells: list[Cell], measure: Callable[..., Row]) -> Iterator[tuple[Cell, Row, float]]:
        for cell in cells:
            yield (cell, *_timed(measure, cell))

    @staticmethod
    def _side_by_side(cells: list[Cell], measure: Callable[..., Row], jobs: int) -> Iterator[tuple[Cell, Row, float]]:
        from sklearn.utils.parallel import Parallel, delayed

        run = Parallel(n_jobs=jobs, return_as="generator_unordered")
        for place, (row, seconds) in run(delayed(_alone)(place, measure, cell) for place, cell in enumerate(cells)):
            yield cells[place], row, seconds

    def rows(self, cells: Iterable[Cell]) -> dict[Cell, Row]:
        """Return the rows that are kept of some cells, without arrays, as JSON gives them back (keys are strings)."""
        found: dict[Cell, Row] = {}
        for cell in cells:
            found[cell], self._seconds[cell_name(cell)] = self._store.read(cell)
        return found

    def arrays(self, cell: Hashable) -> dict[str, NDArray[Any]]:
        """Return the arrays of a row that is kept."""
        return self._store.arrays(cell)

    @property
    def seconds(self) -> float:
        """Seconds that the rows took which this run has read; of the wall since its start, if it has read none."""
        return sum(self._seconds.values()) if self._seconds else time.monotonic() - self._started

    def finish(
        self,
        metrics: dict[str, float],
        protocol: str,
        steps: float,
        seconds: float | None = None,
        said: str = "pictures and result.json are in {out}",
        **more: Any,
    ) -> Path:
        """Write ``result.json`` and say where everything is.

        Args:
            metrics: named numbers.
            protocol: how they were measured, in a sentence.
            steps: of all training.
            seconds: that it took; :attr:`seconds` if not given.
            said: what is printed after the seconds; ``{out}`` stands for the folder, nothing is printed if empty.
            more: anything else worth keeping (rows, curves), as JSON; cells as keys become their names.

        Returns:
            The file.
        """
        more = {name: _by_name(value) for name, value in more.items()}
        seconds = self.seconds if seconds is None else seconds
        path = write_result(
            self.out, self.name, asdict(self.config), metrics, protocol, seconds, steps / max(seconds, 1e-9),
            self.config.device, **more,
        )  # fmt: skip
        if said:
            print(f"{seconds:.0f} s; {said.replace('{out}', str(self.out))}")
        return path


def _by_name(value: Any) -> Any:
    return {cell_name(cell): row for cell, row in value.items()} if isinstance(value, Mapping) else value


def _timed(measure: Callable[..., Row], cell: Hashable) -> tuple[Row, float]:
    start = time.monotonic()
    row = measure(*cell) if isinstance(cell, tuple) else measure(cell)
    return row, time.monotonic() - start


def _alone(place: int, measure: Callable[..., Row], cell: Hashable) -> tuple[int, tuple[Row, float]]:
    torch.set_num_threads(1)
    return place, _timed(measure, cell)


def _read_settings(path: Path) -> dict[str, str]:
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(before, dict):
            raise ValueError("it holds no settings")
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): it said which settings the rows beside it are of. Use another --out, leave "
            "out --resume, or delete it if you are sure that they are of this run."
        ) from error
    return before
