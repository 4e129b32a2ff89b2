"""Pictures of trade-offs: one score against several others, a line for each way that has a dial."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_ext.pictures.panels import panels

__all__ = ["Setting", "draw_trade_offs", "settings_of"]


class Setting(NamedTuple):
    """A way at one setting of its dial.

    Args:
        dial: what is written beside the point; of several words the last one.
        value: of the score that all panels share.
        scores: the others by name; None where one is not known.
    """

    dial: str
    value: float
    scores: Mapping[str, float | None]


def settings_of(rows: Iterable[Mapping[str, Any]], value: str, scale: float = 1.0) -> dict[str, list[Setting]]:
    """Return the settings of each way, from rows with an ``arm``, a ``dial`` and scores.

    Args:
        rows: one for each setting.
        value: the score that all panels share.
        scale: of this score, 100 for percent.
    """
    ways: dict[str, list[Setting]] = {}
    for row in rows:
        ways.setdefault(row["arm"], []).append(Setting(row["dial"], scale * row[value], row))
    return ways


def draw_trade_offs(
    path: str | Path,
    ways: Mapping[str, Sequence[Setting]],
    against: Mapping[str, str],
    label: str,
    start: tuple[str, Setting] | None = None,
    real: tuple[str, Mapping[str, float | None]] | None = None,
    costs: Collection[str] = (),
) -> None:
    """Draw a score against others: a panel for each of these, a line for each way.

    Args:
        path: the picture's file.
        ways: name to its settings, in order.
        against: the other scores, name to the label of their axis.
        label: of the common axis.
        start: name and setting of where all ways begin, a star; lines start there.
        real: name and scores of real data, dotted lines.
        costs: scores that are drawn to a logarithmic scale, where no line starts at the star.
    """
    every = [setting.value for settings in ways.values() for setting in settings] + ([start[1].value] if start else [])
    top = max(0.01, *every)
    with panels(path, columns=len(against), size=(4.35, 4.8), sharey=True) as axes:
        for axis, (score, text) in zip(axes, against.items(), strict=True):
            for number, (name, settings) in enumerate(ways.items()):
                known = [setting for setting in settings if setting.scores.get(score) is not None]
                begin = [start[1]] if start and score not in costs and len(known) > 1 else []
                _draw_way(axis, score, name, known, begin, f"C{number}")
            if start and start[1].scores.get(score) is not None:
                axis.plot(start[1].scores[score], start[1].value, "*", color="black", markersize=13, label=start[0])
            if real and real[1].get(score) is not None:
                axis.axvline(real[1][score], color="0.4", linestyle=":", label=real[0])
            axis.set(xlabel=text, xscale="log" if score in costs else "linear", ylim=(-0.04 * top, 1.12 * top))
            axis.grid(alpha=0.3)
        axes[0].set_ylabel(label)
        axes[0].legend(fontsize=8)


def _draw_way(axis: Any, score: str, name: str, known: list[Setting], begin: list[Setting], color: str) -> None:
    line = [setting for setting in begin if setting.scores.get(score) is not None] + known
    places = [setting.scores[score] for setting in line], [setting.value for setting in line]
    axis.plot(*places, "o-", color=color, markersize=5, label=name)
    for setting in known:
        place = (setting.scores[score], setting.value)
        dial = setting.dial.split()[-1]
        axis.annotate(dial, place, xytext=(4, 4), fontsize=7, textcoords="offset points", color=color)
