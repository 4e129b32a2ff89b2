"""Pictures of images: sets of samples, and traversals of codes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

__all__ = ["class_rows", "draw_images", "draw_traversals", "image_grid"]

Array = NDArray[Any]


def image_grid(images: Array, columns: int, gap: int = 1, background: float = 0.2) -> Array:
    """Lay images out in rows.

    Args:
        images: [n, h, w] or [n, c, h, w], values 0 to 1.
        columns: images in a row; the last row is filled up with `background`.
        gap: pixels between images.
        background: value of gaps.

    Returns:
        One picture [H, W] for gray images, [H, W, c] for colored ones.
    """
    images = images[:, None] if images.ndim == 3 else images
    missing = -len(images) % columns
    images = np.concatenate([images, np.full((missing, *images.shape[1:]), background, images.dtype)])
    images = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=background)
    picture = rearrange(images, "(r k) c h w -> (r h) (k w) c", k=columns)
    return picture[..., 0] if picture.shape[-1] == 1 else picture


def class_rows(images: Array, each: int, shown: int = 8) -> Array:
    """Return the first images of each class, in rows with one of each, for a grid with a column for each class.

    Args:
        images: [K * each, ...], class by class.
        each: images of a class.
        shown: rows; as many as there are if fewer.
    """
    by_class = images.reshape(-1, each, *images.shape[1:])[:, :shown]
    return by_class.swapaxes(0, 1).reshape(-1, *images.shape[1:])


def draw_images(path: str | Path, panels: Mapping[str, Array], columns: int = 10, across: int | None = None) -> None:
    """Draw sets of images side by side under their titles.

    Args:
        path: the picture's file.
        panels: title to images [n, h, w] or [n, c, h, w], values 0 to 1.
        columns: images in a row of each panel.
        across: panels side by side; all of them if None.
    """
    from matplotlib.figure import Figure

    grids = {title: image_grid(np.clip(images, 0, 1), columns) for title, images in panels.items()}
    across = min(len(panels), across or len(panels))
    down = -(-len(panels) // across)
    tallest = max(grid.shape[0] / grid.shape[1] for grid in grids.values())
    figure = Figure(figsize=(4.2 * across, (4.2 * tallest + 0.4) * down), layout="constrained")
    axes = np.atleast_1d(figure.subplots(down, across)).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, (title, grid) in zip(axes, grids.items(), strict=False):
        axis.imshow(grid, cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(title, fontsize=11)
    figure.savefig(path, dpi=120)


def draw_traversals(
    path: str | Path,
    panels: Mapping[str, Array],
    values: Mapping[str, Sequence[float | str] | Array] | None = None,
    row_names: Sequence[str] | None = None,
    columns: int = 1,
) -> None:
    """Draw what each code does: a panel for each code, a row for each base sample, a column for each value.

    Args:
        path: the picture's file.
        panels: title to images [rows, values, h, w] or [rows, values, c, h, w] in [0, 1]; what lies outside is clipped.
        values: title to what stands below the columns of that panel; numbers get two decimals at most.
        row_names: what stands left of the rows, the same in all panels.
        columns: panels side by side.

    Raises:
        ValueError: no panel, images of another shape, values of an unknown panel, or not one name for each row or
            column.
    """
    from matplotlib.figure import Figure

    _check_traversals(panels, values or {}, row_names)
    columns = min(columns, len(panels))
    widths, heights = _sides(panels, columns)
    # Half an inch a picture; titles, values and names need room beside.
    size = (0.52 * sum(widths) + 0.3 * columns + 0.09 * _longest(row_names), 0.52 * sum(heights) + 0.62 * len(heights))
    figure = Figure(figsize=(max(size[0], 3.0), size[1]), layout="constrained")
    axes = figure.subplots(len(heights), columns, squeeze=False, width_ratios=widths, height_ratios=heights).ravel()
    for axis in axes[len(panels) :]:
        axis.axis("off")
    for number, (axis, (title, images)) in enumerate(zip(axes, panels.items(), strict=False)):
        row, column = divmod(number, columns)
        _draw_traversal(axis, images, (values or {}).get(title), None if column else row_names)
        _enlarge(axis, images, widths[column], heights[row])
        axis.set_title(title, fontsize=10, loc="left")
    figure.savefig(path, dpi=140)


def _check_traversals(
    panels: Mapping[str, Array], values: Mapping[str, Sequence[float | str] | Array], row_names: Sequence[str] | None
) -> None:
    if not panels:
        raise ValueError("panels is empty: there is no traversal to draw.")
    if unknown := values.keys() - panels.keys():
        raise ValueError(f"values names {sorted(unknown)}, which panels lacks: use the titles {list(panels)}.")
    for title, images in panels.items():
        if images.ndim not in (4, 5) or not images.size:
            raise ValueError(
                f"Images of {title!r} must be [rows, values, h, w] or [rows, values, c, h, w], got {images.shape}."
            )
        for axis, names in enumerate((row_names, values.get(title))):
            if names is not None and len(names) != images.shape[axis]:
                raise ValueError(
                    f"{title!r} has {images.shape[axis]} {('rows', 'columns')[axis]}, but {len(names)} names for them."
                )


def _sides(panels: Mapping[str, Array], columns: int) -> tuple[list[float], list[float]]:
    """Return the width of each column and the height of each row of panels, in pictures."""
    shapes = [(images.shape[1] * images.shape[-1] / images.shape[-2], images.shape[0]) for images in panels.values()]
    widths = [max(width for width, _ in shapes[column::columns]) for column in range(columns)]
    starts = range(0, len(shapes), columns)
    return widths, [float(max(height for _, height in shapes[start : start + columns])) for start in starts]


def _longest(names: Sequence[str] | None) -> int:
    return max(map(len, names or [""]))


def _draw_traversal(
    axis: Any, images: Array, values: Sequence[float | str] | Array | None, row_names: Sequence[str] | None
) -> None:
    rows, columns, height, width = *images.shape[:2], *images.shape[-2:]
    paper = 0.0 if images.ndim == 4 or images.shape[2] == 1 else 1.0
    gap = max(1, round(width / 16))
    picture = image_grid(np.clip(images.reshape(-1, *images.shape[2:]), 0, 1), columns, gap, paper)
    axis.imshow(picture[:-gap, :-gap], cmap="gray_r", vmin=0, vmax=1)
    below = [""] * columns if values is None else [_written(value) for value in values]
    axis.set_xticks((width - 1) / 2 + np.arange(columns) * (width + gap), below)
    axis.set_yticks((height - 1) / 2 + np.arange(rows) * (height + gap), row_names or [""] * rows)
    axis.tick_params(length=0, labelsize=8, pad=2)
    for side in axis.spines.values():
        side.set_visible(False)


def _enlarge(axis: Any, images: Array, width: float, height: float) -> None:
    """Leave room right and below, so that panels with fewer values or rows have pictures of the same size."""
    right, bottom = axis.get_xlim()[1] + 0.5, axis.get_ylim()[0] + 0.5
    ours = images.shape[1] * images.shape[-1] / images.shape[-2]
    axis.set(xlim=(-0.5, right * width / ours - 0.5), ylim=(bottom * height / images.shape[0] - 0.5, -0.5))


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{round(float(value), 2) + 0.0:g}".replace("-", "\N{MINUS SIGN}")
