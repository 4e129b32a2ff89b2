"""Vitals: records of a run as columns over steps, and what is computed from several records."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gan_ext.doctor import thresholds as at
from gan_ext.doctor.logged import PREFIX
from gan_ext.engine import Engine
from gan_ext.engine.checkpoint import newest

__all__ = ["Floats", "Recorded", "Vitals", "late_rows", "records_of"]

Floats = NDArray[np.float64]


class _Fitted(Protocol):
    history_: list[dict[str, Any]]


Recorded = Engine | _Fitted | str | Path | Sequence[Mapping[str, Any]]
"""What has records: an engine, a fitted estimator, a folder (or file) of checkpoints, or the records themselves."""

_MISSED = 0.25  # a mode is missed if it gets less than this share of what it should get; sampling moves it by a third


def records_of(run: Recorded) -> list[dict[str, Any]]:
    """Return the records of an engine, a fitted estimator, a folder (or file) of checkpoints, or a list of records.

    Raises:
        ValueError: it is none of these, or the folder holds no checkpoint.
        CheckpointError: all checkpoints are damaged.
    """
    if isinstance(run, (str, Path)):
        found = newest(Path(run))
        if found is None:
            raise ValueError(f"There is no checkpoint in {run}; give the folder that SaveEvery writes to.")
        return list(found.index["history"])
    records = run.history if isinstance(run, Engine) else getattr(run, "history_", run)
    if not isinstance(records, Sequence) or not all(isinstance(each, Mapping) and "step" in each for each in records):
        raise ValueError(
            f"diagnose reads an Engine, a fitted estimator, a folder of checkpoints or a list of records with a "
            f"'step', got {type(run).__name__}."
        )
    return [dict(each) for each in records]


class Vitals:
    """What :class:`~gan_ext.doctor.Watch` recorded, by name without the prefix; NaN where a record lacks it.

    Without its records, losses and terms that somebody else recorded (``player/term``) count as ``loss/player/term``.

    Args:
        records: with the step of each.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        watched = [each for each in records if any(name.startswith(PREFIX) for name in each)]
        self.watched = bool(watched)
        rows = [_named(each, self.watched) for each in (watched or records)]
        kept = [(each["step"], row) for each, row in zip(watched or records, rows, strict=True) if row]
        self.steps: Floats = np.array([step for step, _ in kept], dtype=np.float64)
        names = {name: None for _, row in kept for name in row}
        self.columns: dict[str, Floats] = {
            name: np.array([row.get(name, math.nan) for _, row in kept], dtype=np.float64) for name in names
        }

    def __len__(self) -> int:
        return len(self.steps)

    def get(self, name: str) -> Floats | None:
        """Return a column [T], None if no record has it."""
        return self.columns.get(name)

    def group(self, start: str) -> dict[str, Floats]:
        """Return the columns whose names begin so, by the rest of their names."""
        return {name.removeprefix(start): values for name, values in self.columns.items() if name.startswith(start)}

    @property
    def shares(self) -> tuple[Floats, Floats] | None:
        """Shares of generated and of real samples in each mode [T, K], of the records that have them."""
        made, real = self.group("share/"), self.group("real/")
        if not made or made.keys() != real.keys():
            return None
        return np.stack([made[name] for name in made], 1), np.stack([real[name] for name in made], 1)

    @property
    def missing(self) -> Floats | None:
        """Share of the real data in modes that the generator misses [T]."""
        if self.shares is None:
            return None
        made, real = self.shares
        missing: Floats = np.where(_missed(made, real), real, 0.0).sum(1)
        return missing

    @property
    def lost(self) -> Floats | None:
        """Share of the real data in modes that are missed, but had samples in an earlier late record [T]."""
        if self.shares is None:
            return None
        made, real = (shares[late_rows(self)] for shares in self.shares)
        now = _missed(made, real)
        before = np.concatenate([np.zeros((1, now.shape[1]), bool), np.logical_or.accumulate(~now, axis=0)[:-1]])
        late = np.where(now & before, real, 0.0).sum(1)
        return np.concatenate([np.full(len(self) - len(late), math.nan), late])

    @property
    def far(self) -> bool:
        """Whether samples have not come near the data yet."""
        distance = self.get("distance")
        return distance is not None and float(np.nanmedian(distance[late_rows(self)])) >= at.COLLAPSE_DISTANCE

    @property
    def unmoved(self) -> bool:
        """Whether samples are as far off as at the first record: it is too early then, unless they are a point."""
        distance, spread, coverage = (self.get(name) for name in ("distance", "spread", "coverage"))
        if distance is None or spread is None or coverage is None:
            return False
        far, wide, reached = (float(np.nanmedian(each[late_rows(self)])) for each in (distance, spread, coverage))
        if far < at.SATURATION_DISTANCE or wide <= at.COLLAPSE_POINT or reached > at.SATURATION_COVERAGE:
            return False
        return bool(at.SATURATION_STUCK <= far / distance[0] <= 1 / at.SATURATION_STUCK)

    @property
    def moved(self) -> Floats | None:
        r"""Total variation :math:`\frac12 \sum_k |p_k - p'_k|` between the modes' shares and those before [T]."""
        if self.shares is None:
            return None
        change = np.abs(np.diff(self.shares[0], axis=0)).sum(1) / 2
        return np.concatenate([[math.nan], change])


def late_rows(vitals: Vitals) -> slice:
    """Return which records are late."""
    return slice(len(vitals) - max(3, round(at.LATE_SHARE * len(vitals))), None)


def _missed(made: Floats, real: Floats) -> NDArray[np.bool_]:
    """Return which modes [T, K] get less than a quarter of what they should."""
    few: NDArray[np.bool_] = made < _MISSED * real
    return few


def _named(record: Mapping[str, Any], watched: bool) -> dict[str, float]:
    if watched:
        return {name.removeprefix(PREFIX): float(x) for name, x in record.items() if name.startswith(PREFIX)}
    numbers = {name: x for name, x in record.items() if "/" in name and isinstance(x, (int, float))}
    return {f"loss/{name}": float(x) for name, x in numbers.items()}
