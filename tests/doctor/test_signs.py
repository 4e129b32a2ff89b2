"""Signs on records made by hand: what each failure is, and what is none."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gan_ext.doctor import diagnose, thresholds
from gan_ext.doctor.cycles import find_cycle, swings
from gan_ext.doctor.signs import CHECKS
from gan_ext.doctor.vitals import Vitals

T = 30
REAL = {f"real/{k}": 0.25 for k in range(4)}
WELL = {
    "weight/generator": 1.0,
    "gradient/generator": 1.0,
    "ranked": 0.6,
    "real_logit": 0.1,
    "fake_logit": -0.1,
    "logit_size": 1.0,
    "density": 1.0,
    "coverage": 0.9,
    "spread": 1.0,
    "variety": 1.0,
    "distance": 0.1,
    "mean/0": 0.0,
    "nearness": 1.0,
    "copies": 0.5,
    "held_out_copies": 0.5,
    "loss/generator/information/c": 2.0,
    "entropy/c": math.log(10),
    "penalty/r1": 0.1,
    **{f"share/{k}": 0.25 for k in range(4)},
    **REAL,
}


def records(**changes: float | Callable[[int], float]) -> list[dict[str, Any]]:
    """Return a healthy run but for some vitals: numbers, or functions of the record."""
    named = {name.replace("__", "/"): value for name, value in changes.items()}
    rows = []
    for t in range(T):
        row = {name: value(t) if callable(value) else value for name, value in (WELL | named).items()}
        rows.append({"step": 10 * (t + 1)} | {f"watch/{name}": value for name, value in row.items()})
    return rows


def failures(**changes: float | Callable[[int], float]) -> list[str]:
    return [each.failure for each in diagnose(records(**changes)).findings]


def test_healthy_records() -> None:
    found = diagnose(records())
    assert found.healthy
    assert set(found.looked_for) == set(CHECKS)
    assert "Not looked for" not in str(found)


@pytest.mark.parametrize(
    ("name", "value", "failure"),
    [
        ("penalty__r1", thresholds.EXPLODING_PENALTY, "exploding"),
        ("spread", thresholds.EXPLODING_SPREAD, "exploding"),
        ("spread", thresholds.COLLAPSE_SPREAD, "collapse"),
        ("variety", thresholds.COLLAPSE_VARIETY, "collapse"),
        ("loss__generator__information__c", thresholds.DEAD_CODE_INFORMATION * 2.3, "dead code"),
    ],
)
def test_a_threshold_is_where_it_is(name: str, value: float, failure: str) -> None:
    rising = value > WELL[name.replace("__", "/")]
    assert failures(**{name: value}) == [failure]
    assert failures(**{name: value * (0.9 if rising else 1.1)}) == []


def test_what_passes_is_no_failure() -> None:
    assert failures(penalty__r1=lambda t: 1000.0 if t < 18 else 0.1) == []
    found = diagnose(records(penalty__r1=lambda t: 0.1 if t < 15 else 1000.0))
    assert found.findings[0].since == 160
    assert found.failing == {"exploding": (160, 300)}


def test_growth_is_what_explodes() -> None:
    """Scores of a critic may be large from the start; logits that grew tenfold may not."""
    assert failures(logit_size=100.0) == []
    assert failures(logit_size=lambda t: 1.0 if t < 15 else 100.0) == ["exploding"]
    assert failures(weight__generator=100.0) == []
    assert failures(weight__generator=lambda t: 1.0 if t < 15 else 11.0) == ["exploding"]


def test_modes_that_stay_away_and_modes_that_come_and_go() -> None:
    stays = {f"share__{k}": float(k == 0) for k in range(4)}
    assert failures(**stays) == ["collapse"]
    hops = {f"share__{k}": (lambda t, k=k: float(t % 4 == k)) for k in range(4)}
    found = diagnose(records(**hops))
    assert [each.failure for each in found.findings] == ["cycling"]
    assert found.findings[0].evidence["moved"]["value"] == 1
    assert found.findings[0].evidence["missing"]["value"] == 0.75


def test_modes_that_are_found_one_by_one_are_not_lost() -> None:
    shares = {f"share__{k}": (lambda t, k=k: float(t >= 7 * k) / (1 + min(t // 7, 3))) for k in range(4)}
    v = Vitals(records(**shares))
    assert v.lost is not None
    assert np.nanmax(v.lost) == 0
    assert failures(**shares) == []


def test_saturation_needs_a_generator_that_learns_nothing() -> None:
    stuck = {"ranked": 1.0, "coverage": 0.0, "distance": 1.0, "real_logit": 5.0, "fake_logit": -5.0}
    found = diagnose(records(**stuck))
    assert [each.failure for each in found.findings] == ["saturation"]
    assert "one learning rate" in found.findings[0].remedy
    assert failures(**stuck | {"coverage": 0.5}) == []
    assert failures(**stuck | {"distance": lambda t: 3.0 - 0.08 * t}) == []
    faded = diagnose(records(**stuck, gradient__generator=lambda t: 0.5**t))
    assert "NonSaturating" in faded.findings[0].remedy
    flat = diagnose(records(**stuck | {"real_logit": 0.01, "fake_logit": -0.01}))
    assert "weight of the penalty" in flat.findings[0].remedy


def test_memorization_needs_held_out_data_that_are_no_copies() -> None:
    assert failures(nearness=0.1, copies=1.0) == ["memorization"]
    assert failures(nearness=0.1, copies=0.5) == []
    assert failures(nearness=1.0, copies=1.0) == []


def test_a_cause_hides_what_follows_from_it() -> None:
    shares = {f"share__{k}": float(k == 0) for k in range(4)}
    assert failures(**shares, penalty__r1=100.0) == ["exploding"]
    assert failures(**shares, loss__generator__information__c=0.0) == ["collapse", "dead code"]


def test_samples_that_are_elsewhere_are_not_judged() -> None:
    shares = {f"share__{k}": float(k == 0) for k in range(4)}
    found = diagnose(records(**shares, distance=lambda t: 10.0 - 0.2 * t, coverage=0.0))
    assert not found.healthy
    assert found.findings == ()
    assert found.sentence.startswith("Too early to tell")


def test_a_sine_goes_round_and_noise_does_not() -> None:
    t = np.arange(60)
    seen = find_cycle(3 * np.sin(2 * np.pi * t / 12) + 0.1 * t)
    assert seen is not None
    assert seen.period == 12
    assert seen.amplitude == pytest.approx(3 / math.sqrt(2), rel=0.05)
    assert seen.lasting == pytest.approx(1, abs=0.05)
    growing = find_cycle(1.03**t * np.sin(2 * np.pi * t / 12))
    assert growing is not None
    assert growing.lasting > 1.5
    assert find_cycle(0.95**t * np.sin(2 * np.pi * t / 12)) is None  # settles
    assert find_cycle(np.sin(2 * np.pi * t / 40)) is None  # one round and a half
    assert find_cycle(t * 1.0) is None
    assert find_cycle(np.zeros(60)) is None
    assert find_cycle(np.sin(t)[:8]) is None


def test_noise_and_random_walks_are_rarely_taken_for_rounds() -> None:
    noise = np.random.default_rng(3).standard_normal((400, 40))
    assert sum(find_cycle(each) is not None for each in noise) <= 20
    assert sum(find_cycle(each.cumsum()) is not None for each in noise) <= 40


def test_swings_are_counted_from_side_to_side() -> None:
    assert swings(np.array([0.0, 2, 0, 1, -0.4, 0.6, -3, -1, 0.7]), 0.5) == 2


def test_turning_samples() -> None:
    assert failures(mean__0=lambda t: 0.45 * math.sin(2 * math.pi * t / 5)) == ["cycling"]
    assert failures(mean__0=lambda t: 0.3 * math.sin(2 * math.pi * t / 5)) == []
    found = diagnose(records(mean__0=lambda t: 4.0 * math.sin(2 * math.pi * t / 18)))
    assert "from one side of the data to the other" in found.sentence
