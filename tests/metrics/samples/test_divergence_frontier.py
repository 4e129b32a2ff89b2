"""Frechet distance and divergence frontier: closed forms, invariances, limits; and the encoder's blindness."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.special import beta

from gan_ext.metrics import BagOfNgrams, divergence_area, divergence_frontier, frechet_distance

DRAWS = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Start every test from the same draws, whichever ran before."""
    DRAWS.bit_generator.state = np.random.default_rng(0).bit_generator.state


def whitened(n: int, width: int) -> np.ndarray:
    """Return features whose mean is exactly 0 and whose covariance is exactly the unit matrix."""
    x = DRAWS.normal(size=(n, width))
    x = x - x.mean(0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


def test_frechet_of_diagonal_covariances() -> None:
    base, a, b = whitened(50, 3), np.array([1.0, 2.0, 0.0]), np.array([3.0, 0.5, 1.0])
    shift = np.array([0.0, 1.0, 2.0])
    expected = np.square(a - b).sum() + 5
    assert frechet_distance(base * a, whitened(80, 3) * b + shift) == pytest.approx(expected, rel=1e-7)


def test_frechet_of_one_feature_and_of_tensors() -> None:
    base = whitened(30, 2)[:, :1]
    assert frechet_distance(base * 2, base * 5 + 1) == pytest.approx(10, rel=1e-9)
    assert frechet_distance(torch.tensor(base * 2), torch.tensor(base * 5 + 1)) == pytest.approx(10, rel=1e-9)


def test_frechet_equals_the_general_matrix_root_and_does_not_change_by_rotation() -> None:
    a, b = DRAWS.normal(size=(60, 5)) @ DRAWS.normal(size=(5, 5)), DRAWS.normal(size=(70, 5))
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    rotation = np.linalg.qr(DRAWS.normal(size=(5, 5)))[0]
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a @ rotation, b @ rotation) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_the_same_features_is_zero_even_without_full_rank() -> None:
    few = DRAWS.normal(size=(4, 9))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, few[::-1] + 1) == pytest.approx(9, rel=1e-6)


def test_frontier_of_equal_histograms_passes_through_one_one() -> None:
    curve = divergence_frontier([1, 2, 3], [2, 4, 6])
    assert curve[1:-1] == pytest.approx(np.ones((25, 2)))
    assert curve[[0, -1]].tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("scaling", [1.0, 5.0])
def test_frontier_of_disjoint_histograms_is_a_known_curve(scaling: float) -> None:
    # KL(q | r) = -log(1 - lambda), KL(p | r) = -log(lambda): x = (1 - lambda)^c, y = lambda^c, area c B(c + 1, c).
    curve = divergence_frontier([1, 0], [0, 1], scaling, points=4001)
    inner = curve[1:-1] ** (1 / scaling)
    assert inner.sum(1) == pytest.approx(np.ones(4001))
    x, y = curve.T
    assert np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) == pytest.approx(scaling * beta(scaling + 1, scaling), rel=1e-5)


def test_frontier_mirrors_when_the_sets_swap_and_tells_quality_from_coverage() -> None:
    p, q = np.array([4, 3, 2, 1]), np.array([5, 5, 0, 0])
    curve = divergence_frontier(p, q)
    assert np.all(np.diff(curve[:, 0]) >= 0)
    assert np.all(np.diff(curve[:, 1]) <= 0)
    assert divergence_frontier(q, p)[::-1, ::-1] == pytest.approx(curve)
    # q dropped modes and made nothing new: near perfect quality is reached, near perfect coverage is not.
    assert curve[np.argmax(curve[:, 1] < 0.9), 0] < 0.3
    assert curve[-2, 0] > 0.7


def test_area_is_one_for_the_same_rows_small_for_far_ones_and_between_for_a_mixture() -> None:
    a, far = DRAWS.normal(size=(60, 4)) + 9 * np.eye(4)[0], DRAWS.normal(size=(60, 4)) + 9 * np.eye(4)[1]
    assert divergence_area(a, a) == pytest.approx(1)
    assert divergence_area(a, far) < 0.01
    half = np.concatenate([a[:30], far[:30]])
    assert 0.05 < divergence_area(a, half) < 0.95
    assert divergence_area(a, half, random_state=3) == divergence_area(
        torch.tensor(a), torch.tensor(half), random_state=3
    )


def test_area_of_constant_features_is_one() -> None:
    assert divergence_area(np.ones((20, 3)), np.ones((30, 3))) == pytest.approx(1)
    assert divergence_area(np.zeros((20, 3)), np.zeros((30, 3)), variance=1) == pytest.approx(1)


F23 = np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: frechet_distance(F23, np.ones((2, 4))), "features of one width, got 3 and 4"),
        (lambda: frechet_distance(np.ones(3), F23), r"real must be features \[n, F\], got shape \(3,\)"),
        (lambda: frechet_distance(F23[:1], F23), "real must have at least 2 rows, got 1"),
        (lambda: frechet_distance(F23 * np.nan, F23), "some are NaN"),
        (lambda: divergence_area(F23, F23, clusters=1), "clusters=1 must lie between 2 and .* 4"),
        (lambda: divergence_area(F23, F23, clusters=5), "clusters=5 must lie"),
        (lambda: divergence_area(F23, F23, variance=0), r"variance=0 must be in \(0, 1\]"),
        (lambda: divergence_frontier([1, 2], [1]), "histograms of the same bins"),
        (lambda: divergence_frontier([1, -1], [1, 1]), "histograms of the same bins"),
        (lambda: divergence_frontier([0, 0], [1, 1]), "none empty"),
        (lambda: divergence_frontier([1, 0], [1, 1], scaling=0), "scaling=0 must be positive"),
        (lambda: divergence_frontier([1, 0], [1, 1], points=1), "points=1 at least 2"),
        (lambda: BagOfNgrams(orders=(0,)), r"orders=\(0,\) must name"),
        (lambda: BagOfNgrams(components=0), "components=0 must be at least 1"),
        (lambda: BagOfNgrams(buckets=8, components=8), "components=8 must be at least 1 and below buckets=8"),
        (lambda: BagOfNgrams()([["a"]]), r"not fitted: call fit"),
        (lambda: BagOfNgrams().fit([["a"]]), "sequences holds 1 sequences; at least 2"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def phrases(n: int) -> list[list[str]]:
    """Return sentences of a small grammar."""
    parts = [["a", "the"], ["red", "old", "big"], ["dog", "man", "car"], ["sees", "likes"], ["me", "you", "him"]]
    return [[str(DRAWS.choice(part)) for part in parts] for _ in range(n)]


def test_single_words_do_not_see_their_order_and_pairs_do() -> None:
    text = phrases(60)
    words, pairs = (BagOfNgrams(orders, 1 << 12, 10).fit(text) for orders in ((1,), (1, 2)))
    backwards = [sentence[::-1] for sentence in text]
    assert words(backwards) == pytest.approx(words(text), abs=1e-12)
    assert np.abs(pairs(backwards) - pairs(text)).max() > 0.1


def test_features_are_projections_of_unit_vectors_and_depend_on_the_seed_only() -> None:
    text = phrases(60)
    encoder = BagOfNgrams(buckets=1 << 12, components=59, random_state=1).fit(text)
    assert np.linalg.norm(encoder(text), axis=1).max() <= 1 + 1e-9
    assert encoder(text).shape == (60, 59)
    assert BagOfNgrams(buckets=1 << 12, components=200, random_state=1).fit(text)(text) == pytest.approx(encoder(text))
    assert encoder([["never", "seen"], []]) == pytest.approx(np.zeros((2, 59)), abs=1e-9)


def test_numbers_and_strings_are_the_same_tokens() -> None:
    text = [[1, 2, 3], [2, 3], [1, 1]]
    encoder = BagOfNgrams(buckets=64, components=2).fit(text)
    assert encoder([[str(token) for token in line] for line in text]) == pytest.approx(encoder(text))


def test_distances_of_the_encoder_order_texts_by_damage() -> None:
    encoder, real = BagOfNgrams(buckets=1 << 12, components=20).fit(phrases(200)), phrases(200)
    held_out, repeated = phrases(200), phrases(5) * 40
    shuffled = [list(DRAWS.permutation(line)) for line in phrases(200)]
    distances = [frechet_distance(encoder(real), encoder(text)) for text in (held_out, shuffled, repeated)]
    areas = [divergence_area(encoder(real), encoder(text)) for text in (held_out, shuffled, repeated)]
    assert distances[0] < 0.5 * min(distances[1:])
    assert areas[0] > max(areas[1:])
