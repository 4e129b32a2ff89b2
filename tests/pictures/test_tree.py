"""A tree with numbers: leaves below each other, parents in the middle."""

import pytest

from gan_ext.pictures import draw_growth, draw_tree
from gan_ext.pictures.tree import _places


def test_parents_are_in_the_middle_of_what_hangs_from_them(tmp_path):
    parents = {"root": None, "left": "root", "a": "left", "b": "left", "c": "root"}
    places = _places(parents)
    assert [places[name][1] for name in ("a", "b", "left", "c", "root")] == [0, -1, -0.5, -2, -1.25]
    assert places["root"][0] < places["left"][0] < places["a"][0]
    draw_tree(tmp_path / "tree.png", parents, {"a": {"nll": "1.0"}, "c": {"nll": "2.0", "time": "3"}})
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")


def test_a_parent_that_comes_later_is_said(tmp_path):
    with pytest.raises(ValueError, match="has 'a' before 'root'"):
        draw_tree(tmp_path / "tree.png", {"a": "root", "root": None}, {})


def test_growth_is_drawn(tmp_path):
    draw_growth(tmp_path / "growth.png", {"a": (([1, 4], [1.0, 16.0]), 2.0), "b": (([1], [2.0]), None)}, "D", "s")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
