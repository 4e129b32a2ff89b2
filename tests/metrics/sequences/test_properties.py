"""Properties of molecules, by hand: rings, diversity's ends, hits."""

import math

import numpy as np
import pytest

pytest.importorskip("rdkit")

from gan_ext.metrics import KnownMolecules, internal_diversity, logp, molecule_hits, qed, ring_count, smiles_intervals
from gan_ext.metrics import smiles_scores as scores_of


def test_values_are_of_molecules_and_not_a_number_for_other_strings():
    assert math.isnan(ring_count(["C(", "CCO"])[0])
    assert ring_count(["c1ccccc1C1CC1", "CCO"]).tolist() == [2, 0]
    assert logp(["CCCCCCCC"])[0] > 3 > 0 > logp(["OCC(O)CO"])[0]
    assert 0 < qed(["CC(=O)Oc1ccccc1C(=O)O"])[0] < 1
    assert np.isnan(qed([""])).all()


def test_diversity_has_its_ends():
    assert internal_diversity(["CCO", "CCO"]) == 0
    assert internal_diversity(["CCCC", "c1ccncc1"]) == 1
    assert internal_diversity(["CCO"]) is None


def test_hits_by_hand():
    found = molecule_hits(["C1CC1", "C1CC1", "CCO", "C("], ring_count, 0.5, known={"CCO"})
    assert found == {
        "hit": 0.5, "different hits": 1, "validity": 0.75, "unique": 2 / 3, "novel": 0.5, "diversity": 0.0,
        "property": pytest.approx(2 / 3),
    }  # fmt: skip
    nothing = molecule_hits(["C("], ring_count, 0.5)
    assert nothing["property"] is None
    assert nothing["hit"] == nothing["unique"] == nothing["novel"] == 0


def test_intervals_are_around_the_scores():
    generated, known = ["CCO", "OCC", "c1ccccc1", "C("], KnownMolecules(["CCO"])
    found, scores = smiles_intervals(generated, known), scores_of(generated, known=known)
    assert found["validity"].mean == scores.validity
    assert found["validity"].low < scores.validity < found["validity"].high <= 1
    assert found["uniqueness"] == scores.uniqueness
    assert found["novelty"].mean == scores.novelty
    assert f"{found['validity']:.2f}".startswith("0.75 (0.")
