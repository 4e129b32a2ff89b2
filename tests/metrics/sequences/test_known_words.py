"""Known words: by hand, marks and cut words, the interval."""

import pytest

from gan_ext.metrics import known_word_share, words_of


def test_words_are_without_their_marks():
    assert words_of("Shall I -- (compare) thee, thee!") == {"Shall", "I", "", "compare", "thee"}


def test_shares_by_hand():
    words = words_of("the cat sat on the mat.")
    found = known_word_share(words, ["xx the cat, yy", "xx on zzz yy", "ab"])  # 2 of 2, 1 of 2, 0 of 1
    assert found.mean == pytest.approx(3 / 5)
    assert found.low < found.mean < found.high
    assert known_word_share(words, ["a the b"] * 3) == (1.0, 1.0, 1.0)
