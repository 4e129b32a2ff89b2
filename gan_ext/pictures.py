"""Pictures of samples and of learning curves (needs matplotlib, in the extra ``recipes``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

__all__ = ["draw_curves", "draw_images", "image_grid"]

Array = NDArray[Any]


def image_grid(images: Array, columns: int, gap: int = 1, background: float = 0.2) -> Array:
    """Lay images out in rows.

    Args:
        images: [n, h, w] or [n, c, h, w], values 0 to 1.
        columns: images in a row; the last row is filled up with `background`.
        gap: pixels between images.
        background: value of gaps.

    Returns:
        One picture [H, W] for grey images, [H, W, c] for coloured ones.
    """
    images = images[:, None] if images.ndim == 3 else images
    missing = -len(images) % columns
    images = np.concatenate([images, np.full((missing, *images.shape[1:]), background, images.dtype)])
    images = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=background)
    picture = rearrange(images, "(r k) c h w -> (r h) (k w) c", k=columns)
    return picture[..., 0] if picture.shape[-1] == 1 else picture


def draw_images(path: str | Path, panels: Mapping[str, Array], columns: int = 10) -> None:
    """Draw sets of images side by side under their titles.

    Args:
        path: the picture's file.
        panels: title to images [n, h, w] or [n, c, h, w], values 0 to 1.
        columns: images in a row of each panel.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(panels), 4.6), layout="constrained")
    for axis, (title, images) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels.items(), strict=True):
        axis.imshow(image_grid(np.clip(images, 0, 1), columns), cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    figure.savefig(path, dpi=120)


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
        logarithmic: whether the vertical axis is.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, (x, y) in curves.items():
        axis.plot(x, y, label=name, linewidth=1.6)
    for number, (name, height) in enumerate((levels or {}).items()):
        axis.axhline(height, linestyle="--", linewidth=1, color=f"C{len(curves) + number}", label=name)
    axis.set(xlabel=x_label, ylabel=y_label, yscale="log" if logarithmic else "linear")
    if logarithmic:
        low, high = axis.get_ylim()
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        # Over less than a decade the marks between powers of ten are the only ones.
        axis.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if high < 10 * low else NullFormatter())
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    figure.savefig(path, dpi=120)
