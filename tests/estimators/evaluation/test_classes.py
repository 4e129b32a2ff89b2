"""Is a sample of the class that was asked for?  Real samples stand in for perfect and for wrong generators."""

import numpy as np
import pytest

from gan_ext import ConditionalGAN, evaluate
from gan_ext.estimators.evaluation.classes import class_rows

rng = np.random.default_rng(0)
Y = np.repeat([0, 1, 2], 60)
X = rng.normal(size=(180, 4)) + 3 * np.eye(3, 4)[Y]
ORDER = rng.permutation(180)
REAL, OTHER = ((X[part], Y[part]) for part in (ORDER[:90], ORDER[90:]))


def drawn(classes, seed):
    draws = np.random.default_rng(seed)
    return draws.normal(size=(len(classes), 4)) + 3 * np.eye(3, 4)[classes]


def test_a_perfect_generator_is_at_the_ceiling_of_both():
    for row in class_rows(drawn, lambda x: x, REAL, OTHER, 0):
        assert row.value == pytest.approx(row.floor, abs=0.08)
        assert row.value > 0.9
        assert row.low <= row.value <= row.high


def test_a_generator_that_does_not_listen_is_at_chance():
    rows = class_rows(lambda y, seed: drawn(np.random.default_rng(1).permutation(y), seed), lambda x: x, REAL, OTHER, 0)
    test, train = (row.value for row in rows)
    assert test == pytest.approx(1 / 3, abs=0.15)
    assert train < 0.7


def test_one_kind_of_good_sample_passes_the_test_and_trains_badly():
    """The first number tells the class; the generator's second one does too, and real ones' does not."""
    y = rng.permutation(np.repeat([0, 1], 100))
    x = np.stack([2.0 * y, np.zeros(200)], 1) + rng.normal(size=(200, 2)) * [0.3, 5.0]

    def one_kind(classes, seed):
        spread = 0.3 * np.random.default_rng(seed).normal(size=(len(classes), 2))
        return np.stack([2.0 * classes, 10.0 * classes - 5], 1) + spread

    test, train = class_rows(one_kind, lambda x: x, (x[:100], y[:100]), (x[100:], y[100:]), 0)
    assert test.value > 0.95
    assert train.value < train.floor - 0.1


def test_a_conditional_gan_has_both_rows_and_others_have_none():
    model = ConditionalGAN(max_iter=3, batch_size=16, hidden_layer_sizes=(8,), random_state=0).fit(X, Y)
    names = [row.metric for row in evaluate(model, X, Y, resamples=0).rows]
    assert names[-2:] == ["gan-test", "gan-train"]
    assert not {"gan-test", "gan-train"} & {row.metric for row in evaluate(model, X, resamples=0).rows}
