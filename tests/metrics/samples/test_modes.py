"""Mode scores: counts by hand, closed forms, and the floor of a finite sample."""

import math
import time
from itertools import product

import numpy as np
import pytest
import torch

from gan_ext.metrics import kl_floor, label_scores, mode_scores, nearest_modes

CORNERS = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]]


def test_scores_by_hand() -> None:
    samples = [[0, 0], [0.2, 0], [10, 0.1], [5.1, 0], [0, 10.4]]  # the last two are 49 and 4 deviations away
    scores = mode_scores(CORNERS, 0.1, samples)
    assert scores.modes == 2
    assert scores.high_quality == pytest.approx(3 / 5)
    assert scores.reverse_kl == pytest.approx(math.log(4) + 2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert scores.n == 5
    assert scores.floor == kl_floor(3, 4)
    every = mode_scores(CORNERS, 0.1, samples, counted="all")
    assert every[:2] == scores[:2]
    expected = math.log(4) + 2 * 2 / 5 * math.log(2 / 5) + 1 / 5 * math.log(1 / 5)
    assert every.reverse_kl == pytest.approx(expected)
    assert every.floor == kl_floor(5, 4)


def test_the_border_is_no_longer_good() -> None:
    assert mode_scores([[0.0, 0.0]], 0.1, [[0.3, 0.0]], within=2.9999).high_quality == 0
    assert mode_scores([[0.0, 0.0]], 0.125, [[0.25, 0.0]], within=2.0).high_quality == 0  # as published: below
    assert mode_scores([[0.0, 0.0]], 0.125, [[0.25, 0.0]], within=2.0001).high_quality == 1


@pytest.mark.parametrize("within", [1.0, 2.0, 3.0])
def test_a_perfect_sampler_has_its_closed_form(within: float) -> None:
    rng = np.random.default_rng(0)
    n, std = 40_000, 0.05
    means = np.array([*product(range(-4, 5, 2), repeat=2)], float)
    samples = means[rng.integers(25, size=n)] + std * rng.normal(size=(n, 2))
    scores = mode_scores(means, std, samples, within)
    share = 1 - math.exp(-(within**2) / 2)
    assert scores.high_quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
    assert scores.modes == 25
    assert scores.reverse_kl < 3 * scores.floor


def test_a_collapse_and_an_even_spread_are_the_ends() -> None:
    for modes in range(1, 5):
        scores = mode_scores(CORNERS, 0.1, np.repeat(CORNERS[:modes], 7, 0))
        assert scores.modes == modes
        assert scores.reverse_kl == pytest.approx(math.log(4 / modes), abs=1e-12)


def test_no_good_sample_has_no_histogram() -> None:
    scores = mode_scores(CORNERS, 0.1, [[5.0, 5.0], [np.nan, 0.0], [np.inf, 0.0]])
    assert scores[:2] == (0, 0.0)
    assert math.isnan(scores.reverse_kl)
    assert math.isnan(scores.floor)


def test_deviations_of_their_own() -> None:
    means = [[0.0, 0.0], [4.0, 0.0]]
    nearest, distances = nearest_modes(means, [2.0, 0.5], [[2.5, 0.0]])  # 1.25 deviations against 3
    assert (nearest[0], distances[0]) == (0, 1.25)
    nearest, distances = nearest_modes(means, [[2.0, 1.0], [0.5, 100.0]], [[2.5, 3.0]])
    assert nearest[0] == 1
    assert distances[0] == pytest.approx(math.hypot(3, 0.03))


def test_tensors_and_arrays_agree() -> None:
    samples = torch.randn(500, 2)
    means = torch.tensor(CORNERS[:3]) / 5
    assert mode_scores(means, 0.3, samples) == mode_scores(means.numpy(), np.float32(0.3), samples.numpy())
    labels = torch.randint(7, (50,))
    assert label_scores(labels, 7) == label_scores(labels.numpy(), 7)


# --- labels -----------------------------------------------------------------------------------------------------------


def test_label_scores_by_hand() -> None:
    scores = label_scores([0, 0, 3, 1], 8)
    assert scores.modes == 3
    assert scores.kl == pytest.approx(math.log(8) + 0.5 * math.log(0.5) + 0.5 * math.log(0.25))
    assert scores.n == 4
    assert label_scores(np.arange(1000), 1000).kl == pytest.approx(0, abs=1e-12)
    assert label_scores(np.zeros(5, int), 1000).kl == pytest.approx(math.log(1000))


@pytest.mark.parametrize(("n", "classes"), [(1, 5), (3, 2), (4, 3), (6, 2)])
def test_the_floor_is_the_mean_over_all_outcomes(n: int, classes: int) -> None:
    mean = np.mean([label_scores(np.array(labels), classes).kl for labels in product(range(classes), repeat=n)])
    assert kl_floor(n, classes) == pytest.approx(mean, abs=1e-12)


def test_the_floor_of_stacked_mnist() -> None:
    rng = np.random.default_rng(0)
    drawn = [label_scores(rng.integers(1000, size=26_000), 1000) for _ in range(200)]
    kl = np.array([scores.kl for scores in drawn])
    floor = kl_floor(26_000, 1000)
    assert floor == pytest.approx(0.01934, abs=5e-6)
    assert kl.mean() == pytest.approx(floor, abs=4 * kl.std() / math.sqrt(200))
    assert kl.std() == pytest.approx(math.sqrt(2 * 999) / 52_000, rel=0.2)
    assert kl_floor(50_000, 1000) == pytest.approx(0.0100, abs=5e-5)
    assert kl_floor(26_000, 1000) == pytest.approx(999 / 52_000, rel=0.02)  # the rule of thumb
    assert all(scores.modes == 1000 for scores in drawn)


def test_the_floor_has_its_ends() -> None:
    assert kl_floor(1, 1000) == pytest.approx(math.log(1000))
    assert kl_floor(5, 1) == 0
    assert kl_floor(26_000, 10_000) == pytest.approx(9999 / 52_000, rel=0.2)
    floors = [kl_floor(n, 25) for n in (1, 10, 100, 1000, 10_000)]
    assert floors == sorted(floors, reverse=True)


def test_labels_are_scored_in_microseconds() -> None:
    labels = np.random.default_rng(0).integers(1000, size=26_000)
    label_scores(labels, 1000)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        label_scores(labels, 1000)
        times.append(time.perf_counter() - start)
    assert min(times) < 5e-3


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CORNERS, 0.1, [[0.0]]), r"samples must be \[n, d\]"),
        ((CORNERS, 0.1, [0.0, 1.0]), r"samples must be \[n, d\]"),
        ((CORNERS, 0.1, np.zeros((0, 2))), "at least one each"),
        ((CORNERS, 0.0, CORNERS), "std must be positive"),
        ((CORNERS, [0.1, 0.2], CORNERS), "std must be positive"),
        ((CORNERS, 0.1, CORNERS, 0.0), "within=0.0 must be positive"),
        ((CORNERS, 0.1, CORNERS, 3.0, "some"), "counted='some'"),
    ],
)
def test_mode_errors_are_sentences(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mode_scores(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 3), "labels must be integers"),
        (([0.5], 3), "labels must be integers"),
        (([0, 3], 3), r"labels must be in 0\.\.2, got 0 to 3"),
        (([-1, 2], 3), "got -1 to 2"),
    ],
)
def test_label_errors_are_sentences(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_scores(*arguments)


def test_a_floor_needs_samples() -> None:
    with pytest.raises(ValueError, match="kl_floor needs n >= 1"):
        kl_floor(0, 3)
