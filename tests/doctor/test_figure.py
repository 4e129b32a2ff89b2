"""The picture of a run's vitals."""

import math
from pathlib import Path

import pytest

from gan_ext.doctor import diagnose
from gan_ext.pictures import diagnosis_figure

STEPS = [10.0 * t for t in range(1, 31)]


def test_a_diagnosis_is_drawn(tmp_path: Path) -> None:
    records = [
        {"step": step, "watch/penalty/r1": step, "watch/weight/generator": 1.0, "watch/spread": math.inf}
        for step in STEPS
    ]
    found = diagnose(records)
    assert found.failing == {"exploding": (10, 300)}
    diagnosis_figure(tmp_path / "run.png", found.vitals, found.failing, found.sentence)
    assert (tmp_path / "run.png").stat().st_size > 10_000


def test_shading_and_panels_change_the_picture(tmp_path: Path) -> None:
    vitals = {"step": STEPS, "coverage": [0.5] * 30, "share/0": [1.0] * 30}
    for name, failing in (("plain", None), ("shaded", {"collapse": (100.0, 300.0)})):
        diagnosis_figure(tmp_path / f"{name}.png", vitals, failing)
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "shaded.png").read_bytes()


@pytest.mark.parametrize(
    ("vitals", "message"),
    [
        ({}, "needs the steps"),
        ({"step": [1.0], "coverage": [1.0, 2.0]}, "'coverage' has 2 values for 1 steps"),
        ({"step": [1.0], "other": [1.0]}, "no column that is drawn"),
    ],
)
def test_what_cannot_be_drawn(vitals: dict[str, list[float]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        diagnosis_figure(tmp_path / "no.png", vitals)
