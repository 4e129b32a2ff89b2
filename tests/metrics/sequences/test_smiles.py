"""Molecules: what counts as valid, the same, and new."""

import gzip
import os
import sys
from pathlib import Path

import pytest

from gan_ext.metrics import KnownMolecules, canonical_smiles, smiles_scores


def needs_rdkit() -> None:
    pytest.importorskip("rdkit", reason="needs rdkit, in the extra `test`")


def test_two_notations_of_a_molecule_are_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    needs_rdkit()
    one, other, ring, valence, empty, blank, padded = canonical_smiles(
        ["c1ccccc1", "C1=CC=CC=C1", "c1ccccc", "C(C)(C)(C)(C)C", "", "C C", " C"]
    )
    assert one == other is not None
    assert ring is valence is empty is blank is padded is None
    assert capfd.readouterr() == ("", ""), "rdkit must not print what it thinks of every string"


def test_shares() -> None:
    needs_rdkit()
    generated = ["CCO", "OCC", "c1ccccc1", "C(", "CN", "x"]
    scores = smiles_scores(generated, known=["C1=CC=CC=C1", "no molecule"])
    assert scores == (4 / 6, 3 / 4, 2 / 3)
    assert smiles_scores(generated).novelty is None
    assert smiles_scores(generated, known=KnownMolecules(["OCC", "NC"])).novelty == 1 / 3
    assert smiles_scores(["C(", ""], known=["C"]) == (0, 0, 0)


def test_errors_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="list of strings, got one string, 'CCO'"):
        smiles_scores("CCO")
    with pytest.raises(TypeError, match=r"SMILES must be strings, got \['C', 'C'\]; join tokens first"):
        smiles_scores([["C", "C"]])
    with pytest.raises(TypeError, match="got None"):
        canonical_smiles(["C", None])
    with pytest.raises(ValueError, match="generated holds no string"):
        smiles_scores([])
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(ImportError, match="rdkit is not installed: pip install rdkit"):
        smiles_scores(["C"])


@pytest.mark.data
def test_real_molecules_are_valid_different_and_not_in_the_other_split() -> None:
    needs_rdkit()
    folder = Path(os.environ["GAN_EXT_DATA"]) / "smiles"
    packed = [(folder / f"zinc250k_{part}.txt.gz").read_bytes() for part in ("test", "valid")]
    test, valid = (gzip.decompress(content).decode().split()[:2000] for content in packed)
    assert smiles_scores(test, known=KnownMolecules(valid)) == (1, 1, 1)
