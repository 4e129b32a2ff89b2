"""Texts that are held out, and folders with train.txt and test.txt."""

import pytest

from gan_ext.data import DataError, hold_out_texts, read_text_split


def test_parts_are_disjoint_and_have_the_vocabulary_of_all():
    texts = [f"a{n} b" for n in range(10)]
    found = hold_out_texts(texts, 3, max_length=4)
    assert sorted(found.train_texts + found.held_out_texts) == texts
    assert found.train.shape == (7, 4)
    assert found.corpus.text(found.held_out) == found.held_out_texts
    assert found.corpus.text(found.train) == found.train_texts
    assert hold_out_texts(texts, 3).held_out_texts == found.held_out_texts
    assert hold_out_texts(texts, 3, random_state=1).held_out_texts != found.held_out_texts
    assert found.corpus.spec.options()["vocabulary"] == len(found.corpus.vocabulary)
    for n in (1, 9):
        with pytest.raises(ValueError, match=f"{n} held-out texts must be from 2 to 8 of 10"):
            hold_out_texts(texts, n)


def test_a_split_is_read_or_its_error_says_where_to_get_it(tmp_path):
    (tmp_path / "train.txt").write_text("a b\n\nc\n")
    for folder in (None, tmp_path):
        with pytest.raises(DataError, match=r"--data \S+ must be a folder with train.txt and test.txt.*Fetch it there"):
            read_text_split(folder, "Fetch it there.")
    (tmp_path / "test.txt").write_text("d\n")
    assert read_text_split(tmp_path, "") == (["a b", "c"], ["d"])
