"""Bars that compare arms by several scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gan_ext.pictures.panels import panels

__all__ = ["draw_bars"]


class _Spread(Protocol):
    @property
    def mean(self) -> float: ...

    @property
    def std(self) -> float: ...


def draw_bars(
    path: str | Path,
    found: Mapping[str, Mapping[str, _Spread]],
    scores: Sequence[str],
    lower: Sequence[str] = (),
    apart: Sequence[str] = (),
) -> None:
    """Draw a panel for each score, in it a bar for each arm with its deviation, and lines to compare with.

    Args:
        path: the picture's file.
        found: arm to score to its mean and deviation, such as :class:`gan_ext.runs.Spread`; one of 0 is not drawn.
        scores: which are drawn.
        lower: those of which less is better, which is said.
        apart: arms that are drawn as dotted lines, such as real data.
    """
    arms = [arm for arm in found if arm not in apart]
    with panels(path, columns=len(scores), size=(3.1, 3.4)) as axes:
        for axis, score in zip(axes, scores, strict=True):
            for place, each in enumerate(found[arm][score] for arm in arms):
                axis.bar(place, each.mean, yerr=each.std or None, color=f"C{place}")
            for arm in apart:
                axis.axhline(found[arm][score].mean, color="black", linestyle=":", linewidth=1, label=arm)
            axis.set_xticks(range(len(arms)), arms, rotation=40, ha="right", fontsize=8)
            axis.set_title(score + " (lower is better)" * (score in lower), fontsize=10)
        if apart:
            axes[-1].legend(fontsize=8)
