"""Frontiers of several arms over seeds, compared with the first one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gan_ext.metrics import FrontierPoint, Interval, UncertainPoint, gap_with_luck, largest_gain
from gan_ext.runs.summary import Spread, flat, over_seeds, print_table, spreads

__all__ = ["frontiers_of", "print_points", "told_beside_sharpening", "told_gains", "uncertain_points", "with_intervals"]

Row = dict[str, Any]


def frontiers_of(
    rows: Mapping[Any, Row], point: Callable[[Row], tuple[float, float, float]], curve: str = "curve"
) -> dict[str, list[list[FrontierPoint]]]:
    """Return the frontier of every arm and seed, in one plane.

    Args:
        rows: by cells whose last part is the seed (:func:`gan_ext.runs.over_seeds`).
        point: temperature, quality and coverage of a point of a row's curve.
        curve: where a row has its points.
    """
    return {
        arm: [[FrontierPoint(*point(each)) for each in row[curve]] for row in own]
        for arm, own in over_seeds(rows).items()
    }


def print_points(
    title: str,
    rows: Mapping[Any, Row],
    columns: Mapping[str, tuple[str, str]],
    last: Mapping[str, Row] | None = None,
    curve: str = "curve",
    width: int = 130,
) -> None:
    """Print a row for each point of every arm's curve, means over seeds.

    Args:
        title: above the table.
        rows: by cells whose last part is the seed.
        columns: heading to a number's name (:func:`gan_ext.runs.flat`) and its format, such as ``("bleu, 4", ".3f")``;
            with ``+-`` before the format the deviation over seeds stands beside the mean.
        last: more rows by their names, such as that of real data.
        curve: where a row has its points.
        width: characters of a line.
    """
    table = []
    for arm, own in over_seeds(rows).items():
        for points in zip(*(row[curve] for row in own), strict=True):
            table.append((arm, spreads(map(flat, points))))
    table += [(name, spreads([flat(row)])) for name, row in (last or {}).items()]

    def cell(found: Mapping[str, Spread], name: str, form: str, alone: bool) -> str:
        if name not in found:
            return ""
        both = form.startswith("+-") and not alone
        return format(found[name] if both else found[name].mean, form.removeprefix("+-"))

    print_table(
        title, ("", *columns),
        [(name, *(cell(found, *column, name in (last or {})) for column in columns.values())) for name, found in table],
        width=width,
    )  # fmt: skip


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


def with_intervals(row: Row) -> Row:
    """Return a row whose lists of three numbers, what JSON makes of them, are intervals again."""
    return {name: Interval(*value) if isinstance(value, list) else value for name, value in row.items()}


def uncertain_points(points: Sequence[Row], earned: str, cost: str) -> list[UncertainPoint]:
    """Return a frontier whose quality is an interval, of which higher is better.

    Args:
        points: with a ``temperature``.
        earned: name of the interval, as JSON gives it back: mean, low and high.
        cost: name of what is paid, lower is better.
    """
    found = [(each["temperature"], Interval(*each[earned]), each[cost]) for each in points]
    return [UncertainPoint(t, -score.mean, (score.high - score.low) / 2, paid) for t, score, paid in found]


def told_beside_sharpening(
    name: str, arm: Sequence[UncertainPoint], reference: Sequence[UncertainPoint], sharpened: str, what: str, cost: str
) -> str:
    """Say whether an arm did more than sharpening does, beyond the luck of sampling.

    Args:
        name: of the arm.
        arm: its frontier (:func:`uncertain_points`).
        reference: that of what is sharpened.
        sharpened: its name.
        what: is earned, such as ``"mean reward"``.
        cost: what is paid, such as ``"its held-out molecules cost {} nats per token"``.
    """
    best, reached = (-min(point.quality for point in each) for each in (arm, reference))
    begin = f"{name}: {what} up to {best:.3f}; {sharpened} reaches {reached:.3f} at its best temperature.\n "
    found = gap_with_luck(reference, arm)
    if found.verdict == "incomparable" or not found.plain:
        return f"{begin} Too little {what} is reached by both for a comparison of their costs."
    gaps, places = [-each.gap for each in found.plain], {"better": found.wins, "worse": found.losses}
    told = [f"{word} from {-max(at):.3f} to {-min(at):.3f}" for word, at in places.items() if at]
    return (
        f"{begin} At equal {what} {cost.format(f'{min(gaps):+.3f} to {max(gaps):+.3f}')} more than those of sharpened "
        f"{sharpened}. Beyond the luck of sampling it is {' and '.join(told) or 'neither better nor worse'}."
    )
