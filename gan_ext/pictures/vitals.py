"""A picture of a run's vitals, in which the stretch that fails is shaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["diagnosis_figure"]

_PANELS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("gradient norm", ("gradient/",), True),
    ("norm of weights", ("weight/",), True),
    ("logits", ("real_logit", "fake_logit"), False),
    ("pairs ranked right", ("ranked",), False),
    ("distance, spread, variety", ("distance", "spread", "variety"), True),
    ("coverage, missing modes, moved", ("coverage", "missing", "moved"), False),
    ("information of codes, nats", ("loss/generator/information/",), False),
    ("penalties with their weights", ("penalty/",), True),
    ("near-copies", ("nearness", "copies", "held_out_copies"), False),
    ("rotation", ("rotation", "antisymmetric"), True),
)


def diagnosis_figure(
    path: str | Path,
    vitals: Mapping[str, Sequence[float]],
    failing: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    columns: int = 3,
) -> None:
    """Draw what was recorded of a run over its steps, in a panel for each kind of vital.

    ``diagnosis_figure("run.png", found.vitals, found.failing, found.sentence)`` draws a
    :class:`~gan_ext.doctor.Diagnosis`.

    Args:
        path: the picture's file.
        vitals: columns of equal length by name, such as ``gradient/generator`` or ``coverage``, and the steps under
            ``step``; names that belong to no panel are left out.
        failing: name of a failure to its first and last step, which are shaded.
        title: a sentence above the panels.
        columns: panels side by side.

    Raises:
        ValueError: no steps, columns of other lengths, or nothing to draw.
    """
    from matplotlib.figure import Figure

    steps = _checked(vitals)
    panels = [(name, _members(vitals, starts), log) for name, starts, log in _PANELS]
    panels = [panel for panel in panels if panel[1]]
    if not panels:
        raise ValueError(f"vitals has no column that is drawn; it has {', '.join(vitals)}.")
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * min(columns, len(panels)), 2.5 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, min(columns, len(panels)), squeeze=False).ravel()
    for axis, (name, members, logarithmic) in zip(axes, panels, strict=False):
        _draw(axis, name, steps, members, logarithmic)
        for number, (failure, (first, last)) in enumerate((failing or {}).items()):
            axis.axvspan(first, last, color=f"C{3 + number}", alpha=0.13, linewidth=0, label=failure)
        axis.legend(fontsize=7)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.suptitle(title, fontsize=9, wrap=True)
    figure.savefig(path, dpi=110)


def _checked(vitals: Mapping[str, Sequence[float]]) -> Sequence[float]:
    if not len(vitals.get("step", ())):
        raise ValueError("vitals needs the steps of its columns under 'step', at least one.")
    steps = vitals["step"]
    wrong = [name for name, column in vitals.items() if len(column) != len(steps)]
    if wrong:
        raise ValueError(f"The column {wrong[0]!r} has {len(vitals[wrong[0]])} values for {len(steps)} steps.")
    return steps


def _members(vitals: Mapping[str, Sequence[float]], starts: Sequence[str]) -> dict[str, Sequence[float]]:
    """Return the columns that begin with one of the names that end in a slash, or are one of the others."""
    return {
        name: column
        for name, column in vitals.items()
        if any(name == start or (start.endswith("/") and name.startswith(start)) for start in starts)
    }


def _draw(axis: Any, title: str, steps: Sequence[float], members: Mapping[str, Sequence[float]], log: bool) -> None:
    positive = False
    for name, column in members.items():
        values = np.asarray(column, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        positive |= bool((values > 0).any())
        axis.plot(steps, values, linewidth=1.4, label=name.rsplit("/", 1)[-1])
    axis.set_yscale("log" if log and positive else "linear")
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("step", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)
