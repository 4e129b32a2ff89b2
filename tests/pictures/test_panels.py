"""The frame of a picture: panels as asked for, written once drawn; a line for each seed, a name for each arm."""

import pytest

from gan_ext.pictures import draw_courses, panels, plot_courses


def test_panels_are_given_row_by_row_and_written(tmp_path):
    with panels(tmp_path / "own.png", columns=3, rows=2, size=(1.0, 1.0), sharey=True) as axes:
        assert len(axes) == 6
        axes[2].set(ylim=(0, 7))
        assert axes[0].get_ylim() == (0, 7)
    assert (tmp_path / "own.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_written_if_drawing_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), panels(tmp_path / "own.png"):
        1 / 0  # noqa: B018
    assert not list(tmp_path.iterdir())


def test_courses_have_a_color_an_arm_and_levels(tmp_path):
    lines = [([0, 1], [2, 3]), ([0, 1], [2, 4])]
    with panels(tmp_path / "own.png") as (axis,):
        plot_courses(axis, {"a": lines, "b": lines[:1]}, {"best": 5.0}, marker="o")
        names = axis.get_legend_handles_labels()[1]
        colors = [line.get_color() for line in axis.get_lines()]
        assert axis.get_lines()[0].get_marker() == "o"
    assert names == ["a", "b", "best"]
    assert colors == ["C0", "C0", "C1", "gray"]


def test_panels_of_courses_have_one_scale_from_zero(tmp_path, monkeypatch):
    seen = []

    def plot(axis, *rest):
        seen.append((axis, rest))
        plot_courses(axis, *rest)

    monkeypatch.setitem(draw_courses.__globals__, "plot_courses", plot)
    shown = {"few": {"a": [([0, 1], [2, 3])]}, "many": {"a": [([0, 1], [2, 9])]}}
    draw_courses(tmp_path / "own.png", shown, "steps", "return", {"best": 5.0}, top=10)
    assert [axis.get_title() for axis, _ in seen] == ["few", "many"]
    assert [rest for _, rest in seen] == [(courses, {"best": 5.0}) for courses in shown.values()]
    assert {axis.get_ylim() for axis, _ in seen} == {(0, 10)}
    assert (tmp_path / "own.png").read_bytes().startswith(b"\x89PNG")
