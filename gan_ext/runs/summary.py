"""Rows made into figures: mean and deviation over seeds, named numbers, a printed table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Spread",
    "compared",
    "course",
    "courses",
    "flat",
    "named",
    "over_seeds",
    "print_table",
    "spread",
    "spreads",
    "table_cells",
]

Row = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """Values of one figure, one for each seed; ``f"{spread:.1f}"`` is its mean +- its deviation.

    Args:
        values: at least one.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Their standard deviation (n - 1), 0 for a single value."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def low(self) -> float:
        """The smallest."""
        return float(np.min(self.values))

    @property
    def high(self) -> float:
        """The largest."""
        return float(np.max(self.values))

    def __len__(self) -> int:
        return len(self.values)

    def __format__(self, specification: str) -> str:
        return f"{self.mean:{specification}} +- {self.std:{specification}}"


def spread(values: Iterable[float | None]) -> Spread:
    """Return the spread of some values; None counts as not a number.

    Raises:
        ValueError: there is none.
    """
    found = tuple(float("nan") if value is None else float(value) for value in values)
    if not found:
        raise ValueError("A spread needs at least one value.")
    return Spread(found)


def spreads(rows: Iterable[Mapping[str, Any]], names: Iterable[str] | None = None) -> dict[str, Spread]:
    """Return the spread over rows of every figure.

    Args:
        rows: at least one, a row for each seed.
        names: the figures; all plain numbers of the first row if not given.
    """
    rows = list(rows)
    if names is None:
        names = [name for name, value in rows[0].items() if isinstance(value, int | float)]
    return {name: spread(row[name] for row in rows) for name in names}


def flat(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a row and of the mappings in it; all else is left out.

    Names are joined by a comma: ``{"GAN": {"nll": 1.0}}`` gives ``{"GAN, nll": 1.0}``.
    """
    numbers: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            numbers |= {f"{name}, {inner}": number for inner, number in flat(value).items()}
        elif isinstance(value, int | float):
            numbers[name] = value
    return numbers


def course(row: Mapping[str, Any], value: str, step: str = "step") -> tuple[list[float], list[float]]:
    """Return steps and values of a row's ``"course"``, an engine's history, for a picture.

    Args:
        row: with a list of records under ``"course"``.
        value: what is plotted.
        step: what it is plotted over.
    """
    kept = [record for record in row["course"] if value in record]
    return [record[step] for record in kept], [record[value] for record in kept]


def over_seeds(rows: Mapping[Any, Row]) -> dict[str, list[Row]]:
    """Return the rows of each arm, one for each seed.

    Args:
        rows: by cells whose last part is the seed; the others, joined by a comma, are the arm's name:
            ``("ring", "GAN", 0)`` is a row of ``"ring, GAN"``.
    """
    arms: dict[str, list[Row]] = {}
    for (*arm, _), row in rows.items():
        arms.setdefault(", ".join(map(str, arm)), []).append(row)
    return arms


def courses(
    rows: Mapping[Any, Row], value: str, step: str = "step"
) -> dict[str, list[tuple[list[float], list[float]]]]:
    """Return the :func:`course` of every seed of each arm, for :func:`gan_ext.pictures.plot_courses`.

    Args:
        rows: as in :func:`over_seeds`.
        value: what is plotted.
        step: what it is plotted over.
    """
    return {arm: [course(row, value, step) for row in each] for arm, each in over_seeds(rows).items()}


def named(
    found: Mapping[str, Spread | Mapping[str, Spread]], mean: str = "", digits: int = 5, alone: bool = False
) -> dict[str, float]:
    """Return the numbers of ``result.json``: means under their names, deviations under ``"NAME, std"``.

    Args:
        found: spreads by name; those of an arm may be together, ``{"GAN": {"nll": ...}}`` is named ``"GAN, nll"``.
        mean: what follows the name of a mean, such as ``", mean"``.
        digits: after the point.
        alone: whether a single value has a deviation too, of 0.
    """
    numbers: dict[str, float] = {}
    for name, each in found.items():
        if isinstance(each, Mapping):
            numbers |= named({f"{name}, {score}": value for score, value in each.items()}, mean, digits, alone)
            continue
        numbers[f"{name}{mean}"] = round(each.mean, digits)
        if alone or len(each) > 1:
            numbers[f"{name}, std"] = round(each.std, digits)
    return numbers


def table_cells(values: Mapping[str, Any], formats: Mapping[str, str]) -> list[str]:
    """Return a row of a table: values by name, each in its format; empty where one is absent or None.

    Args:
        values: numbers, spreads or strings.
        formats: name to format, such as ``{"nll": ".3f", "real words": ".1%"}``, in the order of the columns.
    """
    return ["" if values.get(name) is None else format(values[name], form) for name, form in formats.items()]


def compared(
    found: Mapping[str, Mapping[str, Spread]],
    formats: Mapping[str, str],
    lower: Sequence[str] = (),
    apart: Sequence[str] = (),
) -> list[tuple[str, ...]]:
    """Return the rows of a table of arms by scores, the best arm of each score in bold.

    Args:
        found: arm to score to its spread over seeds; the deviation of a single seed is not shown.
        formats: score to format, in the order of the columns.
        lower: scores of which less is better.
        apart: arms that do not compete, such as real data, and scores in which nobody does, such as seconds.
    """
    best: dict[str, str] = {}
    for score in (score for score in formats if score not in apart):
        means = {arm: scores[score].mean for arm, scores in found.items() if arm not in apart}
        best[score] = (min if score in lower else max)(means, key=means.__getitem__)
    rows = []
    for arm, scores in found.items():
        texts = {
            score: format(scores[score] if len(scores[score]) > 1 else scores[score].mean, form)
            for score, form in formats.items()
        }
        rows.append((arm, *(f"[bold]{text}[/]" if best.get(score) == arm else text for score, text in texts.items())))
    return rows


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], width: int = 110) -> None:
    """Print a table, its first column to the left and the others to the right.

    Args:
        title: above it.
        headings: of the columns.
        rows: cells; a row that is too short is filled with empty ones.
        width: characters of a line.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=width).print(table)
