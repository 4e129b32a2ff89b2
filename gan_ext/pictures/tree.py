"""Picture of a tree with numbers beside its leaves."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

__all__ = ["draw_tree"]


def draw_tree(
    path: str | Path,
    parents: Mapping[str, str | None],
    numbers: Mapping[str, Mapping[str, str]],
) -> None:
    """Draw a tree from left to right, all leaves below each other, and a table of numbers to their right.

    Args:
        path: the picture's file.
        parents: node to what it hangs from, None for the root; a parent comes before what hangs from it.
        numbers: leaf to its cells, as they are written, by their headings; leaves may be left out.

    Raises:
        ValueError: a node whose parent does not come before it.
    """
    from matplotlib.figure import Figure

    places = _places(parents)
    lowest, rightmost = min(y for _, y in places.values()), max(x for x, _ in places.values())
    figure = Figure(figsize=(12, 1.2 - 0.5 * lowest), layout="constrained")
    axis = figure.subplots()
    headings = list(dict.fromkeys(heading for cells in numbers.values() for heading in cells))
    for name, (x, y) in places.items():
        parent = parents[name]
        if parent is not None:
            axis.plot([places[parent][0] + 0.45, x - 0.45], [places[parent][1], y], color="0.7", linewidth=1, zorder=0)
        axis.text(x, y, fill(name, 16), ha="center", va="center", fontsize=9)
        for column, cell in enumerate(numbers.get(name, {}).get(heading, "") for heading in headings):
            axis.text(rightmost + 1.2 + 0.75 * column, y, cell, ha="center", va="center", fontsize=9)
    for column, heading in enumerate(headings):
        axis.text(
            rightmost + 1.2 + 0.75 * column, 0.8, heading, ha="center", va="center", fontsize=9, fontweight="bold"
        )
    axis.set(xlim=(-0.5, rightmost + 1 + 0.75 * len(headings)), ylim=(lowest - 0.4, 1.2))
    axis.axis("off")
    figure.savefig(path, dpi=120)


def _places(parents: Mapping[str, str | None]) -> dict[str, tuple[float, float]]:
    """Return x, the depth, and y of every node: leaves at 0, -1, ..., others in the middle of what hangs from them."""
    children: dict[str, list[str]] = {}
    for name, parent in parents.items():
        if parent is not None and parent not in children:
            raise ValueError(f"parents has {name!r} before {parent!r}, from which it hangs.")
        children[name] = []
        if parent is not None:
            children[parent].append(name)
    places: dict[str, tuple[float, float]] = {}
    leaves = 0

    def place(name: str, depth: int) -> float:
        nonlocal leaves
        below = [place(child, depth + 1) for child in children[name]]
        if not below:
            leaves += 1
        y = (below[0] + below[-1]) / 2 if below else 1.0 - leaves
        places[name] = (1.15 * depth, y)
        return y

    for name, parent in parents.items():
        if parent is None:
            place(name, 0)
    return {name: places[name] for name in parents}
