"""Does a trajectory cycle?  Its autocorrelation turns negative, and comes back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_ext.doctor import thresholds as at

__all__ = ["Cycle", "find_cycle", "swings"]

Floats = NDArray[np.float64]

_LEAST = 12  # records in which three cycles can be seen
_LASTING = 0.5  # amplitude of the second half over that of the first, below which a trajectory settles


class Cycle(NamedTuple):
    """A trajectory that cycles without settling."""

    period: float
    """In records."""
    amplitude: float
    """Standard deviation over time, in units of the trajectory."""
    turned: float
    """Lowest autocorrelation before it comes back."""
    returned: float
    """Autocorrelation to which it comes back."""
    lasting: float
    """Amplitude of the second half over that of the first."""


def find_cycle(path: Floats) -> Cycle | None:
    r"""Return how a trajectory [T] cycles, None if it does not, or settles.

    .. math:: r_l = \frac{\frac{1}{T - l} \sum_t \tilde x_t \tilde x_{t+l}}{\frac1T \sum_t \tilde x_t^2}

    of the trajectory without its mean and trend; each half has its own amplitude, so that growing cycles are seen too.
    It cycles if r falls below :data:`~gan_ext.doctor.thresholds.CYCLING_TURNED` and then rises above
    :data:`~gan_ext.doctor.thresholds.CYCLING_RETURN` within a third of the records.

    Args:
        path: numbers at even distances in time.
    """
    x = path[np.isfinite(path)]
    if len(x) < _LEAST:
        return None
    x = _flat(x)
    first, second = (float(half.std()) for half in np.array_split(x, 2))
    if min(first, second) <= 1e-12 or second < _LASTING * first:
        return None
    scaled = np.concatenate([half / half.std() for half in np.array_split(x, 2)])
    r = np.array([(scaled[: len(x) - lag] * scaled[lag:]).mean() for lag in range(len(x) // 3 + 1)])
    low = np.flatnonzero(r <= at.CYCLING_TURNED)
    if not len(low):
        return None
    back = low[0] + int(r[low[0] :].argmax())
    if r[back] < at.CYCLING_RETURN:
        return None
    return Cycle(float(back), float(x.std()), float(r[: back + 1].min()), float(r[back]), second / first)


def swings(path: Floats, far: float) -> int:
    """Return how often a trajectory [T] goes from beyond `far` on one side of 0 to beyond it on the other."""
    sides = np.sign(path[np.abs(path) >= far])
    return int(np.count_nonzero(np.diff(sides)))


def _flat(x: Floats) -> Floats:
    """Return a trajectory less its mean and its straight trend."""
    t = np.arange(len(x)) - (len(x) - 1) / 2
    flat: Floats = x - x.mean() - t * (t @ x) / (t @ t)
    return flat
