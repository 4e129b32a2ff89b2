"""Student's intervals: the textbook case, coverage, pairs."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from gan_ext.metrics import paired_difference, student_interval


def test_the_interval_is_that_of_the_t_test():
    scores = np.random.default_rng(0).normal(3, 2, 7)
    wanted = ttest_1samp(scores, 0).confidence_interval(0.9)
    assert student_interval(scores, 0.9) == pytest.approx((scores.mean(), wanted.low, wanted.high))


def test_two_scores_by_hand():
    # t at 97.5 % with one degree of freedom is tan(0.475 pi) = 12.706; the error of the mean of 1 and 3 is 1.
    assert student_interval([1.0, 3.0]) == pytest.approx((2, 2 - 12.7062, 2 + 12.7062), rel=1e-5)


def test_it_covers_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(2000, 5))
    covered = [low <= 0 <= high for _, low, high in map(student_interval, draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_what_both_share_cancels_in_pairs():
    shared, noise = np.random.default_rng(2).normal(0, 10, (2, 8))
    a, b = shared + noise / 100 + 1, shared
    assert (
        paired_difference(a, b).low > 0 > student_interval(a).mean - student_interval(a).high + student_interval(b).low
    )
    wanted = ttest_rel(a, b).confidence_interval()
    assert paired_difference(a, b)[1:] == pytest.approx((wanted.low, wanted.high))


def test_one_score_has_no_interval():
    mean, low, high = student_interval([0.5])
    assert mean == 0.5
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: student_interval([]), "scores must be finite"),
        (lambda: student_interval([1.0, np.nan]), "scores must be finite"),
        (lambda: student_interval([1.0], 1.0), "confidence=1.0 must lie between 0 and 1"),
        (lambda: paired_difference([1.0], [1.0, 2.0]), "first has 1 scores and second 2"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
