"""Scores of samples of wanted classes, on sets of which they are known."""

from collections.abc import Callable

import numpy as np
import pytest

from gan_ext.metrics import class_conditional_scores, frechet_distance

RNG = np.random.default_rng(0)
CENTERS = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
Y = np.arange(300) % 3
REAL, OTHER = (CENTERS[Y] + RNG.standard_normal((300, 2)) for _ in range(2))


def test_real_samples_score_what_is_within_reach() -> None:
    scores = class_conditional_scores(REAL, Y, OTHER, Y, Y)
    assert scores.hit_rate == 1
    assert scores.coverage > 0.9
    assert scores.density == pytest.approx(1, abs=0.15)
    assert scores.diversity == pytest.approx(1, abs=0.1)
    assert scores.frechet == pytest.approx(frechet_distance(REAL, OTHER))


def test_a_collapse_within_classes_is_seen_by_coverage_and_diversity_alone() -> None:
    one_each = CENTERS[Y] + 0.01 * RNG.standard_normal((300, 2))
    scores = class_conditional_scores(REAL, Y, one_each, Y, Y)
    assert scores.hit_rate == 1
    assert scores.coverage < 0.2
    assert scores.diversity == pytest.approx(0.01, abs=0.002)


def test_samples_of_the_wrong_class_cover_nothing_though_all_together_they_do() -> None:
    scores = class_conditional_scores(REAL, Y, OTHER, (Y + 1) % 3, Y)
    assert scores.hit_rate == 0
    assert scores.coverage == 0
    assert scores.diversity == pytest.approx(1, abs=0.1)
    assert scores.kernel_distance > 100 * abs(class_conditional_scores(REAL, Y, OTHER, Y, Y).kernel_distance)
    assert scores.frechet == pytest.approx(frechet_distance(REAL, OTHER))


def test_the_hit_rate_is_a_share() -> None:
    predicted = np.where(np.arange(300) < 75, Y, (Y + 1) % 3)
    assert class_conditional_scores(REAL, Y, OTHER, Y, predicted).hit_rate == 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: class_conditional_scores(REAL, Y, OTHER, Y, Y[:3]), "predicted_y has shape"),
        (lambda: class_conditional_scores(REAL, Y[:9], OTHER, Y, Y), "Every sample needs a class"),
        (lambda: class_conditional_scores(REAL, Y, OTHER, np.zeros(300, int), Y), "no sample of class 1"),
        (lambda: class_conditional_scores(REAL, Y, OTHER[:4], Y[:4], Y[:4]), "fewer than two samples"),
        (lambda: class_conditional_scores(CENTERS[Y], Y, OTHER, Y, Y), "all alike"),
        (lambda: class_conditional_scores(REAL, Y, OTHER[:, :1], Y, Y), "one width"),
    ],
)
def test_what_makes_no_sense_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
