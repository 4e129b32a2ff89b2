"""Frontiers with errors of quality: a line by hand, verdicts, sizes."""

import pytest

from gan_ext.metrics import UncertainPoint, gap_with_luck


def line(shift, error, begin=0.0):
    """Coverage 1 - quality + shift at qualities from `begin` on."""
    return [UncertainPoint(t, q, error, 1 - q + shift) for t, q in ((1.0, begin), (0.5, begin + 0.5))]


def test_gaps_by_hand():
    found = gap_with_luck(line(0.0, 0.01), line(-0.1, 0.02))
    assert [each.gap for each in found.plain] == pytest.approx([0.1, 0.1])
    # errors move both lines along the quality, on which coverage depends with slope -1
    assert {round(each.gap, 6) for each in found.lucky} == {0.13}
    assert {round(each.gap, 6) for each in found.unlucky} == {0.07}


@pytest.mark.parametrize(
    ("shift", "verdict", "sizes"),
    [(-0.1, "better", 0.07), (0.1, "worse", 0.07), (0.02, "no difference", 0.02), (-0.02, "no difference", 0.02)],
)
def test_verdicts_are_beyond_the_errors(shift, verdict, sizes):
    found = gap_with_luck(line(0.0, 0.01), line(shift, 0.02))
    assert found.verdict == verdict
    assert found.sizes == pytest.approx((sizes, sizes))
    assert [bool(found.wins), bool(found.losses)] == [verdict == "better", verdict == "worse"]
    told = found.told(" nats")
    assert told == (f"{verdict} by 0.070 to 0.070 nats" if verdict in ("better", "worse") else told)
    assert ("luck" in told) == (verdict == "no difference")


def test_frontiers_without_a_common_quality_are_not_compared():
    found = gap_with_luck(line(0.0, 0.01), line(0.0, 0.01, begin=2.0))
    assert found.verdict == "incomparable"
    assert "no quality is reached by both" in found.told()
