"""CodeReport: what report_codes returns, as plain numbers, a printed table and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from typing_extensions import Self

from gan_ext.runs import write_json

__all__ = ["DEAD", "ClassScores", "CodeReport", "CodeRow"]

DEAD = 0.05  # share of its entropy below which a code is dead
_WIDTH = 100  # columns of the printed report


@dataclass(frozen=True)
class CodeRow:
    """One code: a category, a switch, or one coordinate, cut into equally likely levels.

    Attributes:
        code: its name, such as ``"style[0]"``.
        information: bound on its mutual information with samples in nats, by a reader trained afterwards.
        error: standard error of that bound.
        entropy: H in nats, what the bound cannot exceed.
        normalized: I/H in [0, 1].
        own: bound by the estimator's own Q on the same samples, in nats; None if it has none.
        own_normalized: the same divided by H, in [0, 1].
        change: share of change in samples when this code alone moves, against noise alone, c / (c + z).
        feature_change: the same in features of the reader, which looks for codes and so sees less of the noise.
        monotonicity: Spearman correlation of a coordinate with what is read of it; None for categories and switches.
        traversal_monotonicity: its mean over traversals of single samples.
        monotone_share: share of traversals that never turn.
        verdict: ``"good"``; ``"weak"`` (I/H below a quarter); ``"dead"`` (below .05); ``"hidden"`` (its own Q reads it,
            the other reader does not); ``"misread"`` (the reverse); ``"entangled"`` (it moves what is read as another
            code more than half as much as what is read as itself).
    """

    code: str
    information: float
    error: float
    entropy: float
    normalized: float
    own: float | None
    own_normalized: float | None
    change: float
    feature_change: float
    monotonicity: float | None
    traversal_monotonicity: float | None
    monotone_share: float | None
    verdict: str


@dataclass(frozen=True)
class ClassScores:
    """What labels tell, all on the held-out half of the labeled samples.

    Attributes:
        n_samples: real samples in that half.
        classes: names of the classes.
        categories: class that each category stands for, None if none.
        table: how many samples of each class (row) are of each category (column); None without a reader of categories.
        accuracy: of categories under the best one-to-one matching with classes (Hungarian).
        purity: of categories, when each stands for its most frequent class.
        nmi: normalized mutual information.
        ari: adjusted Rand index.
        classifier: the outside classifier.
        real_accuracy: its accuracy when trained on the other half.
        hit_rate: how often it finds the class that a generated sample was made for.
        hit_rate_error: standard error of that.
        generated_training: its accuracy when trained on generated samples alone.
        generated_training_error: standard error of that.
    """

    n_samples: int
    classes: tuple[Any, ...]
    categories: tuple[Any, ...]
    table: tuple[tuple[int, ...], ...] | None
    accuracy: float | None
    purity: float | None
    nmi: float | None
    ari: float | None
    classifier: str
    real_accuracy: float
    hit_rate: float | None
    hit_rate_error: float | None
    generated_training: float | None
    generated_training_error: float | None


@dataclass(frozen=True)
class CodeReport:
    """What the codes of a fitted estimator do; :func:`gan_ext.report_codes` makes one, ``print`` shows it.

    Attributes:
        estimator: name of the estimator's class.
        n_samples: generated samples, a fifth of them held out.
        rows: one :class:`CodeRow` for each code.
        change: share of change in samples when all codes move, against noise alone, c / (c + z).
        feature_change: the same in features of the reader.
        cross_talk: how much the reading of code j (column) changes when code i (row) is drawn anew, 1 if it is j itself
            and read perfectly.
        spread: mean distance of two generated samples, in deviations of the real data.
        real_spread: that of two real ones.
        labels: :class:`ClassScores` if there was `y`.
        warnings: sentences.
    """

    estimator: str
    n_samples: int
    rows: tuple[CodeRow, ...]
    change: float
    feature_change: float
    cross_talk: tuple[tuple[float, ...], ...]
    spread: float
    real_spread: float
    labels: ClassScores | None = None
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dictionaries that JSON knows."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Return the report of which :meth:`as_dict` gave this, be it read back from JSON."""
        parts = {name: _tuples(value) for name, value in plain.items()}
        labels = parts["labels"]
        parts["labels"] = None if labels is None else ClassScores(**labels)
        return cls(**{**parts, "rows": tuple(CodeRow(**row) for row in parts["rows"])})

    def draw(self, path: str | Path) -> None:
        """Draw I/H, cross-talk and, with labels, classes against categories (needs matplotlib, extra ``recipes``)."""
        from gan_ext.pictures import draw_code_report

        table = self.labels.table if self.labels else None
        draw_code_report(
            path,
            [row.code for row in self.rows],
            [row.normalized for row in self.rows],
            [row.own_normalized for row in self.rows],
            self.cross_talk,
            dead=DEAD,
            table=table,
            classes=[str(name) for name in self.labels.classes] if self.labels else (),
        )

    def write(self, folder: str | Path) -> None:
        """Write ``report.json``, which :meth:`from_dict` reads, and the picture ``report.png`` into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "report.json", self.as_dict())
        self.draw(folder / "report.png")

    def __str__(self) -> str:
        parts = [self._heading(), _table(self.rows), self._changes(), self._cross_talk()]
        if self.labels is not None:
            parts.append(_label_lines(self.labels))
        parts += ["\n".join(_wrapped(f"! {sentence}") for sentence in self.warnings)]
        return "\n\n".join(part for part in parts if part)

    def _heading(self) -> str:
        return _wrapped(
            f"Codes of {self.estimator}, read from {self.n_samples} generated samples by a net trained afterwards "
            "(a fifth of them held out)"
        )

    def _changes(self) -> str:
        return (
            f"Share of change owed to codes, not noise: {_short(self.change)} of samples, "
            f"{_short(self.feature_change)} of features\n"
            f"Mean distance of two samples, in deviations: generated {self.spread:.3g}, real {self.real_spread:.3g}"
        )

    def _cross_talk(self) -> str:
        names = [row.code for row in self.rows]
        if len(names) < 2:
            return ""
        lines = _columns(
            [["moved", *names], *([name, *map(_short, row)] for name, row in zip(names, self.cross_talk, strict=True))]
        )
        return "Cross-talk: what is read (columns) when one code moves (rows)\n" + lines


def _table(rows: Sequence[CodeRow]) -> str:
    head = ["code", "I >= (nats)", "H", "I/H", "own Q", "change", "monotone", "verdict"]
    return _columns([head, *map(_cells, rows)])


def _cells(row: CodeRow) -> list[str]:
    return [
        row.code,
        f"{row.information:.3f} +- {row.error:.3f}",
        f"{row.entropy:.3f}",
        _short(row.normalized),
        "-" if row.own is None else f"{row.own:.3f}",
        _short(row.change),
        "-" if row.monotonicity is None else _short(row.monotonicity),
        row.verdict,
    ]


def _label_lines(labels: ClassScores) -> str:
    lines = []
    if labels.table is not None:
        lines.append(
            f"Categories against classes, {labels.n_samples} real samples: accuracy {_short(labels.accuracy, 3)} "
            f"(one to one), purity {_short(labels.purity, 3)},\nNMI {_short(labels.nmi, 3)}, "
            f"ARI {_short(labels.ari, 3)}"
        )
        head = ["class", *(str(k) for k in range(len(labels.categories)))]
        counts = [[str(name), *map(str, row)] for name, row in zip(labels.classes, labels.table, strict=True)]
        meant = ["stands for", *("-" if name is None else str(name) for name in labels.categories)]
        lines.append(_columns([head, *counts, meant]))
    lines.append(
        f"{labels.classifier}: trained on real samples {_short(labels.real_accuracy, 3)}, on generated ones alone "
        f"{_rate(labels.generated_training, labels.generated_training_error)}"
    )
    lines.append(
        f"Hit rate (it finds the class that a sample was made for): {_rate(labels.hit_rate, labels.hit_rate_error)}"
    )
    return "\n".join(line for line in lines if line)


def _columns(rows: list[list[str]]) -> str:
    """Set rows in columns, the first to the left; cut long names, and columns that do not fit."""
    cut = [[cell if len(cell) <= 18 else cell[:17] + "~" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(cut[0]))]
    shown = len(widths)
    while sum(widths[:shown]) + 2 * shown - 2 > _WIDTH - 4:
        shown -= 1
    end = "  ..." if shown < len(widths) else ""
    return "\n".join(_row(row[:shown], widths) + end for row in cut)


def _row(cells: list[str], widths: list[int]) -> str:
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=False))
    return "  ".join([cells[0].ljust(widths[0]), *rest])


def _wrapped(sentence: str) -> str:
    from textwrap import fill

    return fill(sentence, _WIDTH, subsequent_indent="  " if sentence.startswith("!") else "")


def _short(number: float | None, digits: int = 2) -> str:
    return "-" if number is None else f"{number:.{digits}f}".replace("-0.00", "0.00")


def _rate(value: float | None, error: float | None) -> str:
    return "-" if value is None else f"{value:.3f} +- {error:.3f}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
