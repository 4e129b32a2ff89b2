"""A run of the plug and play benchmark that can be killed: rows on disk, and what is drawn of them."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_ext.data import DataError
from gan_ext.engine import ensure_writable
from gan_ext.estimators.plug_and_play.benchmark import PlugAndPlayBenchmark
from gan_ext.estimators.plug_and_play.chain_scores import ChainScores
from gan_ext.pictures import ChainFilm, LivePicture, draw_images
from gan_ext.runs import write_json

__all__ = ["MeanAndDeviation", "PlugAndPlayRun"]

Array = NDArray[Any]
_SHOWN = 8  # images of each class in pictures
_FILM = "noiseless joint PPGN-h"  # the arm whose chains are filmed

_COLUMNS = {
    "hit_rate": "hit rate", "coverage": "coverage", "density": "density", "diversity": "diversity",
    "frechet": "Frechet", "autocorrelation": "tau", "switches": "switches", "passes": "passes", "milliseconds": "ms",
}  # fmt: skip


class MeanAndDeviation(NamedTuple):
    """Of a score over seeds of the chains; the deviation is 0 for one seed."""

    mean: float
    deviation: float


class PlugAndPlayRun:
    """Every arm of a benchmark, several times, with what is finished kept in a folder.

    Args:
        folder: where rows, samples and pictures go.
        settings: of the run; a folder that holds a run with others is refused.
        resume: whether to keep what a killed run has left.

    Raises:
        DataError: the folder holds a run with other settings, and `resume` asks to go on with it.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any], resume: bool) -> None:
        self.folder = ensure_writable(Path(folder))
        given = {name: str(value) for name, value in settings.items()}
        path = self.folder / "settings.json"
        if resume and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept != given:
                raise DataError(f"{path} is of a run with {kept}; use another --out or leave out --resume.")
        else:
            for name in ("rows", "samples", "checkpoints"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            write_json(path, given)
        for name in ("rows", "samples"):
            ensure_writable(self.folder / name)

    def measure(
        self,
        benchmark: PlugAndPlayBenchmark,
        reference: tuple[Array, Array],
        real: tuple[Array, Array],
        *,
        chains: int,
        steps: int,
        seeds: int,
        arms: Sequence[str] = (),
        say: Callable[[str], None] = print,
    ) -> None:
        """Score every arm that is not scored yet, and as many real images.

        Args:
            benchmark: fitted.
            reference: real images that were not trained on, and their classes.
            real: others, of which the floor is made.
            chains: for each class.
            steps: of each chain.
            seeds: runs of each arm, with seeds 0, 1, ...
            arms: names; all if empty.
            say: is told a line for each.
        """
        seen = benchmark.reference(*reference)
        self.floor = self._floor(benchmark, real, seen, chains)
        for name, arm in benchmark.arms().items():
            for seed in range(seeds if name in (arms or benchmark.names) else 0):
                path = self.folder / "rows" / f"{name}, chains {seed}.json"
                if path.exists():
                    continue
                scores, found = benchmark.measure(
                    arm, seen, chains=chains, steps=steps, seed=seed, callbacks=self._watching(name, seed, steps)
                )
                self._keep(name, found.data.numpy(), chains)
                write_json(path, scores._asdict())
                say(f"{name}, chains {seed}: hit rate {100 * scores.hit_rate:.1f} %, coverage {scores.coverage:.3f}")

    def _watching(self, name: str, seed: int, steps: int) -> list[Any]:
        watching: list[Any] = [LivePicture(self.folder / "live.png")]
        if seed == 0 and name == _FILM:
            watching.append(ChainFilm(self.folder / "chains.gif", every=max(1, steps // 40)))
        return watching

    def _floor(
        self, benchmark: PlugAndPlayBenchmark, real: tuple[Array, Array], reference: Any, chains: int
    ) -> dict[str, float]:
        images, labels = real
        rows = np.concatenate([np.flatnonzero(labels == each)[:chains] for each in benchmark.classes])
        self._keep("real images", images[rows], chains)
        return benchmark.scores(images[rows], np.searchsorted(benchmark.classes, labels[rows]), reference)

    def _keep(self, name: str, images: Array, chains: int) -> None:
        """Keep a few images of each class, in rows with one of each."""
        by_class = images.reshape(-1, chains, *images.shape[1:])[:, :_SHOWN]
        np.save(self._samples(name), by_class.swapaxes(0, 1).reshape(-1, *images.shape[1:]))

    def _samples(self, name: str) -> Path:
        return self.folder / "samples" / f"{name.replace(', ', '-').replace(' ', '_')}.npy"

    def rows(self) -> dict[str, dict[str, float]]:
        """Return the scores of every arm and seed that are on disk."""
        files = sorted((self.folder / "rows").glob("*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

    def scores(self) -> dict[str, dict[str, MeanAndDeviation]]:
        """Return mean and deviation over seeds of every score, by arm."""
        found: dict[str, list[dict[str, float]]] = {}
        for key, row in self.rows().items():
            found.setdefault(key.rsplit(", chains", 1)[0], []).append(row)
        ordered = [name for name in PlugAndPlayBenchmark.names if name in found]
        return {name: {score: _mean(found[name], score) for score in ChainScores._fields} for name in ordered}

    def metrics(self) -> dict[str, float]:
        """Return all scores by "arm, score", with ", std" for the deviation, and those of real images."""
        found = {f"real images, {name}": round(value, 5) for name, value in self.floor.items()}
        for arm, scores in self.scores().items():
            for score, (mean, deviation) in scores.items():
                found[f"{arm}, {score}"] = round(mean, 5)
                found[f"{arm}, {score}, std"] = round(deviation, 5)
        return found

    def table(self) -> list[list[str]]:
        """Return the scores as rows of cells, the first row being the heading, the last one real images."""
        rows = [["", *_COLUMNS.values()]]
        for name, scores in self.scores().items():
            rows.append([name, *(f"{scores[score].mean:.3g}" for score in _COLUMNS)])
        real = (f"{self.floor[score]:.3g}" if score in self.floor else "" for score in _COLUMNS)
        return [*rows, ["real images", *real]]

    def draw(self, columns: int) -> None:
        """Draw what every arm made as samples.png, a column for each class."""
        names = ["real images", *self.scores()]
        draw_images(
            self.folder / "samples.png", {name: np.load(self._samples(name)) for name in names}, columns, across=5
        )


def _mean(rows: Sequence[Mapping[str, float]], score: str) -> MeanAndDeviation:
    values = np.array([row[score] for row in rows])
    return MeanAndDeviation(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0)
