"""Checks of settings that are numbers."""

import math
from numbers import Real

__all__ = ["is_number"]


def is_number(value: object, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False) -> bool:
    """Return whether a value is a finite number in an interval; True and False are none.

    Args:
        value: of any kind.
        low: lower end.
        high: upper end.
        open_low: whether the lower end is no right value.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    number = float(value)
    return math.isfinite(number) and low <= number <= high and not (open_low and number == low)
