"""Clusters against classes: invariances, a case by hand where purity and Hungarian accuracy differ, bounds, errors."""

from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from gan_ext.metrics import cluster_scores, cluster_table, contingency, hungarian_accuracy, matching, purity

# Class a is split into clusters 0 and 1; cluster 2 holds b and one c; no cluster stands for c in both senses.
TRUE = ["a", "a", "a", "a", "a", "b", "b", "c"]
PRED = [0, 0, 0, 1, 1, 2, 2, 2]


def test_a_case_by_hand_where_purity_is_above_hungarian_accuracy() -> None:
    assert contingency(TRUE, PRED).tolist() == [[3, 2, 0], [0, 0, 2], [0, 0, 1]]
    assert purity(TRUE, PRED) == 7 / 8  # a, a, b: only the c is wrong
    assert hungarian_accuracy(TRUE, PRED) == 5 / 8  # cluster 1 may not be a as well, and holds no c
    assert matching(TRUE, PRED) == {0: "a", 1: "c", 2: "b"}


def test_hungarian_accuracy_is_the_best_of_all_matchings() -> None:
    draws = np.random.default_rng(0)
    for _ in range(20):
        true, pred = draws.integers(0, 4, (2, 50))
        best = max(np.mean(np.array(names)[pred] == true) for names in permutations(range(4)))
        assert hungarian_accuracy(true, pred) == pytest.approx(best, abs=1e-15)
        mapped = [matching(true, pred)[cluster] for cluster in pred.tolist()]
        assert np.mean(mapped == true) == pytest.approx(best, abs=1e-15)
        assert best <= purity(true, pred) + 1e-15


def test_scores_do_not_change_when_labels_are_renamed() -> None:
    draws = np.random.default_rng(1)
    true, pred = draws.integers(0, 5, (2, 200))
    names = np.array(["v", "q", "z", "a", "m"])
    for score in (hungarian_accuracy, purity):
        assert score(names[true], draws.permutation(5)[pred]) == score(true, pred)
        assert score(torch.tensor(true), torch.tensor(pred)) == score(true, pred)
        assert score(true, (true + 3) % 5) == 1


def test_cutting_clusters_raises_purity_to_one_and_lowers_hungarian_accuracy() -> None:
    true = np.repeat([0, 1], 50)
    one_each = np.arange(100)
    assert purity(true, one_each) == 1
    assert normalized_mutual_info_score(true, one_each) < 0.5
    assert hungarian_accuracy(true, one_each) == 2 / 100
    assert hungarian_accuracy(true, np.zeros(100)) == purity(true, np.zeros(100)) == 0.5


def test_clusters_beyond_the_classes_stand_for_none() -> None:
    found = matching([7, 7, 8, 8], ["x", "x", "y", "z"])
    assert found["x"] == 7
    assert sorted([found["y"], found["z"]], key=str) == [8, None]
    assert all(isinstance(each, int | None) for each in found.values())
    assert matching([1, 2, 3, 3], [0, 0, 0, 0]) == {0: 3}


@pytest.mark.parametrize("score", [contingency, hungarian_accuracy, matching, purity])
@pytest.mark.parametrize(
    ("true", "pred", "sentence"),
    [
        ([0, 1], [0], r"same length, not empty; got shapes \(2,\) and \(1,\)"),
        ([], [], r"not empty; got shapes \(0,\)"),
        ([[0, 1]], [[0, 1]], r"two arrays \[n\]"),
        ([0, np.nan], [0, 1], "labels_true holds NaN"),
        ([0, 1], [np.nan, 1], "labels_pred holds NaN"),
    ],
)
def test_errors_are_sentences(score: object, true: list, pred: list, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        score(true, pred)


def test_the_usual_scores_at_once_are_those_of_each() -> None:
    found = cluster_scores(TRUE, torch.tensor(PRED))
    assert (found.accuracy, found.purity) == (5 / 8, 7 / 8)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(TRUE, PRED))
    assert found.ari == pytest.approx(adjusted_rand_score(TRUE, PRED))
    assert cluster_scores(TRUE, TRUE) == (1.0, 1.0, 1.0, 1.0)
    shown = cluster_scores(TRUE, PRED).percent()
    assert list(shown) == ["accuracy", "purity", "NMI", "ARI"]
    assert (shown["accuracy"], shown["purity"]) == (62.5, 87.5)


def test_a_table_has_clusters_in_the_order_of_their_classes_and_empty_ones_last() -> None:
    found = cluster_table(TRUE, torch.tensor(PRED), 4)
    assert (found.classes, found.clusters) == (["a", "b", "c"], [0, 2, 1, 3])
    assert found.counts.tolist() == [[3, 0, 2, 0], [0, 2, 0, 0], [0, 1, 0, 0]]
    assert found.stands_for == ["a", "c", "b", None]
    assert found.shown[1:] == (["a", "b", "c"], ["0", "2", "1", "3"])
    with pytest.raises(ValueError, match=r"must be integers from 0 to 1, got \[0, 1, 2\]"):
        cluster_table(TRUE, PRED, 2)
