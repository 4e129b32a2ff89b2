"""MIG and modularity: entropies by hand, known ends, the ceiling of bins, invariances, errors."""

import numpy as np
import pytest
import torch

from gan_ext.metrics import mig, modularity, modularity_of_information, mutual_information

GRID = np.stack(np.meshgrid(range(3), range(4), range(5), indexing="ij"), axis=-1).reshape(-1, 3)
MOVED = GRID[:, [2, 0, 1]] * [-3.0, 0.01, 7] + [1, 2, 3]
NOISE = np.random.default_rng(0).normal(size=(20_000, 3))
MANY = np.random.default_rng(1).integers(0, 3, (20_000, 3))
ROTATION = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]


def test_information_and_gap_by_hand() -> None:
    # Code 0 is the first factor. Code 1 tells 0 and 1 of the second factor (each a quarter) apart from 2 (a half).
    factors = np.array([[0, 0], [0, 1], [0, 2], [0, 2], [1, 0], [1, 1], [1, 2], [1, 2]])
    codes = np.stack([factors[:, 0], factors[:, 1] == 2], axis=1).astype(float)
    ln2, entropy = np.log(2), 1.5 * np.log(2)  # 1/2 ln 2 + 2 * 1/4 ln 4
    assert mutual_information(codes, factors) == pytest.approx(np.array([[ln2, 0], [0, ln2]]), abs=1e-12)
    assert mig(codes, factors) == pytest.approx((ln2 / ln2 + ln2 / entropy) / 2, abs=1e-12)


def test_information_of_a_dependence_by_hand() -> None:
    # Joint counts [[3, 1], [1, 3]] / 8.
    code, factor = np.repeat([0, 0, 1, 1], [3, 1, 1, 3]), np.repeat([0, 1, 0, 1], [3, 1, 1, 3])
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert mutual_information(code[:, None], factor[:, None]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("codes", [GRID, MOVED, np.c_[MOVED, np.ones(60)], torch.tensor(MOVED)])
def test_true_factors_in_any_order_sign_and_scale_give_one(codes: object) -> None:
    assert mig(codes, GRID) == pytest.approx(1, abs=1e-12)
    dead = np.asarray(codes).shape[1] - 3
    assert modularity(codes, GRID) == pytest.approx(3 / (3 + dead), abs=1e-12)


def test_with_fewer_bins_than_values_the_gap_has_a_ceiling() -> None:
    factors = np.stack(np.meshgrid(range(40), range(2), indexing="ij"), axis=-1).reshape(-1, 2)
    first, second = np.log(20) / np.log(40), 1.0
    assert mig(factors + 0.5 * (factors == 39), factors, bins=20) == pytest.approx((first + second) / 2, abs=0.01)
    assert mig(factors, factors, bins=40) == pytest.approx(1, abs=1e-12)


def test_noise_is_near_zero_and_a_rotation_between() -> None:
    assert mig(NOISE, MANY) < 0.003
    assert 0 < mutual_information(NOISE, MANY).max() < 3 * 19 * 2 / 2 / 20_000  # the bias of the plug-in estimate
    entangled = (GRID - GRID.mean(0)) @ ROTATION
    assert 0.01 < mig(entangled, GRID) < 0.6
    assert 0.01 < modularity(entangled, GRID) < 0.95


def test_a_factor_in_two_codes_has_no_gap_but_is_modular() -> None:
    twice = GRID[:, [0, 0, 1, 1, 2, 2]]
    assert mig(twice, GRID) == pytest.approx(0, abs=1e-12)
    assert modularity(twice, GRID) == pytest.approx(1, abs=1e-12)


def test_modularity_of_a_matrix_by_hand() -> None:
    matrix = [[2, 1, 0], [0.5, 0.5, 0.5], [0, 0, 3], [0, 0, 0]]
    # 1 - (1/4) / 2; 1 - (1 + 1) / 2; 1; dead
    assert modularity_of_information(matrix) == pytest.approx((7 / 8 + 0 + 1 + 0) / 4)
    assert modularity_of_information(np.array(matrix) * 10) == modularity_of_information(matrix)


@pytest.mark.parametrize("score", [mig, modularity, mutual_information])
@pytest.mark.parametrize(
    ("codes", "factors", "sentence"),
    [
        (GRID[:-1], GRID, r"with the 59 rows of codes, got shape \(60, 3\)"),
        (GRID[:, 0], GRID, r"codes must be \[n, d\], a row for each sample; got shape \(60,\)"),
        (GRID, GRID[:, 0], r"factors must be \[n, k\]"),
        (GRID[:0], GRID[:0], "have 0 rows; at least 2"),
        (GRID * np.nan, GRID, "codes must be finite"),
        (GRID / 0.5 + np.inf, GRID, "codes must be finite"),
        (GRID.astype(str), GRID, "codes must be numbers"),
        (GRID, GRID * 1.0, "factors must be whole numbers, got float64"),
        (GRID, GRID * [1, 0, 1], r"factors\[:, 1\] has one value only"),
    ],
)
def test_errors_of_arrays_are_sentences(score: object, codes: object, factors: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        score(codes, factors)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: mig(GRID, GRID, bins=1), "bins=1 must be at least 2"),
        (lambda: mig(GRID[:, :1], GRID), "codes has 1 columns; this metric needs at least 2"),
        (lambda: modularity(GRID, GRID[:, :1]), "factors has 1 columns; this metric needs at least 2"),
        (lambda: mutual_information(GRID[:, :0], GRID), "codes has 0 columns"),
        (lambda: modularity_of_information([[1], [2]]), r"at least two factors, got shape \(2, 1\)"),
        (lambda: modularity_of_information([[1, -1]]), "not negative"),
        (lambda: modularity_of_information([[1, np.nan]]), "finite"),
    ],
)
def test_errors_of_numbers_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
