"""Bars: a panel for each score, a bar for each arm, a deviation where there is one, lines to compare with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gan_ext.pictures import bars, draw_bars, panels
from gan_ext.runs import spread

FOUND = {
    "real": {"fid": spread([0.5]), "hits": spread([9.0]), "seconds": spread([1.0])},
    "one": {"fid": spread([1.0, 3.0]), "hits": spread([5.0, 5.0]), "seconds": spread([1.0])},
    "other": {"fid": spread([4.0]), "hits": spread([6.0]), "seconds": spread([1.0])},
}


def test_each_score_has_a_panel_and_each_arm_a_bar(tmp_path, monkeypatch):
    kept: list[Any] = []

    @contextmanager
    def watched(*arguments: Any, **options: Any) -> Iterator[list[Any]]:
        with panels(*arguments, **options) as axes:
            yield axes
            kept.extend(axes)

    monkeypatch.setattr(bars, "panels", watched)
    draw_bars(tmp_path / "bars.png", FOUND, ("fid", "hits"), lower=("fid",), apart=("real",))
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")
    assert [axis.get_title() for axis in kept] == ["fid (lower is better)", "hits"]
    first = kept[0]
    assert [bar.get_height() for bar in first.patches] == [2.0, 4.0]
    assert [label.get_text() for label in first.get_xticklabels()] == ["one", "other"]
    deviations = [line.get_segments()[0][:, 1].tolist() for line in first.collections]
    assert deviations == [pytest.approx([2 - 2**0.5, 2 + 2**0.5])]
    assert "real" in kept[1].get_legend_handles_labels()[1]
