"""Measures of latent codes: mutual information by a reader trained afterwards, interventions, traversals."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.estimators.codes.code_reader import CodeReader, ReadingBatch, train_reader
from gan_ext.estimators.codes.source import CodeSource, CodeUnit
from gan_ext.metrics import (
    InformationBound,
    Monotonicity,
    change_share,
    cross_talk,
    information_bound,
    level_probabilities,
    mean_distance,
    monotonicity,
    rank_correlation,
    reading_change,
)
from gan_ext.seeds import seeded

__all__ = ["Change", "CodeMeasures", "Pool", "UnitMeasures", "measure_codes"]

_TRAVERSALS, _STEPS = 200, 9  # base samples, and values of a coordinate
_MIX = 1e-4  # of the prior in a belief of the estimator's own Q: one sample it is sure of and wrong about is not all

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """Generated samples [n, ...] with their codes [n, U], in three parts: to train on, to stop by, held out."""

    samples: Tensor
    codes: Tensor

    def parts(self) -> tuple["Pool", "Pool", "Pool"]:
        """Return 7 tenths, 1 tenth and 2 tenths."""
        n = len(self.samples)
        cuts = [7 * n // 10, n // 10, n - 7 * n // 10 - n // 10]
        pieces = zip(self.samples.split(cuts), self.codes.split(cuts), strict=True)
        first, second, third = (Pool(*piece) for piece in pieces)
        return first, second, third


@dataclass(frozen=True)
class Change:
    """Mean distances of samples that differ in their codes alone and in their noise alone, and the codes' share.

    `by_code` and `by_noise` are in deviations of the real data, `share` of them; `feature_share` is the same in the
    features of the held-out reader, which looks for codes and so sees less of the noise.
    """

    by_code: float
    by_noise: float
    share: float
    feature_share: float


@dataclass(frozen=True)
class UnitMeasures:
    """What was found out about one unit; monotonicity is that of coordinates only."""

    bound: InformationBound
    own: InformationBound | None
    change: Change
    correlation: float | None
    traversals: Monotonicity | None


@dataclass(frozen=True)
class CodeMeasures:
    """What was found out about all units, the change of all codes at once, the cross-talk [U, U], mean distances."""

    units: tuple[UnitMeasures, ...]
    change: Change
    cross_talk: Floats
    spread: float
    real_spread: float
    pool: Pool


def measure_codes(
    source: CodeSource,
    yardstick: Tensor,
    *,
    n_samples: int = 10_000,
    max_iter: int = 1500,
    seed: int = 0,
    device: str = "cpu",
) -> CodeMeasures:
    """Measure what codes do.

    Args:
        source: where samples come from.
        yardstick: real samples [m, ...] as the networks see them, which set the unit of distances.
        n_samples: samples that a reader is trained and tested on.
        max_iter: most steps of the reader.
        seed: decides everything.
        device: where the reader is trained.
    """
    with seeded(seed):
        pool = _pool(source, n_samples)
        training, stopping, _ = pool.parts()
        reader = train_reader(
            ReadingBatch(training.samples, source.classes(training.codes)),
            ReadingBatch(stopping.samples, source.classes(stopping.codes)),
            [unit.shares for unit in source.units],
            yardstick,
            steps=max_iter,
            seed=seed,
            device=device,
        )
        return _measured(source, reader, pool, yardstick)


def _pool(source: CodeSource, n: int) -> Pool:
    noise, codes = source.draw(n)
    return Pool(source.generate(noise, codes), codes)


def _measured(source: CodeSource, reader: CodeReader, pool: Pool, yardstick: Tensor) -> CodeMeasures:
    training, _, held_out = pool.parts()
    read = reader.read(held_out.samples)
    classes = source.classes(held_out.codes)
    bounds = [
        information_bound(true, part, unit.shares)
        for part, true, unit in zip(read, classes.T, source.units, strict=True)
    ]
    own = _own_bounds(source, training, held_out)
    changes, change, table = _interventions(source, reader, min(1000, len(pool.samples)))
    found = []
    for number, unit in enumerate(source.units):
        correlation = traversals = None
        if unit.edges is not None:
            correlation = rank_correlation(held_out.codes[:, number], unit.reading(read[number].exp()))
            traversals = _traversed(source, reader, number)
        found.append(UnitMeasures(bounds[number], own[number], changes[number], correlation, traversals))
    made, real = (_spread(reader.standardize(x)) for x in (held_out.samples, yardstick))
    return CodeMeasures(tuple(found), change, table, made, real, pool)


def _spread(x: Tensor) -> float:
    """Return the mean distance of two samples, from at most 2000 of them."""
    some = x[torch.randperm(len(x))[:2000]]
    return mean_distance(some[1:], some[:-1])


def _own_bounds(source: CodeSource, training: Pool, held_out: Pool) -> list[InformationBound | None]:
    """Return the bounds of the estimator's own Q, on the same samples and in the same classes."""
    if source.own is None:
        return [None] * len(source.units)
    fitted, read = source.own(training.samples), source.own(held_out.samples)
    bounds: list[InformationBound | None] = []
    for number, unit in enumerate(source.units):
        beliefs = read[number]
        if unit.edges is not None:
            error = float((fitted[number] - training.codes[:, number]).square().mean().sqrt())
            beliefs = torch.from_numpy(level_probabilities(beliefs, error, unit.edges))
        prior = torch.tensor(unit.shares, dtype=torch.float64)
        mixed = (1 - _MIX) * beliefs + _MIX * prior
        bounds.append(information_bound(unit.classes(held_out.codes[:, number]), mixed.log(), unit.shares))
    return bounds


def _interventions(source: CodeSource, reader: CodeReader, n: int) -> tuple[list[Change], Change, Floats]:
    """Draw noise, all codes and each code anew in turn, and return what changes in samples and in readings."""
    noise, codes = source.draw(n)
    base = source.generate(noise, codes)
    by_noise = source.generate(source.draw_noise(n), codes)

    def change(moved: Tensor) -> Change:
        d_c, d_z = (mean_distance(reader.standardize(base), reader.standardize(x)) for x in (moved, by_noise))
        f_c, f_z = (mean_distance(reader.features(base), reader.features(x)) for x in (moved, by_noise))
        return Change(d_c, d_z, change_share(d_c, d_z), change_share(f_c, f_z))

    everything = codes.clone()
    for number in range(len(source.units)):
        everything[:, number] = source.redraw(codes, number)[:, number]
    changes, readings, true = [], [], []
    for number, unit in enumerate(source.units):
        others = source.redraw(codes, number)
        moved = source.generate(noise, others)
        changes.append(change(moved))
        readings.append(_readings(source.units, reader, moved))
        true.append(reading_change(*(unit.true_reading(values[:, number]) for values in (codes, others))))
    table = cross_talk(_readings(source.units, reader, base), readings, true)
    return changes, change(source.generate(noise, everything)), table


def _readings(units: tuple[CodeUnit, ...], reader: CodeReader, x: Tensor) -> list[Tensor]:
    return [unit.reading(part.exp()) for unit, part in zip(units, reader.read(x), strict=True)]


def _traversed(source: CodeSource, reader: CodeReader, number: int) -> Monotonicity:
    """Return whether the reading of a coordinate goes one way as it moves over its range and all else stays."""
    unit = source.units[number]
    assert unit.quantiles is not None
    values = unit.quantiles((torch.arange(_STEPS, dtype=torch.float64) + 0.5) / _STEPS).float()
    noise, codes = (drawn.repeat_interleave(_STEPS, dim=0) for drawn in source.draw(_TRAVERSALS))
    codes[:, number] = values.repeat(_TRAVERSALS)
    read = reader.read(source.generate(noise, codes))[number]
    return monotonicity(unit.reading(read.exp()).reshape(_TRAVERSALS, _STEPS))
