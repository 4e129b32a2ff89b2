"""DCI, SAP and explicitness: matrices by hand, known ends, between them, errors."""

import json

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from gan_ext.metrics import dci, disentanglement_completeness, explicitness, sap

GRID = np.stack(np.meshgrid(range(2), range(3), range(4), indexing="ij"), axis=-1).reshape(-1, 3)
FACTORS = np.tile(GRID, (25, 1))
MOVED = FACTORS[:, [2, 0, 1]] * [-3.0, 0.5, 7] + [1, 2, 3]
NOISE = np.random.default_rng(0).normal(size=(600, 3))
ROTATED = (FACTORS - FACTORS.mean(0)) @ np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
TREE = DecisionTreeClassifier(random_state=0)


def test_disentanglement_and_completeness_by_hand() -> None:
    assert disentanglement_completeness(np.eye(3)[[2, 0, 1]]) == pytest.approx((1, 1))
    assert disentanglement_completeness(np.ones((3, 2))) == pytest.approx((0, 0), abs=1e-12)
    assert disentanglement_completeness(np.zeros((2, 2))) == (0, 0)
    # Code 0 serves one factor with weight 3/4; code 1 both alike with weight 1/4.
    matrix = [[6, 0], [1, 1]]
    column = 6 / 7 * np.log2(7 / 6) + 1 / 7 * np.log2(7)
    expected = 7 / 8 * (1 - column) + 1 / 8 * 1
    assert disentanglement_completeness(matrix) == pytest.approx((3 / 4, expected))
    # A dead code changes neither weight nor disentanglement, but the base of completeness.
    assert disentanglement_completeness([*matrix, [0, 0]])[0] == pytest.approx(3 / 4)
    assert disentanglement_completeness([[1, 0], [1, 0], [0, 2]]) == pytest.approx((1, 1 - 0.5 * np.log(2) / np.log(3)))


def test_true_factors_in_any_order_sign_and_scale_give_one() -> None:
    found = dci(MOVED, FACTORS)
    assert found.disentanglement > 0.999
    assert found.completeness > 0.999
    assert found.informativeness == found.train_informativeness == 1
    assert np.array(found.importances).argmax(1).tolist() == [2, 0, 1]
    assert json.loads(json.dumps(found))[2] == 1


@pytest.mark.parametrize("classifier", [TREE, HistGradientBoostingClassifier(max_iter=10, random_state=0)])
def test_other_classifiers_agree_at_the_end(classifier: object) -> None:
    # Trees have importances by impurity, histogram trees get those by permutation.
    assert dci(MOVED, FACTORS, classifier)[:3] == pytest.approx((1, 1, 1), abs=1e-3)


def test_dci_of_noise_is_near_zero_and_of_a_rotation_between() -> None:
    noise, rotated = dci(NOISE, FACTORS, TREE), dci(ROTATED, FACTORS, TREE)
    assert max(noise[:2]) < 0.02
    assert abs(noise.informativeness - (1 / 2 + 1 / 3 + 1 / 4) / 3) < 0.08
    assert noise.train_informativeness == 1  # trees learn noise by heart: only held-out rows tell
    assert 0.02 < rotated.disentanglement < 0.9
    assert rotated.informativeness == 1


def test_dci_depends_on_the_seed_only() -> None:
    assert dci(ROTATED, FACTORS, TREE, random_state=1) == dci(ROTATED, FACTORS, TREE, random_state=1)
    assert dci(NOISE, FACTORS, TREE, random_state=1) != dci(NOISE, FACTORS, TREE, random_state=2)


def test_sap_by_correlation_is_one_on_a_full_grid_and_zero_for_copies() -> None:
    assert sap(MOVED, FACTORS, continuous=True) == pytest.approx(1)
    assert sap(np.c_[MOVED, np.full(600, 0.1)], FACTORS, continuous=True) == pytest.approx(1)
    assert sap(np.c_[MOVED, MOVED], FACTORS, continuous=True) == pytest.approx(0, abs=1e-12)
    assert sap(NOISE, FACTORS, continuous=True) < 0.02


def test_sap_by_correlation_by_hand() -> None:
    # Codes v and v + w of independent centered v and w of the same variance: squared correlations with v 1 and 1/2,
    # with w 0 and 1/2.
    pair = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    codes = np.stack([pair[:, 0], pair.sum(1)], axis=1)
    assert sap(codes, pair, continuous=True) == pytest.approx((1 / 2 + 1 / 2) / 2)


@pytest.mark.parametrize("values", [2, 3, 4])
def test_sap_by_classes_ends_at_one_minus_chance(values: int) -> None:
    grid = np.stack(np.meshgrid(range(values), range(values), indexing="ij"), axis=-1).reshape(-1, 2)
    factors = np.tile(grid, (4800 // values**2, 1))
    assert sap(factors[:, ::-1] * -2.0, factors) == pytest.approx(1 - 1 / values, abs=0.03)


def test_sap_by_classes_of_noise_is_near_zero_of_a_rotation_between_and_of_many_values_low() -> None:
    assert sap(NOISE, FACTORS) < 0.05
    assert 0.05 < sap(ROTATED, FACTORS, continuous=True) < 0.9
    many = np.tile(FACTORS, (8, 1))
    assert sap(many, many) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3, abs=0.03)
    assert 0.05 < sap(np.tile(ROTATED, (8, 1)), many) < 0.5
    six = np.stack(np.meshgrid(range(6), range(6), indexing="ij"), axis=-1).reshape(-1, 2).repeat(50, 0)
    assert sap(six, six) < 0.5


def test_explicitness_is_one_for_true_factors_and_rotations_and_half_for_noise() -> None:
    assert explicitness(MOVED[:, [1, 2]], FACTORS[:, [0, 1]]) == 1
    assert explicitness(MOVED, FACTORS, LogisticRegression()) == 1
    # Linear reading does not ask for axes.
    assert explicitness(ROTATED, FACTORS, LogisticRegression()) == pytest.approx(1, abs=1e-3)
    assert explicitness(NOISE, FACTORS) == pytest.approx(0.5, abs=0.06)
    assert explicitness(np.c_[MOVED, np.ones(600)], FACTORS) == pytest.approx(explicitness(MOVED, FACTORS))


def test_one_against_the_rest_cannot_read_middle_values_of_an_ordered_code() -> None:
    ten = np.stack(np.meshgrid(range(10), range(10), indexing="ij"), axis=-1).reshape(-1, 2).repeat(30, 0)
    assert 0.95 < explicitness(ten, ten) < 0.99
    assert explicitness(ten, ten, LogisticRegression()) == 1
    assert explicitness(np.eye(10)[ten].reshape(-1, 20), ten) == 1


def test_a_value_that_the_test_part_lacks_is_left_out() -> None:
    factor = np.r_[np.tile([0, 1], 100), 2][:, None]
    for seed in range(3):
        assert explicitness(factor, factor, LogisticRegression(), random_state=seed) == 1


SMALL = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize("score", [dci, explicitness, sap])
@pytest.mark.parametrize(
    ("codes", "factors", "numbers", "sentence"),
    [
        (MOVED[:-1], FACTORS, {}, "with the 599 rows of codes"),
        (MOVED * np.nan, FACTORS, {}, "codes must be finite"),
        (MOVED[:0], FACTORS[:0], {}, "have 0 rows"),
        (MOVED, FACTORS * [1, 1, 0], {}, r"factors\[:, 2\] has one value only"),
        (MOVED, FACTORS, {"test_share": 0}, "test_share=0 must lie between 0 and 1"),
        (SMALL, SMALL, {"test_share": 0.1}, "The test part has 0 of 4 rows"),
        (SMALL, SMALL, {"test_share": 0.8}, "The training part has 1 of 4 rows"),
    ],
)
def test_errors_of_arrays_are_sentences(
    score: object, codes: np.ndarray, factors: np.ndarray, numbers: dict, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        score(codes, factors, **numbers)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: dci(MOVED[:, :1], FACTORS), "codes has 1 columns"),
        (lambda: dci(MOVED, FACTORS[:, :1]), "factors has 1 columns"),
        (lambda: sap(MOVED[:, :1], FACTORS, continuous=True), "codes has 1 columns"),
        (lambda: disentanglement_completeness([[1, 2]]), r"at least 2 x 2; got shape \(1, 2\)"),
        (lambda: disentanglement_completeness([[1, 2], [0, -1]]), "not negative"),
    ],
)
def test_errors_of_numbers_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
