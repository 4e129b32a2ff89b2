"""Evaluation: the table of metrics that evaluate returns, as numbers, JSON and print."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

__all__ = ["Evaluation", "EvaluationRow"]


@dataclass(frozen=True)
class EvaluationRow:
    """One metric.

    Attributes:
        metric: its name.
        value: generated against real.
        low: lower end of its 95 % interval over the draw of samples; None without one.
        high: upper end.
        floor: real against real at the same size; None where there is no such thing.
        better: ``"lower"``, ``"higher"``, or ``"the floor"`` where the value of real data is best.
        failed: why there is no value, which then is NaN; empty where there is one.
    """

    metric: str
    value: float
    low: float | None
    high: float | None
    floor: float | None
    better: str
    failed: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What :func:`gan_ext.evaluate` measured; ``print`` shows it.

    Attributes:
        estimator: name of the estimator's class.
        n: samples of each kind: generated, real, and real for the floor.
        features: what the metrics were computed on.
        rows: one :class:`EvaluationRow` for each metric.
        notes: sentences.
    """

    estimator: str
    n: int
    features: str
    rows: tuple[EvaluationRow, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> EvaluationRow:
        for row in self.rows:
            if row.metric == metric:
                return row
        raise KeyError(f"There is no metric {metric!r}; there are {', '.join(row.metric for row in self.rows)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dictionaries that JSON knows; a failed value is None."""
        found = asdict(self)
        rows = [{**row, "value": None if row["failed"] else row["value"]} for row in found["rows"]]
        return {**found, "rows": rows, "notes": list(self.notes)}

    def __str__(self) -> str:
        head = ["metric", "generated", "95 % interval", "floor", "better"]
        lines = [f"{self.estimator}: {self.n} generated against {self.n} real samples, on {self.features}"]
        lines.append(_columns([head, *map(_cells, self.rows)]))
        wanting = [f"{row.metric}: {row.failed}" for row in self.rows if row.failed]
        lines += [fill(f"! {sentence}", 100, subsequent_indent="  ") for sentence in wanting]
        lines += [fill(f"* {note}", 100, subsequent_indent="  ") for note in self.notes]
        return "\n\n".join(lines)


_BEST = {"the floor": "as the floor"}


def _cells(row: EvaluationRow) -> list[str]:
    if row.failed:
        return [row.metric, "failed !", "-", "-", _BEST.get(row.better, row.better)]
    interval = "-" if row.low is None or row.high is None else f"{_short(row.low)} to {_short(row.high)}"
    return [
        row.metric,
        _short(row.value),
        interval,
        "-" if row.floor is None else _short(row.floor),
        _BEST.get(row.better, row.better),
    ]


def _short(number: float) -> str:
    return f"{number:.3g}" if number == 0 or 1e-3 <= abs(number) < 1e4 or not math.isfinite(number) else f"{number:.2e}"


def _columns(rows: Sequence[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
