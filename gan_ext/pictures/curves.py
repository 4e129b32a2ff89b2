"""Pictures of learning curves and of frontiers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_curves", "draw_frontiers"]

Array = NDArray[Any]


def draw_curves(
    path: str | Path,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    logarithmic: bool = False,
) -> None:
    """Draw lines with a legend, and horizontal lines to compare them with.

    Args:
        path: the picture's file.
        curves: name to (x, y).
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        levels: name to height of a dashed line.
        logarithmic: whether the vertical axis is; a linear one where no y is positive.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, (x, y) in curves.items():
        axis.plot(x, y, label=name, linewidth=1.6)
    for number, (name, height) in enumerate((levels or {}).items()):
        axis.axhline(height, linestyle="--", linewidth=1, color=f"C{len(curves) + number}", label=name)
    logarithmic = logarithmic and any(value > 0 for _, y in curves.values() for value in y)  # else there is nothing
    axis.set(xlabel=x_label, ylabel=y_label, yscale="log" if logarithmic else "linear")
    if logarithmic:
        low, high = axis.get_ylim()
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        # Over less than a decade the marks between powers of ten are the only ones.
        axis.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if high < 10 * low else NullFormatter())
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    figure.savefig(path, dpi=120)


def draw_frontiers(
    path: str | Path,
    arms: Mapping[str, Sequence[Sequence[tuple[float, float, float]]]],
    x_label: str = "quality: NLL_oracle of samples, nats per token",
    y_label: str = "coverage: NLL_test, nats per token",
    real: tuple[float, float] | None = None,
    limits: tuple[float, float, float, float] | None = None,
    marks: Mapping[str, tuple[float, float]] | None = None,
    sums: bool = True,
) -> None:
    """Draw temperature frontiers of several generators in one picture; of both scores lower is better.

    A thick line with dots is the mean over seeds at each temperature, thin lines are the seeds, and the shaded band is
    the mean and the standard deviation over seeds of the coverage at equal quality.  A ring marks the mean's lowest sum
    of both scores; the legend has it, with its temperature, and says if that is the lowest or highest one tried.

    Args:
        path: the picture's file.
        arms: name to one frontier for each seed, all at the same temperatures; a frontier is a list of (temperature,
            quality, coverage), such as :class:`gan_ext.metrics.FrontierPoint`.
        x_label: what quality is, with its unit.
        y_label: what coverage is, with its unit.
        real: (quality, coverage) of real data, drawn as a star with lines.
        limits: (left, right, bottom, top) of the axes; None shows everything.
        marks: name to (quality, coverage) of single points, such as published ones, drawn as crosses with their names.
        sums: whether to ring and name lowest sums; False for scores whose sum means nothing.

    Raises:
        ValueError: no arm, or seeds of an arm at different temperatures.
    """
    from matplotlib.figure import Figure

    points = {name: _stacked(name, seeds) for name, seeds in arms.items()}
    if not points:
        raise ValueError("arms is empty: there is no frontier to draw.")
    figure = Figure(figsize=(7.4, 5.0 + 0.22 * len(points)), layout="constrained")
    axis = figure.subplots()
    for number, (name, seeds) in enumerate(points.items()):
        _draw_arm(axis, name, seeds, f"C{number % 10}", "-" if number < 10 else "--", sums)
    if real is not None:
        axis.axvline(real[0], color="0.4", linestyle=":", linewidth=1)
        axis.axhline(real[1], color="0.4", linestyle=":", linewidth=1)
        axis.plot(*real, "*", color="black", markersize=13, label=f"real data ({real[0]:.2f}, {real[1]:.2f})")
    axis.margins(x=0.12 if marks else None)  # room for names
    for name, place in (marks or {}).items():
        axis.plot(*place, "x", color="0.35", markersize=6)
        axis.annotate(name, place, xytext=(4, 3), textcoords="offset points", fontsize=8, color="0.25")
    axis.set(xlabel=f"{x_label} (lower is better)", ylabel=f"{y_label} (lower is better)")
    if limits is not None:
        axis.set(xlim=limits[:2], ylim=limits[2:])
    axis.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize=9)
    figure.savefig(path, dpi=120)


def _stacked(name: str, seeds: Sequence[Sequence[tuple[float, float, float]]]) -> Array:
    """Return [seeds, temperatures, 3], ordered by temperature."""
    ordered = [sorted(map(tuple, frontier)) for frontier in seeds]
    if not ordered or not ordered[0] or len({tuple(point[0] for point in frontier) for frontier in ordered}) > 1:
        raise ValueError(f"The seeds of {name!r} must have points at the same temperatures, at least one.")
    return np.array(ordered, dtype=np.float64)


def _draw_arm(axis: Any, name: str, seeds: Array, color: str, line: str, sums: bool) -> None:
    mean = seeds.mean(0)
    place = (mean[:, 1] + mean[:, 2]).argmin()
    best, edge = mean[place], ", the last tried" if place in (0, len(mean) - 1) else ""
    label = f"{name} (lowest sum {best[1] + best[2]:.2f} at temperature {best[0]:.3g}{edge})"
    shown = label if sums else name
    axis.plot(mean[:, 1], mean[:, 2], f"o{line}", color=color, linewidth=1.8, markersize=3.5, label=shown)
    if sums:
        axis.plot(best[1], best[2], "o", color=color, markersize=12, fillstyle="none", markeredgewidth=1.8)
    if len(seeds) > 1:
        for seed in seeds:
            axis.plot(seed[:, 1], seed[:, 2], color=color, linewidth=0.6, alpha=0.5)
        quality, middle, spread = _band(seeds)
        axis.fill_between(quality, middle - spread, middle + spread, color=color, alpha=0.2, linewidth=0)


def _band(seeds: Array) -> tuple[Array, Array, Array]:
    """Return qualities that all seeds have, and there the mean and the standard deviation of the coverage."""
    ordered = [seed[seed[:, 1].argsort()] for seed in seeds]
    quality = np.linspace(max(seed[0, 1] for seed in ordered), min(seed[-1, 1] for seed in ordered), 200)
    coverage = np.array([np.interp(quality, seed[:, 1], seed[:, 2]) for seed in ordered])
    kept = slice(None) if quality[0] <= quality[-1] else slice(0)
    return quality[kept], coverage.mean(0)[kept], coverage.std(0, ddof=1)[kept]
