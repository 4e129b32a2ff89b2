"""Pictures of learning curves."""

from pathlib import Path

import pytest

from gan_ext.pictures import draw_curves


@pytest.mark.parametrize("y", [[0.5, 0.1], [0.5, 0.0], [0.0, 0.0]])
def test_curves_are_drawn_whether_a_logarithm_can_be_taken_or_not(y: list[float], tmp_path: Path) -> None:
    draw_curves(tmp_path / "curve.png", {"error": ([1, 2], y)}, "step", "error, %", {"goal": 0.2}, logarithmic=True)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
