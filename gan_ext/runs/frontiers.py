"""Frontiers of several arms over seeds, compared with the first one."""

from collections.abc import Mapping, Sequence

from gan_ext.metrics import FrontierPoint, largest_gain

__all__ = ["told_gains"]


def told_gains(frontiers: Mapping[str, Sequence[Sequence[FrontierPoint]]], plane: str) -> dict[str, float]:
    """Print where each arm lies furthest below the first one by more than seeds differ, and return its figures.

    Args:
        frontiers: arm to a frontier for each seed.
        plane: name of what the frontiers are in.

    Returns:
        ``"ARM below FIRST, PLANE, gap"`` and ``"..., spread"``, 0 if nowhere; nothing for a single seed, which has no
        spread.
    """
    (first, reference), *others = frontiers.items()
    found: dict[str, float] = {}
    for arm, own in others if len(reference) > 1 else ():
        best = largest_gain(reference, own)
        where = f"by {best.gap:.4f} ± {best.spread:.4f} at {best.quality:.3f}" if best.gap else "nowhere"
        print(f"{plane}: {arm} lies below {first} {where}")
        found[f"{arm} below {first}, {plane}, gap"] = round(best.gap, 4)
        found[f"{arm} below {first}, {plane}, spread"] = round(best.spread, 4)
    return found
