"""Calibration error: by hand, of calibrated predictions, of boasters; what is refused."""

import numpy as np
import pytest

from gan_ext.metrics import expected_calibration_error, reliability


def _two(confidence):
    return np.stack([confidence, 1 - confidence], axis=1)


def test_a_case_by_hand():
    # Two samples at 0.9 (one right), two at 0.6 (both right): (|0.5 - 0.9| + |1 - 0.6|) / 2.
    p = _two(np.array([0.9, 0.9, 0.6, 0.6]))
    assert expected_calibration_error([0, 1, 0, 0], p) == pytest.approx(0.4)
    curve = reliability([0, 1, 0, 0], p)
    np.testing.assert_allclose(curve, [[0.6, 0.9], [1, 0.5], [2, 2]])


@pytest.mark.parametrize("equal_mass", [False, True])
def test_calibrated_predictions_have_almost_none_and_boasters_their_excess(equal_mass):
    rng = np.random.default_rng(0)
    true = rng.uniform(0.5, 0.9, 100_000)
    y = (rng.random(100_000) > true).astype(int)
    assert expected_calibration_error(y, _two(true), equal_mass=equal_mass) < 0.01
    boasted = expected_calibration_error(y, _two(true + 0.08), equal_mass=equal_mass)
    assert boasted == pytest.approx(0.08, abs=0.01)


def test_bins_have_equal_width_or_equal_mass():
    confidence = np.concatenate([np.full(90, 0.97), np.linspace(0.5, 0.6, 10)])
    y = np.zeros(100, int)
    assert reliability(y, _two(confidence), 10, equal_mass=True).samples.tolist() == [10] * 10
    assert reliability(y, _two(confidence), 10).samples.tolist() == [1, 9, 90]


def test_one_bin_is_the_gap_of_the_means():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), 50)
    y = rng.integers(0, 4, 50)
    gap = abs(p.max(1).mean() - (p.argmax(1) == y).mean())
    assert expected_calibration_error(y, p, 1) == pytest.approx(gap)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0], [0.5, 0.5]), "must be \\[n, K\\] and y \\[n\\]"),
        (([0], [[0.5, 0.6]]), "sum to one"),
        (([2], [[0.5, 0.5]]), "column numbers 0 to 1"),
        ((["a"], [[0.5, 0.5]]), "column numbers 0 to 1"),
        (([0], [[0.5, 0.5]], 0), "bins=0 must be at least 1"),
    ],
)
def test_errors_are_sentences(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        expected_calibration_error(*arguments)
