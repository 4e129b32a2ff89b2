"""Pictures of games and mixtures in the plane: vector fields with the paths of solvers, clouds of samples, films."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FieldPanel", "animate", "animate_clouds", "animate_fields", "draw_clouds", "draw_fields"]

Array = NDArray[Any]

_PANEL = 3.3  # inches along a panel


class FieldPanel(NamedTuple):
    """A vector field on a grid, and paths through it."""

    velocities: Array
    """[h, w, 2], along x and along y, at every point of the grid."""
    paths: Mapping[str, Array]
    """Name, such as a solver's, to positions [steps + 1, 2]."""


class _Plane(NamedTuple):
    x: Array
    y: Array
    x_label: str
    y_label: str


def draw_fields(
    path: str | Path,
    panels: Mapping[str, FieldPanel],
    x: Array,
    y: Array,
    x_label: str = "generator",
    y_label: str = "discriminator",
    columns: int = 4,
) -> None:
    """Draw vector fields of games of two numbers as lines of flow, under the paths that solvers take.

    A path begins at a dot and ends at a square; the cross is at 0.  Paths may leave the picture.

    Args:
        path: the picture's file.
        panels: title to field and paths.
        x: places of the grid along the first number [w], rising evenly.
        y: places of the grid along the second number [h], rising evenly.
        x_label: what x is.
        y_label: what y is.
        columns: panels side by side.

    Raises:
        ValueError: no panel, or a field or path of another shape.
    """
    plane = _Plane(np.asarray(x), np.asarray(y), x_label, y_label)
    figure = _field_figure(panels, plane, columns, None)
    figure.savefig(path, dpi=100)


def animate_fields(
    path: str | Path,
    panels: Mapping[str, FieldPanel],
    x: Array,
    y: Array,
    x_label: str = "generator",
    y_label: str = "discriminator",
    columns: int = 4,
    frames: int = 40,
    milliseconds: int = 80,
) -> None:
    """Draw :func:`draw_fields` as a film in which the paths grow, the longest to its end in `frames` pictures.

    Args:
        path: the film's file, a GIF.
        panels: as in :func:`draw_fields`.
        x: as in :func:`draw_fields`.
        y: as in :func:`draw_fields`.
        x_label: what x is.
        y_label: what y is.
        columns: panels side by side.
        frames: pictures, >= 2.
        milliseconds: time of each.

    Raises:
        ValueError: as :func:`draw_fields`; fewer than two frames; panels without a path.
    """
    plane = _Plane(np.asarray(x), np.asarray(y), x_label, y_label)
    longest = max((len(each) for panel in panels.values() for each in panel.paths.values()), default=0)
    if frames < 2 or not longest:
        raise ValueError(f"A film needs frames >= 2 and a path, got frames={frames} and {longest} positions.")
    lengths = np.linspace(1, longest, frames).round().astype(int)
    figures = (_field_figure(panels, plane, columns, int(length)) for length in lengths)
    animate(path, map(_pixels, figures), milliseconds)


def draw_clouds(
    path: str | Path,
    panels: Mapping[str, Array],
    modes: Array | None = None,
    scores: Mapping[str, Array] | None = None,
    limit: float | None = None,
    columns: int = 4,
) -> None:
    """Draw samples in the plane over the modes that they should reach, a panel for each arm or step.

    A panel's title says how many samples lie outside of it.

    Args:
        path: the picture's file.
        panels: title to samples [n, 2].
        modes: means of the modes [K, 2], drawn as crosses.
        scores: title to what a discriminator says on an even grid of this panel [h, w], from -limit to limit along x
            and y; blue is real, red is generated.
        limit: panels go from -limit to limit; 1.35 times the farthest coordinate of the modes (or samples) if None.
        columns: panels side by side.

    Raises:
        ValueError: no panel, samples of another shape, or scores of an unknown panel.
    """
    _cloud_figure(panels, modes, scores or {}, limit, columns).savefig(path, dpi=100)


def animate_clouds(
    path: str | Path,
    frames: Sequence[Mapping[str, Array]],
    modes: Array | None = None,
    limit: float | None = None,
    columns: int = 4,
    milliseconds: int = 120,
) -> None:
    """Draw :func:`draw_clouds` as a film, such as of several arms while they train.

    Args:
        path: the film's file, a GIF.
        frames: for each picture, title to samples [n, 2]; titles may change, their number may not.
        modes: means of the modes [K, 2].
        limit: panels go from -limit to limit; needed without `modes`.
        columns: panels side by side.
        milliseconds: time of each picture.

    Raises:
        ValueError: as :func:`draw_clouds`; no frame; panels that differ in number; neither `modes` nor `limit`.
    """
    if len({len(panels) for panels in frames}) != 1:
        raise ValueError(f"A film needs frames of equally many panels, got {[len(panels) for panels in frames]}.")
    if modes is None and limit is None:
        raise ValueError("animate_clouds needs modes or limit: the view must be the same in all frames.")
    animate(path, (_pixels(_cloud_figure(panels, modes, {}, limit, columns)) for panels in frames), milliseconds)


def animate(path: str | Path, frames: Iterable[Array], milliseconds: int = 100, colors: int = 32) -> None:
    """Write pictures as an endless GIF whose colors are few and the same throughout, which keeps the file small.

    Args:
        path: the film's file.
        frames: pictures uint8 [H, W, 3] of one size, at least one.
        milliseconds: time of each.
        colors: how many different ones, one of them kept for what does not change, 3 to 256.

    Raises:
        ValueError: no picture, pictures of different sizes or of another type, or numbers out of range.
    """
    from PIL import Image

    pictures = [np.asarray(frame) for frame in frames]
    if not pictures or any(each.dtype != np.uint8 or each.ndim != 3 or each.shape[2] != 3 for each in pictures):
        raise ValueError("frames must be pictures uint8 [H, W, 3], at least one.")
    if len({each.shape for each in pictures}) > 1:
        raise ValueError(f"frames must be of one size, got {sorted({each.shape[:2] for each in pictures})}.")
    if not (3 <= colors <= 256 and milliseconds >= 1):
        raise ValueError(f"animate needs 3 <= colors <= 256 and milliseconds >= 1, got {colors} and {milliseconds}.")
    chosen = Image.fromarray(np.concatenate([pictures[0], pictures[len(pictures) // 2], pictures[-1]]))
    palette = chosen.quantize(colors - 1)
    images = [Image.fromarray(each).quantize(palette=palette, dither=Image.Dither.NONE) for each in pictures]
    films = list(_changes([np.asarray(image) for image in images], unchanged=colors - 1))
    first, *others = (_with_palette(Image.fromarray(film), images[0]) for film in films)
    # disposal=1 leaves each picture under the next, so that a pixel that stays need not be drawn.
    still = {"transparency": colors - 1, "disposal": 1, "optimize": False}
    first.save(path, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, **still)


def _changes(pictures: Sequence[Array], unchanged: int) -> Iterator[Array]:
    """Yield the first picture, then each with the mark `unchanged` where it is as the one before."""
    yield pictures[0]
    for before, after in pairwise(pictures):
        yield np.where(before == after, np.uint8(unchanged), after)


def _with_palette(image: Any, other: Any) -> Any:
    image.putpalette(other.getpalette())
    return image


def _grid(number: int, columns: int, room: float = 0.0) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    columns = min(columns, number)
    rows = -(-number // columns)
    figure = Figure(figsize=(_PANEL * columns, (_PANEL + 0.35) * rows + room), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axis in axes[number:]:
        axis.axis("off")
    return figure, axes[:number]


def _field_figure(panels: Mapping[str, FieldPanel], plane: _Plane, columns: int, length: int | None) -> Any:
    """Return the figure with the first `length` positions of every path; all if None."""
    if not panels:
        raise ValueError("panels is empty: there is no field to draw.")
    for title, panel in panels.items():
        wanted = (len(plane.y), len(plane.x), 2)
        if np.shape(panel.velocities) != wanted:
            raise ValueError(f"velocities of {title!r} must be {list(wanted)}, got {list(np.shape(panel.velocities))}.")
        for name, positions in panel.paths.items():
            if np.ndim(positions) != 2 or np.shape(positions)[1] != 2 or not len(positions):
                raise ValueError(f"The path {name!r} must be [steps + 1, 2], got {list(np.shape(positions))}.")
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel.paths))
    colors = _colors(names)
    width = _PANEL * min(columns, len(panels))
    fitting = min(4, max(1, int(14 * width / (max(map(len, names), default=0) + 6))))  # names beside each other
    figure, axes = _grid(len(panels), columns, room=0.3 + 0.2 * -(-len(names) // fitting))
    for number, (axis, (title, panel)) in enumerate(zip(axes, panels.items(), strict=True)):
        _draw_field(axis, panel, plane, colors, length)
        axis.set_title(title, fontsize=11)
        axis.set(xlabel=plane.x_label, ylabel=plane.y_label if number % columns == 0 else "")
    if names:
        handles = [axis.plot([], [], color=colors[name], label=name)[0] for name in names]
        figure.legend(handles=handles, loc="outside lower center", ncols=fitting, fontsize=8)
    return figure


def _colors(names: Sequence[str]) -> dict[str, Any]:
    """Return a color for each name, all different for up to twenty."""
    from matplotlib import colormaps

    if len(names) <= 10:
        return {name: f"C{place}" for place, name in enumerate(names)}
    many = [colormaps["tab20"](place) for place in range(20)]
    order = [*range(0, 20, 2), *range(1, 20, 2)]
    return {name: many[order[place % 20]] for place, name in enumerate(names)}


def _draw_field(axis: Any, panel: FieldPanel, plane: _Plane, colors: Mapping[str, str], length: int | None) -> None:
    velocities = np.asarray(panel.velocities, np.float64)
    axis.streamplot(plane.x, plane.y, velocities[..., 0], velocities[..., 1], color="0.8", linewidth=0.7, density=0.9)
    axis.plot(0, 0, "+", color="black", markersize=9)
    for name, positions in panel.paths.items():
        shown = np.asarray(positions)[:length]
        axis.plot(*shown.T, color=colors[name], linewidth=1.4)
        axis.plot(*shown[0], "o", color=colors[name], markersize=5)
        axis.plot(*shown[-1], "s", color=colors[name], markersize=5)
    axis.set(xlim=(plane.x[0], plane.x[-1]), ylim=(plane.y[0], plane.y[-1]), aspect="equal")
    axis.tick_params(labelsize=8)


def _cloud_figure(
    panels: Mapping[str, Array], modes: Array | None, scores: Mapping[str, Array], limit: float | None, columns: int
) -> Any:
    if not panels:
        raise ValueError("panels is empty: there are no samples to draw.")
    if unknown := scores.keys() - panels.keys():
        raise ValueError(f"scores names {sorted(unknown)}, which panels lacks: use the titles {list(panels)}.")
    for title, samples in panels.items():
        if np.ndim(samples) != 2 or np.shape(samples)[1] != 2:
            raise ValueError(f"Samples of {title!r} must be [n, 2], got {list(np.shape(samples))}.")
    limit = _farthest(panels.values() if modes is None else [modes]) if limit is None else limit
    figure, axes = _grid(len(panels), columns)
    for axis, (title, samples) in zip(axes, panels.items(), strict=True):
        outside = int((~(np.abs(samples) <= limit).all(1)).sum())
        if title in scores:
            _draw_scores(axis, np.asarray(scores[title], np.float64), limit)
        if modes is not None:
            few = len(modes) <= 30
            axis.plot(*np.asarray(modes).T, "x" if few else ".", color="0.45", markersize=6 if few else 3, zorder=3)
        axis.plot(*np.asarray(samples).T, ".", color="C1", markersize=2.5, markeredgewidth=0)
        axis.set_title(f"{title} ({outside} outside)" if outside else title, fontsize=10)
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axis.tick_params(labelsize=8)
    return figure


def _draw_scores(axis: Any, values: Array, limit: float) -> None:
    top = max(float(np.abs(values).max()), 1e-12)
    places = [np.linspace(-limit, limit, side) for side in values.shape[::-1]]
    axis.contourf(*places, values, np.linspace(-top, top, 13), cmap="RdBu", alpha=0.45)
    if values.min() < 0 < values.max():
        axis.contour(*places, values, [0.0], colors="0.3", linewidths=0.8)


def _farthest(clouds: Iterable[Array]) -> float:
    farthest = max(float(np.abs(np.asarray(cloud)).max(initial=0)) for cloud in clouds)
    return 1.35 * farthest if 0 < farthest < np.inf else 1.0


def _pixels(figure: Any) -> Array:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(72)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]
