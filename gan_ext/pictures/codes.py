"""Pictures of tables: numbers against two lists of names, and how features move as a code moves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_cells", "draw_feature_traversals", "draw_heatmap"]

Array = NDArray[Any]


def draw_heatmap(
    path: str | Path,
    table: Array,
    row_names: Sequence[str],
    column_names: Sequence[str],
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    fmt: str = "{:.0f}",
) -> None:
    """Draw a table as a heat map with its numbers, such as counts of codes against classes, or cross-talk.

    Numbers of one sign go from white to blue; of both signs, from red through white at 0 to blue.  NaN is left empty.

    Args:
        path: the picture's file.
        table: [r, c] numbers.
        row_names: r names, top to bottom.
        column_names: c names, left to right.
        title: what stands above.
        x_label: what the columns are.
        y_label: what the rows are.
        fmt: how :meth:`str.format` writes a number.

    Raises:
        ValueError: a table that is empty or has not one name for each row and column.
    """
    from matplotlib.figure import Figure

    table = np.asarray(table, dtype=np.float64)
    if table.shape != (len(row_names), len(column_names)) or not table.size:
        raise ValueError(
            f"table is {list(table.shape)}, but has {len(row_names)} row names and {len(column_names)} column names: "
            f"give it two axes and one name for each row and column."
        )
    texts = [
        ["" if np.isnan(number) else fmt.format(number).replace("-", "\N{MINUS SIGN}") for number in row]
        for row in table
    ]
    cell = max(0.42, 0.1 * max(len(text) for row in texts for text in row) + 0.14)
    side = 0.09 * max(map(len, row_names)) + 0.7
    slanted = max(map(len, column_names)) * 0.09 > cell
    figure = Figure(
        figsize=(
            max(cell * table.shape[1] + side, 0.11 * len(title) + 0.3),
            0.42 * table.shape[0] + (1.5 if slanted else 1.1),
        ),
        layout="constrained",
    )
    draw_cells(figure.subplots(), table, texts)
    axis = figure.axes[0]
    axis.set_xticks(range(len(column_names)), column_names, rotation=35 * slanted, ha="right" if slanted else "center")
    axis.set_yticks(range(len(row_names)), row_names)
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.set_title(title, fontsize=11)
    axis.tick_params(length=0, labelsize=9)
    figure.savefig(path, dpi=140)


def draw_cells(axis: Any, table: Array, texts: list[list[str]]) -> None:
    """Draw a table [r, c] into a pair of axes, with a text in each cell."""
    top = max(np.nanmax(np.abs(table), initial=0), 1e-12)
    both = bool((table < 0).any() and (table > 0).any())
    shown = np.ma.masked_invalid(table if both else np.abs(table))
    axis.imshow(shown, "RdBu" if both else "Blues", vmin=-top if both else 0, vmax=top, aspect="auto")
    for row, column in np.ndindex(table.shape):
        color = "white" if abs(table[row, column]) > 0.6 * top else "0.15"
        axis.text(column, row, texts[row][column], ha="center", va="center", fontsize=9, color=color)
    axis.set_xticks(np.arange(table.shape[1] - 1) + 0.5, minor=True)
    axis.set_yticks(np.arange(table.shape[0] - 1) + 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=1.2)
    axis.tick_params(which="minor", length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def draw_feature_traversals(
    path: str | Path,
    panels: Mapping[str, tuple[Sequence[float | str] | Array, Array]],
    feature_names: Sequence[str],
) -> None:
    """Draw how each feature of a table moves as a code moves: a column for each code, a row for each feature.

    The axes of a row are the same, in the feature's own units, so that the code that moves a feature is seen at once.
    Values that are words, such as categories, are drawn as dots; thin lines are base samples, thick ones their mean.

    Args:
        path: the picture's file.
        panels: code to (its values, features [values, d] or of several base samples [rows, values, d]).
        feature_names: d names.

    Raises:
        ValueError: no panel, or features of another shape.
    """
    from matplotlib.figure import Figure

    if not panels or not feature_names:
        raise ValueError("draw_feature_traversals needs one panel and one feature at least.")
    for name, (values, features) in panels.items():
        if features.ndim not in (2, 3) or features.shape[-2:] != (len(values), len(feature_names)):
            raise ValueError(
                f"Features of {name!r} must be [..., {len(values)}, {len(feature_names)}] (values, features), "
                f"got {list(features.shape)}."
            )
    size = (0.09 * max(map(len, feature_names)) + 1.9 * len(panels) + 0.5, 0.62 * len(feature_names) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(feature_names), len(panels), squeeze=False, sharex="col", sharey="row")
    for column, (name, (values, features)) in enumerate(panels.items()):
        for row, axis in enumerate(axes[:, column]):
            _draw_feature(
                axis, values, np.atleast_3d(features)[..., row] if features.ndim == 3 else features[None, :, row]
            )
        axes[0, column].set_title(name, fontsize=10)
    for axis, name in zip(axes[:, 0], feature_names, strict=True):
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.align_ylabels(axes[:, 0])
    figure.savefig(path, dpi=140)


def _draw_feature(axis: Any, values: Sequence[float | str] | Array, samples: Array) -> None:
    words = any(isinstance(value, str) for value in values)
    places = np.arange(len(values)) if words else np.asarray(values, dtype=np.float64)
    line, mark = ("none", "o") if words else ("-", "none")
    if len(samples) > 1:
        axis.plot(places, samples.T, color="C0", alpha=0.3, linewidth=0.7, linestyle=line, marker=mark, markersize=2)
    axis.plot(places, samples.mean(0), color="C0", linewidth=2, linestyle=line, marker=mark, markersize=4.5)
    if words:
        axis.set_xticks(places, [str(value) for value in values])
        axis.margins(x=0.12)
    axis.tick_params(labelsize=7, length=2)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
