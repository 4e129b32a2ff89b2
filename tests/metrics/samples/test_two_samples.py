"""Telling sets apart, copies, bins, support: what equal and unequal distributions must give."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from gan_ext.metrics import birthday_support, memorization_test, ndb, nearest_neighbor_test, two_sample_test


def draws(seed=0):
    return np.random.default_rng(seed)


def test_a_classifier_tells_apart_what_differs_and_nothing_else():
    rng = draws()
    x, y = rng.normal(size=(400, 3)), rng.normal(size=(500, 3))
    same, far, ring = two_sample_test(x, y), two_sample_test(x, y + 5), two_sample_test(x, y * 4)
    assert same.accuracy == pytest.approx(0.5, abs=0.1)
    assert same.n == far.n == 400
    assert far.accuracy > 0.99
    assert far.p_value < 1e-50
    assert ring.accuracy > 0.75  # no line separates these
    assert two_sample_test(x, y * 4, LogisticRegression()).accuracy < 0.65


def test_its_p_values_are_no_smaller_than_they_say():
    rng, knn = draws(), KNeighborsClassifier(7)
    found = [
        two_sample_test(*(rng.normal(size=(60, 2)) for _ in range(2)), knn, random_state=s).p_value for s in range(200)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    assert kstest(found, "uniform", alternative="greater").pvalue > 1e-3


def test_the_accuracy_of_a_shift_is_the_known_one():
    rng = draws()
    x, y = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 1)) + 1
    expected = (1 + math.erf(0.5 / 2**0.5)) / 2  # of the best classifier, Phi(1/2)
    assert two_sample_test(x, y, LogisticRegression()).accuracy == pytest.approx(expected, abs=0.012)


def test_nearest_neighbors_by_loops_and_at_their_ends():
    rng = draws()
    x, g = rng.normal(size=(15, 2)), rng.normal(size=(15, 2)) + 0.5
    both, label = np.concatenate([x, g]), np.repeat([0, 1], 15)
    apart = np.linalg.norm(both[:, None] - both, axis=2) + np.diag(np.full(30, np.inf))
    hits = label[apart.argmin(1)] == label
    assert nearest_neighbor_test(x, g) == pytest.approx((hits.mean(), hits[:15].mean(), hits[15:].mean()))
    assert nearest_neighbor_test(x, x + 100) == (1, 1, 1)
    assert nearest_neighbor_test(x, x + 1e-9) == (0, 0, 0)
    collapsed = np.zeros((15, 2)) + 0.001 * rng.normal(size=(15, 2))
    assert nearest_neighbor_test(x, collapsed).generated == 1


def test_nearest_neighbors_of_equal_distributions():
    rng = draws()
    found = [nearest_neighbor_test(rng.normal(size=(20, 4)), rng.normal(size=(20, 4))).accuracy for _ in range(400)]
    assert np.mean(found) == pytest.approx(19 / 39, abs=4 * np.std(found) / 20)


def test_ties_count_one_half():
    x = np.array([[0.0], [1.0], [2.0]])
    assert nearest_neighbor_test(np.repeat(x, 2, axis=0), np.repeat(x, 2, axis=0)) == (0.5, 0.5, 0.5)


def test_copies_are_seen_and_new_samples_are_not_blamed():
    rng = draws()
    training, held_out, new = (rng.normal(size=(600, 4)) for _ in range(3))
    copied = training[rng.integers(0, 600, 600)] + 0.01 * rng.normal(size=(600, 4))
    copies, fair, far = (memorization_test(training, held_out, each) for each in (copied, new, new * 3))
    assert copies.c_t < -8
    assert copies.copies > 0.95
    assert abs(fair.c_t) < 3
    assert fair.copies == pytest.approx(fair.held_out_copies, abs=0.08)
    assert far.c_t > 8
    assert far.copies < 0.1
    assert copies.held_out_copies == fair.held_out_copies


def test_the_statistic_is_standard_normal_within_one_cell():
    rng = draws()
    found = [
        memorization_test(*(rng.normal(size=(n, 2)) for n in (50, 40, 60)), cells=1, random_state=s).c_t
        for s in range(300)
    ]
    # All samples share the training set, which takes nothing from the comparison of the two.
    assert np.mean(found) == pytest.approx(0, abs=4 / 300**0.5)
    assert np.std(found) == pytest.approx(1, abs=0.15)


def test_bins_of_equal_shares_differ_by_chance_only_and_lost_modes_all():
    rng = draws()
    centers = rng.normal(size=(10, 3)) * 30
    x, g = (centers[rng.integers(0, 10, 3000)] + rng.normal(size=(3000, 3)) for _ in range(2))
    same = ndb(x, g, bins=10)
    assert same.share <= 0.3
    assert same.divergence == pytest.approx(9 * (2 / 3000) / 8, abs=2e-3)
    lost = ndb(x, centers[rng.integers(0, 5, 3000)] + rng.normal(size=(3000, 3)), bins=10)
    assert lost == (10, 1.0, pytest.approx((math.log(2 / 3) / 2 + math.log(2) / 2 + math.log(4 / 3)) / 2, abs=0.02))
    assert ndb(x, x, bins=10) == (0, 0, 0)
    assert ndb(x[:500], x[:500] + 1000, bins=5).divergence <= math.log(2)


def test_the_support_is_counted_by_coincidences():
    rng = draws()
    places = rng.normal(size=(500, 3)) * 10
    found = [birthday_support(places[rng.integers(0, 500, 400)], 1e-6) for _ in range(20)]
    assert np.mean(found) == pytest.approx(500, rel=0.1)
    assert birthday_support(places, 1e-6) == math.inf
    assert birthday_support(np.ones((10, 2)), 1e-6) == 1


X = np.ones((9, 2))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: two_sample_test(X, X, classifier=3), "classifier=3 must be a scikit-learn classifier"),
        (lambda: two_sample_test(X, X, test_share=1.0), r"test_share=1\.0 must lie in \(0, 1\)"),
        (lambda: two_sample_test(X, X, test_share=0.01), "leave two of 9 rows"),
        (lambda: two_sample_test(X[:3], X), "real must have at least 4 rows, got 3"),
        (lambda: nearest_neighbor_test(X, X * np.nan), "generated must be finite"),
        (lambda: memorization_test(X, X, X[:, :1]), "training and generated must have features of one width"),
        (lambda: memorization_test(X, X, X, cells=10), "cells=10 must be at most the 9 training rows"),
        (lambda: memorization_test(X, X, X, cells=0), "cells=0 must be an integer"),
        (lambda: ndb(X, X, bins=10), "bins=10 must be at most the 9 real rows"),
        (lambda: ndb(X, X, bins=2, significance=1), r"significance=1 in \(0, 1\)"),
        (lambda: birthday_support(X, 0), "threshold=0 must be a positive distance"),
        (lambda: birthday_support(torch.ones(1, 2), 1), "samples must have at least 2 rows"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
