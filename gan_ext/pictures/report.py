"""Picture of a report on codes: mutual information of each, cross-talk, classes against categories."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gan_ext.pictures.codes import draw_cells

__all__ = ["draw_code_report"]


def draw_code_report(
    path: str | Path,
    names: Sequence[str],
    shares: Sequence[float],
    own: Sequence[float | None],
    cross_talk: ArrayLike,
    *,
    dead: float = 0.05,
    table: ArrayLike | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Draw bars of I/H, a heat map of cross-talk and, if there are classes, one of them against categories.

    Args:
        path: the picture's file.
        names: codes, U of them.
        shares: I/H of each by a held-out reader, in [0, 1].
        own: the same by the estimator's own Q, drawn as a mark; None where there is none.
        cross_talk: [U, U], rows move.
        dead: where the line of dead codes is.
        table: counts [classes, categories].
        classes: names of the classes.

    Raises:
        ValueError: numbers of names, shares and cross-talk that do not agree.
    """
    from matplotlib.figure import Figure

    talk = np.asarray(cross_talk, dtype=np.float64)
    count = len(names)
    if not count or len(shares) != count or len(own) != count or talk.shape != (count, count):
        raise ValueError(
            f"{count} names need as many shares and cross-talk [{count}, {count}]; got {len(shares)} shares, "
            f"{len(own)} of the own Q and {talk.shape}."
        )
    counts = None if table is None else np.asarray(table, dtype=np.float64)
    wide = [2.6, max(2.2, 0.62 * count + 1.2)]
    tall = max(2.2, 0.42 * count + 1.3)
    if counts is not None:
        wide.append(max(2.2, 0.46 * counts.shape[1] + 1.0))
        tall = max(tall, 0.32 * len(counts) + 1.3)
    figure = Figure(figsize=(sum(wide), tall), layout="constrained")
    axes = figure.subplots(1, len(wide), width_ratios=wide)
    _draw_shares(axes[0], names, shares, own, dead)
    _draw_table(axes[1], talk, "{:.2f}", names, names)
    axes[1].set(title="Cross-talk", xlabel="what is read", ylabel="what moves")
    if counts is not None:
        _draw_table(axes[2], counts, "{:.0f}", classes, [str(k) for k in range(counts.shape[1])])
        axes[2].set(title="Real samples", xlabel="category", ylabel="class")
    figure.savefig(path, dpi=140)


def _draw_shares(
    axis: Any, names: Sequence[str], shares: Sequence[float], own: Sequence[float | None], dead: float
) -> None:
    places = np.arange(len(names))
    axis.barh(places, shares, color=["C3" if share < dead else "C0" for share in shares], label="held-out reader")
    known = [(place, share) for place, share in zip(places, own, strict=True) if share is not None]
    if known:
        axis.plot([share for _, share in known], [place for place, _ in known], "k|", markersize=12, label="own Q")
    axis.axvline(dead, color="C3", linestyle=":", linewidth=1.2, label=f"dead below {dead:g}")
    axis.set_yticks(places, names)
    axis.set(xlim=(0, 1.03), xlabel="I/H", title="Information read")
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.figure.legend(*axis.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=8, frameon=False)


def _draw_table(axis: Any, table: Any, fmt: str, rows: Sequence[str], columns: Sequence[str]) -> None:
    draw_cells(axis, table, [[fmt.format(number) for number in row] for row in table])
    slanted = max(map(len, columns)) > 4
    axis.set_xticks(range(len(columns)), columns, rotation=35 * slanted, ha="right" if slanted else "center")
    axis.set_yticks(range(len(rows)), rows)
    axis.tick_params(length=0, labelsize=9)
