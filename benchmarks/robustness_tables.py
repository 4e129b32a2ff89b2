"""The table of what was killed, damaged and passed wrongly, and how it ended."""

from collections.abc import Callable
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]

NAME = "robustness"
OUTCOMES = ("tried", "fine", "clear", "unclear", "silent", "lost")
PARTS = {
    "kills": "kills of a fit or recipe, then resumed",
    "files": "damaged files, read",
    "parameters": "wrong values of estimators' parameters",
    "sample": "wrong values passed to `sample`",
    "methods": "wrong values passed to other methods, wrong data to `fit`",
    "threads": "fits in three threads at once",
    "constructors": "wrong values of other public classes",
}


def robustness(load: Load, lines: Lines, source: Source) -> str:
    """Lay out a row for each part that was tried."""
    result = load(NAME)
    metrics = result["metrics"]
    rows = [
        [said, *(f"{metrics[f'{part}, {name}']:.0f}" for name in OUTCOMES)]
        for part, said in PARTS.items()
        if f"{part}, tried" in metrics
    ]
    return lines(["", *OUTCOMES], rows) + "\n\n" + source(result, NAME)
