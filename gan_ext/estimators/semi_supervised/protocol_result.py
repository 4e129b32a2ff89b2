"""What a protocol found: the honest figures, and beside them what a best-on-test reader would have claimed."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_ext.estimators.semi_supervised.protocol_cell import Cell
from gan_ext.metrics.statistics.bootstrap import Interval
from gan_ext.metrics.statistics.student import paired_difference, student_interval
from gan_ext.pictures import draw_curves
from gan_ext.runs import write_json

__all__ = ["ProtocolResult", "Summary"]


class Summary(NamedTuple):
    """One classifier at one number of labels; errors are shares in [0, 1].

    `errors` are those of the seeds after the last step, `std` their standard deviation (n - 1) and `interval` Student's
    for their mean.  `best_step` is the mean over seeds of each one's lowest test error on the way, and `best_on_test`
    the lowest of all steps and seeds: what a reader would claim who picked both on the test data.  `calibration_error`
    is a mean over seeds, None if there are no probabilities.
    """

    estimator: str
    n_labeled: int
    errors: tuple[float, ...]
    std: float
    interval: Interval
    best_step: float
    best_on_test: float
    seconds: float
    calibration_error: float | None

    @property
    def mean(self) -> float:
        """Mean error over seeds."""
        return self.interval.mean

    @property
    def accuracy(self) -> float:
        """Mean accuracy over seeds."""
        return 1 - self.mean


class ProtocolResult:
    """The scores of all fits of a protocol; ``print(result)`` shows a table.

    Args:
        cells: what every fit gave.
        models: fitted classifiers by (name, number of labels, seed), if they were kept.
        confidence: of the intervals, in (0, 1).
    """

    def __init__(
        self, cells: Sequence[Cell], models: Mapping[Any, Any] | None = None, confidence: float = 0.95
    ) -> None:
        self.cells = tuple(
            cell._replace(curve=tuple((int(step), float(error)) for step, error in cell.curve)) for cell in cells
        )
        self.models = None if models is None else dict(models)
        self.confidence = confidence

    @property
    def estimators(self) -> list[str]:
        """Names, in their order."""
        return list(dict.fromkeys(cell.estimator for cell in self.cells))

    @property
    def n_labeled(self) -> list[int]:
        """Numbers of labels, in their order."""
        return list(dict.fromkeys(cell.n_labeled for cell in self.cells))

    def summary(self, estimator: str, n_labeled: int | None = None) -> Summary:
        """Return the figures of one classifier at one number of labels (which may be left out if there is one only).

        Raises:
            ValueError: there is no such fit.
        """
        cells = self._of(estimator, n_labeled)
        errors = tuple(cell.error for cell in cells)
        best = [cell.best_on_test for cell in cells]
        calibration = [cell.calibration_error for cell in cells if cell.calibration_error is not None]
        return Summary(
            estimator,
            cells[0].n_labeled,
            errors,
            float(np.std(errors, ddof=1)) if len(errors) > 1 else float("nan"),
            student_interval(errors, self.confidence),
            float(np.mean(best)),
            min(best),
            float(np.mean([cell.seconds for cell in cells])),
            float(np.mean(calibration)) if calibration else None,
        )

    def difference(self, first: str, second: str, n_labeled: int | None = None) -> Interval:
        """Return the mean over seeds of the first's error less the second's on the same split, with its interval.

        Raises:
            ValueError: there is no such fit.
        """
        pairs = [[cell.error for cell in self._of(name, n_labeled)] for name in (first, second)]
        return paired_difference(pairs[0], pairs[1], self.confidence)

    def _of(self, estimator: str, n_labeled: int | None) -> list[Cell]:
        if n_labeled is None:
            if len(self.n_labeled) > 1:
                raise ValueError(f"n_labeled must be one of {self.n_labeled}; with several it cannot be left out.")
            n_labeled = self.n_labeled[0]
        found = [cell for cell in self.cells if (cell.estimator, cell.n_labeled) == (estimator, n_labeled)]
        if not found:
            raise ValueError(
                f"There is no fit of {estimator!r} with {n_labeled} labels; there are {self.estimators} with "
                f"{self.n_labeled}."
            )
        return found

    def summaries(self) -> list[Summary]:
        """Return the figures of every classifier at every number of labels."""
        return [self.summary(name, n) for n in self.n_labeled for name in self.estimators]

    def to_dict(self) -> dict[str, Any]:
        """Return all fits and all summaries as what JSON can hold; what is not a number becomes None."""
        rows = [
            {**row._asdict(), "errors": list(row.errors), "interval": list(row.interval)} for row in self.summaries()
        ]
        cells = [cell._asdict() for cell in self.cells]
        plain: dict[str, Any] = _plain({"confidence": self.confidence, "summaries": rows, "cells": cells})
        return plain

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ProtocolResult":
        """Return the result that :meth:`to_dict` wrote down."""
        return cls([Cell(**cell) for cell in content["cells"]], confidence=content["confidence"])

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_dict` as JSON."""
        write_json(path, self.to_dict())

    def table(self) -> str:
        """Return a table in Markdown, errors in per cent."""
        head, *rows = self._rows()
        return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        note = (
            f"Test error in %, mean and standard deviation over {len({cell.seed for cell in self.cells})} seeds, "
            "weights of the last step: this is the honest figure.\n"
            "Best step: what a reader would claim who picked the step on the test data; best step and seed: who picked "
            "both."
        )
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], "", note])

    def _rows(self) -> list[list[str]]:
        level = f"{100 * self.confidence:g} % interval"
        head = ["labels", "classifier", "error", level, "best step", "best step and seed", "ECE", "s/fit"]
        return [head, *(_row(summary) for summary in self.summaries())]

    def draw(self, path: str | Path) -> None:
        """Draw the mean error against the number of labels, a line for each classifier (needs matplotlib)."""
        numbers = sorted(self.n_labeled)
        curves = {name: (numbers, [100 * self.summary(name, n).mean for n in numbers]) for name in self.estimators}
        draw_curves(path, curves, "labeled samples", "test error, %", logarithmic=True)


def _row(row: Summary) -> list[str]:
    low, high = row.interval.low, row.interval.high
    return [
        str(row.n_labeled),
        row.estimator,
        f"{100 * row.mean:.2f}" + ("" if isnan(row.std) else f" ± {100 * row.std:.2f}"),
        "-" if isnan(low) else f"{100 * max(low, 0):.2f} to {100 * min(high, 1):.2f}",
        f"{100 * row.best_step:.2f}",
        f"{100 * row.best_on_test:.2f}",
        "-" if row.calibration_error is None else f"{row.calibration_error:.3f}",
        f"{row.seconds:.1f}",
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value
