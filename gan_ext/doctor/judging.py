"""From a sign in each record to a finding: medians of the late records, how many show it, since when."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.doctor import thresholds as at
from gan_ext.doctor.findings import REMEDIES, Failure, Finding
from gan_ext.doctor.vitals import Floats, Vitals, late_rows

__all__ = [
    "Mask",
    "beside",
    "early_of",
    "if_persistent",
    "last_of",
    "late_of",
    "make_finding",
    "persistence",
    "share_of",
    "since",
]

Mask = NDArray[np.bool_]


def late_of(v: Vitals, values: Floats) -> float:
    """Return the median of the late records."""
    late = values[late_rows(v)]
    return float(np.nanmedian(late)) if not np.isnan(late).all() else math.nan


def early_of(v: Vitals, values: Floats) -> float:
    """Return the median of the first third."""
    early = values[: max(1, len(v) // 3)]
    return float(np.nanmedian(early)) if not np.isnan(early).all() else math.nan


def last_of(values: Floats | None) -> float:
    """Return the last number that is known."""
    known = np.array([]) if values is None else values[~np.isnan(values)]
    return float(known[-1]) if len(known) else math.nan


def share_of(v: Vitals, bad: Mask) -> float:
    """Return the share of late records that show a sign."""
    return float(bad[late_rows(v)].mean())


def persistence(v: Vitals, bad: Mask) -> float:
    """Return the share of late records that show a sign, 0 if they are too few."""
    share = share_of(v, bad)
    return share if share >= at.PERSISTENT_SHARE else 0.0


def _start(v: Vitals, bad: Mask) -> int:
    """Return the first step of the stretch at the end that shows a sign; single records may not."""
    good = np.flatnonzero(~bad[:-1] & ~bad[1:])
    return int(v.steps[min(len(v) - 1, good[-1] + 2)] if len(good) else v.steps[0])


def since(v: Vitals, bad: Mask) -> str:
    """Return in words since when a sign shows."""
    return f"since step {_start(v, bad)}"


def beside(**pairs: tuple[float, float]) -> dict[str, Any]:
    """Return numbers beside their thresholds, None for those that are not known."""
    plain = {name: [None if math.isnan(x) else x for x in pair] for name, pair in pairs.items()}
    return {name: {"value": value, "threshold": limit} for name, (value, limit) in plain.items()}


def if_persistent(
    v: Vitals, failure: Failure, sentence: str, remedy: str, bad: Mask, evidence: dict[str, Any], factor: float = 1.0
) -> Finding | None:
    """Return a finding if the sign persists; `factor` lowers its certainty."""
    certainty = persistence(v, bad)
    return make_finding(v, failure, factor * certainty, sentence, remedy, bad, evidence) if certainty else None


def make_finding(
    v: Vitals, failure: Failure, certainty: float, sentence: str, remedy: str, bad: Mask, evidence: dict[str, Any],
    **names: str,
) -> Finding:  # fmt: skip
    """Return a finding; `names` fill the gaps of the remedy."""
    steps = {"steps": [int(v.steps[late_rows(v)][0]), int(v.steps[-1])]}
    return Finding(failure, certainty, sentence, REMEDIES[remedy].format(**names), _start(v, bad), evidence | steps)
