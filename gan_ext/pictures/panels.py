"""The frame of a picture of one's own: panels beside each other, and courses of several arms in one of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["draw_courses", "draw_growth", "panels", "plot_courses"]

Line = tuple[Sequence[float], Sequence[float]]


@contextmanager
def panels(
    path: str | Path, columns: int = 1, rows: int = 1, size: tuple[float, float] = (4.6, 3.6), **shared: Any
) -> Iterator[list[Any]]:
    """Give a figure's axes to draw on, and write the picture once they are drawn.

    Args:
        path: the picture's file.
        columns: of panels.
        rows: of panels.
        size: width and height of a panel, in inches.
        shared: options of ``Figure.subplots``, such as ``sharey=True``.

    Yields:
        The axes of matplotlib, row by row.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    yield list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    figure.savefig(path, dpi=120)


def plot_courses(
    axis: Any, courses: Mapping[str, Sequence[Line]], levels: Mapping[str, float] | None = None, **style: Any
) -> None:
    """Plot a line for each seed, a color for each arm, and dotted lines to compare with.

    Args:
        axis: of matplotlib.
        courses: name of an arm to (x, y) of each of its seeds.
        levels: name to height of a gray line.
        style: of the lines, such as ``marker="o"``.
    """
    style = {"alpha": 0.7, **style}
    for number, (name, lines) in enumerate(courses.items()):
        for place, (x, y) in enumerate(lines):
            axis.plot(x, y, color=f"C{number}", label=None if place else name, **style)
    for (name, height), dashes in zip((levels or {}).items(), ("--", ":", "-.", "-"), strict=False):
        axis.axhline(height, color="gray", linestyle=dashes, linewidth=1, label=name)
    axis.grid(alpha=0.2)


def draw_courses(
    path: str | Path,
    shown: Mapping[str, Mapping[str, Sequence[Line]]],
    x_label: str,
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    top: float | None = None,
    size: tuple[float, float] = (4.6, 3.6),
    **style: Any,
) -> None:
    """Draw panels beside each other, each with :func:`plot_courses` of what is never below 0, on one scale.

    Args:
        path: the picture's file.
        shown: title of a panel to its arms, name to (x, y) of each seed.
        x_label: what x is.
        y_label: what y is.
        levels: name to height of a gray line.
        top: where the axes end; at the highest value if None.
        size: width and height of a panel, in inches.
        style: of the lines, such as ``marker="o"``.
    """
    with panels(path, columns=len(shown), size=size, sharey=True) as axes:
        for axis, (title, courses) in zip(axes, shown.items(), strict=True):
            plot_courses(axis, courses, levels, **style)
            axis.set(title=title, xlabel=x_label, ylim=(0, top))
        axes[0].set_ylabel(y_label)
        axes[0].legend(fontsize=8)


def draw_growth(
    path: str | Path,
    curves: Mapping[str, tuple[Line, float | None]],
    x_label: str,
    y_label: str,
) -> None:
    """Draw how something grows with a size, both on logarithmic axes, with the exponent of each curve.

    Args:
        path: the picture's file.
        curves: name to (sizes, values), and the exponent that the legend shows, if any.
        x_label: what the size is; the exponent is that of D.
        y_label: what grows.
    """
    with panels(path, size=(6.5, 4.5)) as (axis,):
        for name, ((sizes, values), exponent) in curves.items():
            label = name if exponent is None else f"{name}: $D^{{{exponent:.2f}}}$"
            axis.plot(sizes, values, marker="o", label=label)
        axis.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
        ticks = sorted({size for (sizes, _), _ in curves.values() for size in sizes})
        axis.set_xticks(ticks, [f"{size:g}" for size in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
