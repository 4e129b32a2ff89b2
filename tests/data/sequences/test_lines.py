"""Lines of text files: what is written is read, plain or gzipped, and what cannot be read is said with its place."""

import gzip
import os
from pathlib import Path

import pytest

from gan_ext.data import DataError, read_lines


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\n b \r\n", ["a", " b "]),
        ("\n\na\n\n", ["", "", "a", ""]),
        ("\n", [""]),
        ("ü\u2028x\x0by\n東", ["ü\u2028x\x0by", "東"]),
        ("\ufeffa\n\ufeffb", ["a", "\ufeffb"]),
        ("x" * 200_000 + "\nshort", ["x" * 200_000, "short"]),
    ],
)
def test_what_is_written_is_read(content: str, lines: list[str], zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "text.dat"  # the name says nothing
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    assert read_lines(path) == lines
    assert read_lines(str(path)) == lines
    for most in (1, 2, 100):
        assert read_lines(path, max_lines=most) == lines[:most]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("ä\nö\n".encode(encoding))
    assert read_lines(path, encoding=encoding) == ["ä", "ö"]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("line", [1, 2, 3])
def test_bad_utf8_is_said_with_its_line(line: int, zipped: bool, tmp_path: Path) -> None:
    lines = ["ü a".encode()] * 3
    lines[line - 1] = b"caf\xe9 x"
    content = b"\n".join(lines)
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(DataError, match=f"text is not utf-8 in line {line}: byte 0xe9 .*encoding='latin-1'"):
        read_lines(path)
    assert read_lines(path, encoding="latin-1")[line - 1] == "café x"
    if line > 1:
        assert len(read_lines(path, max_lines=line - 1)) == line - 1, "what is not read is not wrong"


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzipped"])
def test_an_empty_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError, match="text is empty; a corpus needs at least one line"):
        read_lines(tmp_path / "text")


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent is not there"):
        read_lines(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot be read; it is a folder"):
        read_lines(tmp_path)


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"some lines\n" * 50)
    for damaged in (whole[:-9], whole[:12] + b"\xff" + whole[13:]):
        (tmp_path / "text").write_bytes(damaged)
        with pytest.raises(DataError, match="damaged or cut short"):
            read_lines(tmp_path / "text")


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a")
    with pytest.raises(ValueError, match="max_lines=0 must be at least 1"):
        read_lines(tmp_path / "text", max_lines=0)
    with pytest.raises(ValueError, match="encoding='utf-9' is unknown"):
        read_lines(tmp_path / "text", encoding="utf-9")


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
@pytest.mark.parametrize(
    ("name", "lines", "longest"),
    [
        ("text/image_coco/train.txt", 10_000, 35),
        ("text/image_coco/test.txt", 10_000, None),
        ("text/wikitext-2/train.txt.gz", 36_718, None),
        ("text/wikitext-2/valid.txt.gz", 3_760, None),
        ("text/wikitext-2/test.txt.gz", 4_358, None),
        ("smiles/zinc250k_valid.txt.gz", 24_445, 1),
    ],
)
def test_real_files_have_their_lines(name: str, lines: int, longest: int | None) -> None:
    read = read_lines(Path(os.environ["GAN_EXT_DATA"]) / name)
    assert len(read) == lines
    assert longest in (None, max(len(line.split()) for line in read))


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_ext.data.sequences.lines.LARGEST", 1000)
    (tmp_path / "bomb").write_bytes(gzip.compress(b"one\ntwo\n" + b"x" * 5000))
    with pytest.raises(DataError, match=r"bomb holds 1000 bytes or more, unpacked; .*max_lines"):
        read_lines(tmp_path / "bomb")
    assert read_lines(tmp_path / "bomb", max_lines=2) == ["one", "two"]
