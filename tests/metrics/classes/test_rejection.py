"""Scores of rejection: known ends, closed forms, ties."""

import numpy as np
import pytest
from scipy.stats import norm

from gan_ext.metrics import auroc, false_positive_rate, risk_coverage, threshold_at_risk


def test_auroc_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(0, 1, 20_000), rng.normal(1, 1, 20_000)
    assert auroc(inside, outside) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)
    assert auroc(outside, inside) == pytest.approx(1 - auroc(inside, outside))
    assert auroc([0, 1], [2, 3]) == 1
    assert auroc([1, 1], [1]) == 0.5


def test_false_positive_rate_of_two_normal_distributions():
    rng = np.random.default_rng(1)
    rate = false_positive_rate(rng.normal(0, 1, 50_000), rng.normal(2, 1, 50_000))
    assert rate == pytest.approx(norm.cdf(norm.ppf(0.95) - 2), abs=0.015)
    assert false_positive_rate([0, 1, 2], [3, 4]) == 0
    assert false_positive_rate([0, 1, 2], [2, 3], 1.0) == 0.5


def test_risk_and_coverage_by_hand():
    curve = risk_coverage([0.9, 0.8, 0.8, 0.1], [True, False, True, False])
    np.testing.assert_allclose(curve.coverage, [0.25, 0.75, 1])  # equal confidences go together
    np.testing.assert_allclose(curve.risk, [0, 1 / 3, 0.5])
    assert curve.threshold.tolist() == [0.9, 0.8, 0.1]
    assert curve.area == pytest.approx(0 * 0.25 + 0.5 / 3 + 0.5 * 0.25)


def test_a_useless_confidence_has_the_error_as_its_area_and_a_perfect_one_less():
    correct = np.random.default_rng(2).random(5000) > 0.2
    error = 1 - correct.mean()
    assert risk_coverage(np.zeros(5000), correct).area == pytest.approx(error)
    best = risk_coverage(correct.astype(float) + np.arange(5000) / 1e4, correct).area
    assert best == pytest.approx(error + (1 - error) * np.log(1 - error), abs=1e-3)


def test_the_threshold_keeps_the_risk_and_answers_as_many_as_it_can():
    rng = np.random.default_rng(3)
    confidence = rng.random(1000)
    correct = rng.random(1000) < confidence
    threshold = threshold_at_risk(confidence, correct, 0.1)
    answered = confidence >= threshold
    assert (~correct[answered]).mean() <= 0.1
    curve = risk_coverage(confidence, correct)
    assert (curve.risk[curve.coverage > answered.mean()] > 0.1).all()
    assert threshold_at_risk([0.9], [False], 0.5) == np.inf
    assert threshold_at_risk(confidence, correct, 1.0) == confidence.min()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: auroc([], [1.0]), "in_scores must be finite"),
        (lambda: auroc([1.0], [np.nan]), "out_scores must be finite"),
        (lambda: false_positive_rate([1.0], [1.0], 0), "true_positive_rate=0 must lie in"),
        (lambda: risk_coverage([1.0], [True, False]), "correct has shape"),
        (lambda: threshold_at_risk([1.0], [True], 2), "risk=2 must lie in"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
