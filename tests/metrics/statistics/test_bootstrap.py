"""Bootstrap intervals: normal theory, coverage, ratios, limits."""

import numpy as np
import pytest

from gan_ext.metrics import bootstrap_interval

DRAWS = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Start every test from the same draws, whichever ran before."""
    DRAWS.bit_generator.state = np.random.default_rng(0).bit_generator.state


def test_interval_of_many_scores_is_the_normal_one() -> None:
    scores = DRAWS.exponential(size=2000)
    mean, low, high = bootstrap_interval(scores, resamples=4000)
    error = scores.std() / np.sqrt(2000)
    assert mean == pytest.approx(scores.mean())
    assert (mean - low) / error == pytest.approx(1.96, rel=0.1)
    assert (high - mean) / error == pytest.approx(1.96, rel=0.1)
    narrow = bootstrap_interval(scores, confidence=0.5, resamples=4000)
    assert (narrow.high - narrow.low) / (high - low) == pytest.approx(0.6745 / 1.96, rel=0.1)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    found = [
        bootstrap_interval(DRAWS.normal(3, 1, 60), confidence=0.9, resamples=200, random_state=s) for s in range(300)
    ]
    held = np.mean([low <= 3 <= high for _, low, high in found])
    assert 0.83 < held < 0.95  # 0.9 within four standard errors, of a method that is a little narrow


def test_constant_scores_have_no_width_and_the_seed_decides() -> None:
    assert bootstrap_interval([2.0] * 9) == (2, 2, 2)
    assert bootstrap_interval([4.0]) == (4, 4, 4)
    scores = DRAWS.normal(size=40)
    assert bootstrap_interval(scores, random_state=1) == bootstrap_interval(scores, random_state=1)
    assert bootstrap_interval(scores, random_state=1) != bootstrap_interval(scores, random_state=2)


def test_weights_give_the_interval_of_a_ratio() -> None:
    lengths = DRAWS.integers(1, 20, 3000)
    nats = 2.0 * lengths + DRAWS.normal(size=3000)
    mean, low, high = bootstrap_interval(nats / lengths, lengths, resamples=2000)
    assert mean == pytest.approx(nats.sum() / lengths.sum())
    error = (nats - mean * lengths).std() / lengths.mean() / np.sqrt(3000)  # delta method
    assert (high - low) / 2 / error == pytest.approx(1.96, rel=0.1)
    assert bootstrap_interval(nats, np.full(3000, 7.0)) == pytest.approx(bootstrap_interval(nats), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([],), r"scores must be finite numbers \[n\], at least 1"),
        (([[1.0]],), r"got an array of shape \(1, 1\)"),
        (([1.0, np.nan],), "scores must be finite"),
        (([1.0, 2.0], [1.0]), "weights must be 2 positive numbers"),
        (([1.0, 2.0], [1.0, 0.0]), "weights must be 2 positive numbers"),
        (([1.0], None, 1.0), "confidence=1.0 must lie between 0 and 1"),
        (([1.0], None, 0.9, 0), "resamples=0 must be at least 1"),
    ],
)
def test_errors_are_sentences(arguments: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bootstrap_interval(*arguments)
