"""Texts with a class each: files of every form hold the same texts; what cannot be read is said in words."""

from pathlib import Path

import pytest

from gan_ext.data import read_labeled_texts, read_speeches

TEXTS = [("a boat, a wave", "sea"), ("stone", "hill"), ("salt tide", "sea"), ("a goat", "hill")]


def test_a_folder_has_a_file_for_each_class(tmp_path: Path) -> None:
    for name in ("sea", "hill"):
        (tmp_path / f"{name}.txt").write_text("\n".join(text for text, label in TEXTS if label == name) + "\n\n")
    assert sorted(read_labeled_texts(tmp_path)) == sorted(TEXTS)
    assert read_labeled_texts(tmp_path)[0].label == "hill"


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ","), (".tsv", "\t")])
@pytest.mark.parametrize("heading", ["", "Text{}Label\n"])
def test_a_table_has_two_columns_and_perhaps_a_heading(suffix: str, mark: str, heading: str, tmp_path: Path) -> None:
    path = tmp_path / f"texts{suffix}"
    path.write_text(heading.format(mark) + "".join(f'"{text}"{mark}{label}\n' for text, label in TEXTS))
    assert read_labeled_texts(path) == TEXTS


def test_speeches_are_those_of_the_speakers_with_most(tmp_path: Path) -> None:
    path = tmp_path / "play.txt"
    path.write_text("A:\nHello\nthere.\n\nB:\nWhat: now?\n\nA:\nNothing.\n\nC:\nOh.\n\nB:\nWell.\n")
    assert read_speeches(path, 2) == [("Hello there.", "A"), ("What: now?", "B"), ("Nothing.", "A"), ("Well.", "B")]


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "three.csv").write_text("a,sea\nb,sea,hill\n")
    (tmp_path / "latin.csv").write_bytes(b"\xe9t\xe9,sea\n")
    for name, sentence in (("three", r"row 2 has 3\."), ("latin", "cannot be read as texts"), ("no", "cannot be read")):
        with pytest.raises(ValueError, match=sentence):
            read_labeled_texts(tmp_path / f"{name}.csv")
    for name in ("no", "latin"):
        with pytest.raises(ValueError, match="cannot be read as texts"):
            read_speeches(tmp_path / f"{name}.csv", 2)
