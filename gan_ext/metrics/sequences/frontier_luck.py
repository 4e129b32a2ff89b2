"""Two frontiers compared beyond the luck of sampling: qualities that were measured have an error."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from gan_ext.metrics.sequences.frontier import FrontierPoint, Gap, gap

__all__ = ["LuckyGap", "UncertainPoint", "gap_with_luck"]


class UncertainPoint(NamedTuple):
    """A generator at one temperature; of quality and coverage lower is better.

    Args:
        temperature: what divided the logits.
        quality: how good the samples are.
        error: of the quality, such as half of its confidence interval.
        coverage: how much of the real data is covered, such as nats per token of held-out data.
    """

    temperature: float
    quality: float
    error: float
    coverage: float


class LuckyGap(NamedTuple):
    """How far a frontier lies below a reference at equal quality; positive where it is better.

    Args:
        plain: by the qualities as measured.
        lucky: with luck on the reference's side taken off, and on the frontier's put on: all errors in its favor.
        unlucky: all errors in the reference's favor.
    """

    plain: list[Gap]
    lucky: list[Gap]
    unlucky: list[Gap]

    @property
    def verdict(self) -> Literal["better", "worse", "no difference", "incomparable"]:
        """Say whether the frontier is better or worse at all qualities, beyond the errors.

        ``"incomparable"`` if no quality is reached by both.
        """
        if not self.lucky or not self.unlucky:
            return "incomparable"
        if min(each.gap for each in self.unlucky) > 0:
            return "better"
        return "worse" if max(each.gap for each in self.lucky) < 0 else "no difference"

    @property
    def wins(self) -> list[float]:
        """The qualities at which the frontier is better, beyond the errors."""
        return [each.quality for each in self.unlucky if each.gap > 0]

    @property
    def losses(self) -> list[float]:
        """The qualities at which the frontier is worse, beyond the errors."""
        return [each.quality for each in self.lucky if each.gap < 0]

    @property
    def sizes(self) -> tuple[float, float]:
        """The smallest and the largest difference of coverage that is left, without sign, by the verdict."""
        gaps = {"better": self.unlucky, "worse": self.lucky}.get(self.verdict, self.plain)
        sizes = [abs(each.gap) for each in gaps] or [0.0]
        return min(sizes), max(sizes)

    def told(self, unit: str = "") -> str:
        """Say the verdict and its sizes: ``"better by 0.010 to 0.020 nats"`` with `unit` ``" nats"``."""
        if self.verdict == "incomparable":
            return "not to be compared, for no quality is reached by both"
        if self.verdict == "no difference":
            return "neither better nor worse, beyond the luck of sampling"
        return f"{self.verdict} by {self.sizes[0]:.3f} to {self.sizes[1]:.3f}{unit}"


def gap_with_luck(reference: Sequence[UncertainPoint], frontier: Sequence[UncertainPoint]) -> LuckyGap:
    """Return how far a frontier lies below a reference at equal quality, with the errors of both on either side.

    See :func:`gap`.

    Args:
        reference: points of what is compared with, at least one.
        frontier: points, at least one.
    """

    def moved(points: Sequence[UncertainPoint], side: int) -> list[FrontierPoint]:
        return [FrontierPoint(each.temperature, each.quality + side * each.error, each.coverage) for each in points]

    plain, lucky, unlucky = (gap(moved(reference, side), moved(frontier, -side)) for side in (0, 1, -1))
    return LuckyGap(plain, lucky, unlucky)
