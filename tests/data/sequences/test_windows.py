"""Windows of a text: nothing is lost or twice, the end is held out, texts that are too short."""

import pytest

from gan_ext.data import DataError, text_windows


def test_windows_are_the_text_and_its_end_is_held_out():
    text = "".join(chr(300 + i) for i in range(1000))
    train, held_out, known = text_windows(text, 30, share=0.2)
    assert known == text[:800]
    assert "".join(train) == text[:780]
    assert "".join(held_out) == text[800:980]
    assert {len(window) for window in train + held_out} == {30}
    assert text_windows(text, 30, share=0.2, most=2).held_out == held_out[:2]
    assert len(text_windows(text, 30, share=0.001).held_out) == 2


def test_a_text_that_is_too_short_is_said():
    assert len(text_windows("x" * 60, 10).train) == 4
    with pytest.raises(DataError, match="59 characters, too few for windows of 10"):
        text_windows("x" * 59, 10)
    for wrong in ({"length": 0}, {"length": 5, "share": 1.0}):
        with pytest.raises(ValueError, match=r"length=.* share="):
            text_windows("x" * 100, **wrong)
