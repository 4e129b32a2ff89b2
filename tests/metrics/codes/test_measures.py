"""Information, change, cross-talk and monotonicity at their known ends; accuracies of generated samples."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from gan_ext.metrics import (
    change_share,
    cross_talk,
    generated_training_accuracy,
    hit_rate,
    information_bound,
    level_probabilities,
    mean_distance,
    monotonicity,
    rank_correlation,
    reading_change,
)

RNG = np.random.default_rng(0)


def test_a_perfect_reader_reaches_the_entropy_and_an_ignorant_one_zero() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    classes = np.repeat([0, 1, 2], [500, 300, 200])
    entropy = -(shares * np.log(shares)).sum()
    sure = information_bound(classes, np.log(np.eye(3)[classes] + 1e-12), shares)
    assert sure.nats == pytest.approx(entropy)
    assert sure.normalized == pytest.approx(1)
    ignorant = information_bound(classes, np.tile(np.log(shares), (1000, 1)), shares)
    assert ignorant.nats == pytest.approx(0, abs=1e-12)
    wrong = information_bound(classes, np.log(np.eye(3)[(classes + 1) % 3] * 0.97 + 0.01), shares)
    assert wrong.nats < 0
    assert wrong.normalized == 0


def test_the_bound_of_a_binary_symmetric_channel_is_its_information() -> None:
    """A bit flipped with probability e carries ln 2 - H(e); q that knows the channel attains it."""
    flip, n = 0.1, 10_000
    bits = np.tile([0, 1], n // 2)
    seen = np.where(np.arange(n) // 2 % 10 == 0, 1 - bits, bits)
    q = np.where(np.eye(2)[seen] == 1, 1 - flip, flip)
    bound = information_bound(torch.tensor(bits), torch.tensor(q).log(), [0.5, 0.5])
    assert bound.nats == pytest.approx(math.log(2) + flip * math.log(flip) + (1 - flip) * math.log(1 - flip))
    spread = math.log((1 - flip) / flip) * math.sqrt(flip * (1 - flip))
    assert bound.error == pytest.approx(spread / math.sqrt(n), rel=1e-3)


def test_a_code_of_one_value_carries_nothing() -> None:
    bound = information_bound(np.zeros(5, int), np.zeros((5, 1)), [1.0])
    assert (bound.nats, bound.entropy, bound.normalized) == (0, 0, 0)


def test_levels_of_a_gaussian_belief_have_its_probabilities() -> None:
    table = level_probabilities([0.0, 10.0], 1.0, [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(table[0], [0.158655, 0.341345, 0.341345, 0.158655], atol=1e-6)
    np.testing.assert_allclose(table[1], [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(level_probabilities([0.5], 0.0, [-1.0, 0.0, 1.0]), [[0, 0, 1, 0]])


def test_change_shares() -> None:
    assert change_share(3, 1) == 0.75
    assert change_share(0, 2) == 0
    assert change_share(2, 0) == 1
    assert change_share(0, 0) == 0
    assert mean_distance(np.zeros((2, 1, 2)), np.array([[[3, 4]], [[0, 1]]])) == 3
    assert reading_change([[1.0, 0], [0.5, 0.5]], [[0.0, 1], [0.5, 0.5]]) == 0.5
    assert reading_change([0.0, 1.0], [0.5, 0.0]) == 0.75


def moved_readings(order: list[int]) -> np.ndarray:
    """Return the cross-talk of two coordinates and a category, read in another order by a perfect reader."""
    n = 500
    codes = [RNG.random(n), RNG.random(n), RNG.integers(0, 4, n)]
    anew = [RNG.random(n), RNG.random(n), (codes[2] + RNG.integers(1, 4, n)) % 4]

    def readings(values: list[np.ndarray]) -> list[np.ndarray]:
        seen = [values[0], values[1], np.eye(4)[values[2]]]
        return [seen[j] for j in order]

    moved = [readings([anew[j] if j == i else codes[j] for j in range(3)]) for i in range(3)]
    true = [reading_change(old, new) for old, new in zip(readings(codes), readings(anew), strict=True)]
    return cross_talk(readings(codes), moved, true)


def test_cross_talk_is_the_identity_of_a_perfect_reader_and_a_permutation_of_a_swapped_one() -> None:
    np.testing.assert_allclose(moved_readings([0, 1, 2]), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(moved_readings([1, 0, 2]), np.eye(3)[[1, 0, 2]], atol=1e-12)


def test_cross_talk_of_a_code_that_cannot_change_is_zero() -> None:
    assert cross_talk([[0.5]], [[[0.5]]], [0.0]).tolist() == [[0.0]]


def test_monotonicity_at_its_ends() -> None:
    rising = np.array([[0, 1, 4, 9.0], [0, 0.1, 0.1, 2]])
    assert monotonicity(rising[:1]) == pytest.approx((1, 1))
    assert monotonicity(-rising[:1]) == pytest.approx((-1, 1))
    assert monotonicity(rising).share == 1
    assert monotonicity(np.zeros((3, 4))) == (0, 0)
    turning = monotonicity([[0.0, 1, 2, 1.5]])
    assert turning == pytest.approx((0.8, 0))
    assert rank_correlation([1.0, 2, 3], np.exp([1.0, 2, 3])) == pytest.approx(1)


def test_hit_rate_and_training_on_generated_samples() -> None:
    """Good samples of one class alone are hits; they teach a classifier nothing about the other."""
    X = np.array([[0.0], [0.1], [0.9], [1.0]])
    y = np.array(["low", "low", "high", "high"])
    nearest = KNeighborsClassifier(1)
    fitted = nearest.fit(X, y)
    swapped = np.array([[1.0], [0.0], [1.0], [1.0]])
    assert hit_rate(fitted, swapped, ["low", "low", "high", "high"]) == pytest.approx((0.75, math.sqrt(0.75 / 16)))
    assert hit_rate(fitted, X, y) == (1, 0)
    assert generated_training_accuracy(nearest, X, y, X, y).value == 1
    assert generated_training_accuracy(nearest, X, y, X, ["high", "high", "low", "low"]).value == 0


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (lambda: information_bound([0, 1, 2, 0], np.zeros((4, 2)), [0.5, 0.5]), "from 0 to 1, got 0 to 2"),
        (lambda: information_bound([0, 1], np.zeros((4, 2)), [0.5, 0.5]), "log_probabilities must be"),
        (lambda: change_share(-1, 1), "must not be negative"),
        (lambda: mean_distance(np.zeros((2, 1)), np.zeros((3, 1))), "must have one shape"),
        (lambda: reading_change([1.0], [[1.0]]), "must have one shape"),
        (lambda: cross_talk([[1.0]], [], [1.0]), "cross_talk needs 1 codes"),
        (lambda: monotonicity([[1.0]]), "at least two values"),
        (lambda: hit_rate(None, np.zeros((2, 1)), [0]), "a class for each"),
    ],
)
def test_errors_are_sentences(wrong, match: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=match):
        wrong()
