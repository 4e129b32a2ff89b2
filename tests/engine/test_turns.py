"""Who moves when."""

import pytest

from gan_ext.engine import Turns, alternating, simultaneous
from gan_ext.engine.turns import checked_moves


def test_alternating_repeats_in_order() -> None:
    assert alternating({"discriminator": 5, "generator": 1}) == ("discriminator",) * 5 + ("generator",)


def test_simultaneous_is_one_move() -> None:
    assert simultaneous("a", "b", "c") == (("a", "b", "c"),)


@pytest.mark.parametrize("count", [0, -1])
def test_alternating_lets_everyone_move(count: int) -> None:
    with pytest.raises(ValueError, match=f"got {{'b': {count}}}"):
        alternating({"a": 1, "b": count})


def test_moves_are_tuples() -> None:
    assert checked_moves(("a", ("a", "b"), "b"), ["a", "b"]) == (("a",), ("a", "b"), ("b",))


@pytest.mark.parametrize("turns", [("critic", "a", "b"), (("a", "critic"), "b"), (), (("a", "b"), ())])
def test_turns_name_players(turns: Turns) -> None:
    with pytest.raises(ValueError, match="must name players of the game, which are a, b"):
        checked_moves(turns, ["a", "b"])


def test_nobody_is_left_out() -> None:
    with pytest.raises(ValueError, match="never let b, c move"):
        checked_moves(("a",), ["a", "b", "c"])


def test_nobody_moves_twice_at_once() -> None:
    with pytest.raises(ValueError, match="'a' twice"):
        checked_moves((("a", "b", "a"),), ["a", "b"])
