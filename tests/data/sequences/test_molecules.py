"""Molecules: files of a folder that are held out, a tenth where there are none, chains of a grammar."""

import gzip
import math

import numpy as np
import pytest

from gan_ext.data import DataError, SmilesTokenizer, molecule_chains, read_oracle, read_smiles


def test_files_of_a_folder_are_held_out_by_their_names(tmp_path):
    (tmp_path / "all.smi").write_text("CCO\n\nCCN \nc1ccccc1\nCCCl\n")
    (tmp_path / "all_test.txt.gz").write_bytes(gzip.compress(b"CCN\n"))
    (tmp_path / "valid.smiles").write_text("CCCl\n")
    (tmp_path / "notes.md").write_text("no molecules\n")
    assert read_smiles(tmp_path) == (["CCO", "c1ccccc1"], ["CCCl"], ["CCN"])
    assert read_smiles(tmp_path, max_length=4) == (["CCO"], ["CCCl"], ["CCN"])  # a token of CCCl is Cl
    assert read_smiles(tmp_path / "all.smi").train == ["CCO", "CCN", "c1ccccc1", "CCCl"]
    for name in ("all.smi", "valid.smiles"):
        (tmp_path / name).unlink()
    assert read_smiles(tmp_path) == (["CCN"], [], [])  # a folder with one file holds nothing out
    with pytest.raises(DataError, match="nowhere is no file and no folder"):
        read_smiles("nowhere")


def test_a_tenth_is_held_out_where_there_is_nothing_else(tmp_path):
    (tmp_path / "all.txt").write_text("\n".join("C" * n for n in range(1, 31)))
    parts = read_smiles(tmp_path).with_held_out(3)
    assert [len(part) for part in parts] == [24, 3, 3]
    assert sorted((each for part in parts for each in part), key=len) == ["C" * n for n in range(1, 31)]
    assert parts == read_smiles(tmp_path).with_held_out(3) != read_smiles(tmp_path).with_held_out(4)
    assert parts.with_held_out(5) == parts


def test_the_grammar_makes_molecules():
    pytest.importorskip("rdkit")
    from gan_ext.metrics import logp

    made = molecule_chains(200, 0)
    assert len(made) == 200
    assert not any(math.isnan(value) for value in logp(made))
    assert made == molecule_chains(200, 0) != molecule_chains(200, 1)
    split = SmilesTokenizer().tokenize
    assert molecule_chains(200, 0, max_length=20) == [each for each in made if len(split(each)) < 20]


def test_the_arrays_of_the_oracle_are_read_or_missed(tmp_path):
    with pytest.raises(DataError, match=r"--data .* has no file seqgan_oracle.npz"):
        read_oracle(tmp_path)
    np.savez(tmp_path / "seqgan_oracle.npz", w_out=np.ones((2, 3), np.float32))
    assert read_oracle(tmp_path)["w_out"].shape == (2, 3)
    (tmp_path / "seqgan_oracle.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_oracle(tmp_path)
