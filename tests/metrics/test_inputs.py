"""What every public metric makes of its arrays: kinds of numbers, orders in memory, NaN, shifts, scales, equal sets.

A function of :mod:`gan_ext.metrics` that is in none of the tables below fails the first test.
"""

import inspect
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import gan_ext.metrics as library
from gan_ext.metrics import (
    auroc,
    autocorrelation_time,
    birthday_support,
    bootstrap_interval,
    change_share,
    class_conditional_scores,
    class_density_coverage,
    cluster_scores,
    cluster_table,
    contingency,
    cross_talk,
    dci,
    density_coverage,
    disentanglement_completeness,
    divergence_area,
    divergence_frontier,
    effective_samples,
    error_rate,
    expected_calibration_error,
    explicitness,
    false_positive_rate,
    frechet_distance,
    frechet_infinity,
    frechet_of_moments,
    gaussian_kernel,
    generated_training_accuracy,
    hit_rate,
    hungarian_accuracy,
    inception_score,
    information_bound,
    irs,
    kernel_distance,
    level_probabilities,
    manifold_scores,
    matching,
    mean_distance,
    memorization_test,
    mig,
    mmd,
    mode_score,
    mode_scores,
    mode_switch_rate,
    modularity,
    modularity_of_information,
    monotonicity,
    mutual_information,
    ndb,
    nearest_modes,
    nearest_neighbor_test,
    paired_difference,
    parzen_bandwidth,
    parzen_log_density,
    precision_recall,
    purity,
    rank_correlation,
    reading_change,
    reliability,
    risk_coverage,
    sap,
    sequences,
    sliced_wasserstein,
    stroke_moments,
    student_interval,
    threshold_at_risk,
    two_sample_test,
)

DRAWS = np.random.default_rng(0)
# Sixteenths are numbers that a shift by 1e8 leaves as they are.
A, B = (np.round(DRAWS.normal(size=(48, 3)) * 16) / 16 + shift for shift in (0, 0.5))
Y = np.arange(48) % 2
LINE = np.arange(24.0)


class Nearest:
    """A classifier that needs no fit worth the name."""

    def fit(self, X, y):
        self.x, self.y = np.asarray(X, float), np.asarray(y)
        return self

    def get_params(self, deep=True):
        return {}

    def predict(self, X):
        return self.y[np.linalg.norm(np.asarray(X, float)[:, None] - self.x, axis=2).argmin(1)]


class Pair(NamedTuple):
    """A metric of two sets: what it is called with, the power of its unit, whether a shift matters, A against A."""

    of: object
    power: float | None = 0
    shifts: bool = False
    equal: object = None


def by_class(a, b):
    return class_density_coverage(a, Y, b, Y, 3)


def classified(a, b):
    return class_conditional_scores(a, Y, b, Y, Y)[:4]


# The third argument says that a shift of both sets changes the value, as of an inner product or an angle.
PAIRS = {
    "frechet_distance": Pair(frechet_distance, 2, equal=0),
    "frechet_infinity": Pair(lambda a, b: frechet_infinity(a, b, [24, 48]).value, 2),
    "sliced_wasserstein": Pair(lambda a, b: sliced_wasserstein(a, b, 16), 1, equal=0),
    "mmd": Pair(mmd, None, shifts=True),
    "mmd, Gaussian": Pair(lambda a, b: mmd(a, b, gaussian_kernel(1.0)), None),
    "kernel_distance": Pair(lambda a, b: kernel_distance(a, b).mean, None, shifts=True),
    "manifold_scores": Pair(manifold_scores, equal=(1, 1, 1, 1)),
    "precision_recall": Pair(precision_recall, equal=(1, 1)),
    "density_coverage": Pair(density_coverage, equal=(1, 1)),
    "class_density_coverage": Pair(by_class, equal={0: (1, 1), 1: (1, 1)}),
    "class_conditional_scores": Pair(classified, None, equal=(1, 1, 1, 1)),
    "nearest_neighbor_test": Pair(nearest_neighbor_test),
    "two_sample_test": Pair(lambda a, b: two_sample_test(a, b, random_state=1)),
    "ndb": Pair(lambda a, b: ndb(a, b, 6), equal=(0, 0, 0)),
    "divergence_area": Pair(divergence_area, shifts=True, equal=1),
    "memorization_test": Pair(lambda a, b: memorization_test(a, b[:20], b[20:], cells=1)),
    "birthday_support": Pair(lambda a, b: birthday_support(np.concatenate([a, b]), 1.5 * np.ptp(b)), None, shifts=True),
    "parzen_log_density": Pair(lambda a, b: parzen_log_density(a, b, 0.5).numpy(), None),
    "parzen_bandwidth": Pair(parzen_bandwidth, 1),
    "mode_scores": Pair(lambda a, b: mode_scores(a, 0.5, b), None),
    "nearest_modes": Pair(lambda a, b: nearest_modes(a, 0.5, b)[1], 1),
    "mean_distance": Pair(mean_distance, 1, equal=0),
    "hit_rate": Pair(lambda a, b: hit_rate(Nearest().fit(a, Y), b, Y)),
}
# Arguments that must be finite, one by one; the name is what the error must say.
COMPARED = (
    *(frechet_distance, frechet_infinity, sliced_wasserstein, mmd, kernel_distance, manifold_scores, precision_recall),
    *(density_coverage, nearest_neighbor_test, two_sample_test, divergence_area, by_class, classified),
    lambda a, b: ndb(a, b, 3),
)


def swapped(metric):
    return lambda x, other: metric(other, x)


def with_factors(metric):
    return lambda x, _: metric(x, np.c_[Y, np.arange(48) % 3])


def of_column(metric, *more):
    return lambda x, _: metric(x[:, 0], *more)


FINITE = {
    "real": COMPARED,
    "generated": list(map(swapped, COMPARED)),
    "training": [lambda x, other: memorization_test(x, other, other)],
    "held_out": [lambda x, other: memorization_test(other, x, other), swapped(parzen_bandwidth)],
    "samples": [
        lambda x, _: birthday_support(x, 1.0),
        lambda x, other: parzen_log_density(x, other, 1.0),
        lambda x, other: hit_rate(Nearest().fit(other, Y), x, Y),
        lambda x, other: generated_training_accuracy(Nearest(), other, Y, x, Y),
    ],
    "X": [lambda x, other: generated_training_accuracy(Nearest(), x, Y, other, Y)],
    "at": [lambda x, other: parzen_log_density(other, x, 1.0)],
    "means": [
        lambda x, other: mode_scores(x, 1.0, other),
        lambda x, other: nearest_modes(x, 1.0, other),
        of_column(level_probabilities, 1.0, [0.0]),
    ],
    "std": [lambda x, other: nearest_modes(other, np.abs(x), other)],
    "mean_a": [lambda x, other: frechet_of_moments(x[0], np.eye(3), other[0], np.eye(3))],
    "cov_b": [lambda x, other: frechet_of_moments(other[0], np.eye(3), other[0], x[:3])],
    "probabilities": [
        lambda x, _: inception_score(x, 1),
        lambda x, _: reliability(Y, x),
        lambda x, _: expected_calibration_error(Y, x),
    ],
    "real_probabilities": [lambda x, _: mode_score(x, np.full((9, 3), 1 / 3))],
    "generated_probabilities": [lambda x, _: mode_score(np.full((9, 3), 1 / 3), x)],
    "in_scores": [of_column(auroc, [1.0]), of_column(false_positive_rate, [1.0])],
    "out_scores": [lambda x, _: auroc([1.0], x[:, 0]), lambda x, _: false_positive_rate([1.0], x[:, 0])],
    "confidence": [of_column(risk_coverage, Y), of_column(threshold_at_risk, Y, 0.1)],
    "correct": [lambda x, other: risk_coverage(other[:, 0], x[:, 0])],
    "x": [lambda x, _: error_rate(lambda each: each, torch.tensor(x), torch.tensor(Y))],
    "logits": [lambda x, other: error_rate(lambda _: torch.tensor(x), torch.tensor(other), torch.tensor(Y))],
    "labels_true": [
        *(of_column(each, Y) for each in (contingency, matching, hungarian_accuracy, purity, cluster_scores)),
        of_column(cluster_table, Y, 2),
    ],
    "codes": list(map(with_factors, (dci, mig, modularity, mutual_information, sap, explicitness, irs))),
    "importances": [lambda x, _: disentanglement_completeness(np.abs(x))],
    "information": [lambda x, _: modularity_of_information(np.abs(x))],
    "log_probabilities": [lambda x, _: information_bound(Y, x, [0.5, 0.3, 0.2])],
    "first": [mean_distance, reading_change, of_column(rank_correlation, Y), of_column(paired_difference, Y)],
    "second": [
        swapped(mean_distance),
        swapped(reading_change),
        lambda x, _: cross_talk([LINE[:2]], [[x[:2, 0]]], [1.0]),
    ],
    "readings": [lambda x, _: monotonicity(x)],
    "by_noise": [lambda x, _: change_share(1.0, x.flat[0])],
    "images": [lambda x, _: stroke_moments(x)],
    "trace": [lambda x, _: autocorrelation_time(x), lambda x, _: effective_samples(x)],
    "labels": [lambda x, _: mode_switch_rate(x)],
    "scores": [of_column(bootstrap_interval), of_column(student_interval)],
    "real ": [lambda x, _: divergence_frontier(np.abs(x[:, 0]), LINE.repeat(2) + 1)],
}
# What has no array of numbers to check, or leaves that to others; metrics of sequences have texts, models, frontiers.
ELSEWHERE = {
    "models": "annealed_partition decoder_log_likelihood exact_partition model_centrality",
    "functions of encoders, whose codes are checked": "beta_vae_score factor_scores factor_vae_score factor_vae_scores",
    "functions of metrics": "bootstrap_metric bootstrap_metrics gaussian_kernel polynomial_kernel",
    "integers": "kl_floor label_scores",
}
OTHERS = {*sequences.__all__, *(name for names in ELSEWHERE.values() for name in names.split())}


def test_every_public_metric_is_in_a_table():
    functions = {name for name in library.__all__ if inspect.isfunction(getattr(library, name))}
    named = set(re.findall(r"\w+", Path(__file__).read_text().split("DRAWS =")[1]))
    missing = functions - OTHERS - named
    assert not missing, f"list {sorted(missing)} in a table of {__file__}"
    pairs = {
        name
        for name in functions - OTHERS
        if list(inspect.signature(getattr(library, name)).parameters)[:2] == ["real", "generated"]
    }
    assert pairs - {"divergence_frontier"} <= PAIRS.keys()


def numbers(found):
    """Return all numbers of a result in one array."""
    if isinstance(found, dict):
        return np.concatenate([numbers(each) for each in found.values()])
    return np.atleast_1d(np.asarray(found, dtype=np.float64)).ravel()


@pytest.mark.parametrize("metric", PAIRS)
def test_memory_and_kind_of_numbers_change_nothing(metric):
    of = PAIRS[metric].of
    a, b = 16 * A, 16 * B  # whole numbers
    expected = numbers(of(a, b))
    frozen = a.copy()
    frozen.setflags(write=False)
    ways = {
        "Fortran": np.asfortranarray(a),
        "negative strides": a[::-1].copy()[::-1],
        "read-only": frozen,
        "strided": np.repeat(a, 2, axis=1)[:, ::2],
        "big-endian": a.astype(">f8"),
    }
    for way, given in ways.items():
        np.testing.assert_array_equal(numbers(of(given, b)), expected, err_msg=way)
    if metric != "birthday_support":  # puts arrays together itself
        np.testing.assert_array_equal(numbers(of(torch.tensor(a), b)), expected)
    whole = {"int64": np.int64, "int16": np.int16, "float32": np.float32, "object": object}
    for way, kind in whole.items():
        np.testing.assert_allclose(numbers(of(a.astype(kind), b)), expected, rtol=1e-4, atol=1e-4, err_msg=way)


@pytest.mark.parametrize("metric", [name for name, pair in PAIRS.items() if not pair.shifts])
def test_a_shift_of_both_sets_changes_nothing(metric):
    of = PAIRS[metric].of
    expected = numbers(of(A, B))
    for a, b in ((A + 1e8, B + 1e8), ((16 * A).astype(np.int64) + 10**9, (16 * B).astype(np.int64) + 10**9)):
        scaled = a.dtype.kind == "i"
        target = numbers(of(16 * A, 16 * B)) if scaled else expected
        np.testing.assert_allclose(numbers(of(a, b)), target, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("metric", [name for name, pair in PAIRS.items() if pair.power is not None])
@pytest.mark.parametrize("scale", [2.0**-300, 2.0**-90, 2.0**60, 2.0**400])
def test_units_do_not_matter(metric, scale):
    of, power, *_ = PAIRS[metric]
    expected, found = numbers(of(A, B)), numbers(of(A * scale, B * scale))
    np.testing.assert_allclose(found / scale**power, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", [name for name, pair in PAIRS.items() if pair.equal is not None])
def test_a_set_against_itself_is_ideal(metric):
    pair = PAIRS[metric]
    for x in (A, A + 1e8, A.astype(np.float32), np.eye(3)[np.repeat([0, 1, 2], 16)]):
        assert numbers(pair.of(x, x.copy())) == pytest.approx(numbers(pair.equal), abs=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", FINITE)
def test_what_is_not_finite_is_refused_by_name(name, wrong):
    for metric in FINITE[name]:
        x = np.full((48, 3), 1 / 3)
        x[0, 0] = wrong
        with pytest.raises(ValueError, match=f"{name.strip()}.*(finite|NaN)"):
            metric(x, A)


def test_values_of_the_past():
    """Inputs that once gave a number that was wrong."""
    seconds = (1_700_000_000 + DRAWS.integers(0, 10, (50, 2)), 1_700_000_002 + DRAWS.integers(0, 10, (50, 2)))
    expected = frechet_distance(*(each.astype(np.float64) for each in seconds))
    assert frechet_distance(*seconds) == pytest.approx(expected)
    assert frechet_distance(*map(torch.tensor, seconds)) == pytest.approx(expected)
    assert expected > 1
    large = A.copy()
    large[:, 0] *= 1e151
    large[0, 0] = 1e153
    assert frechet_distance(large, B) > 1e302
    with pytest.raises(ValueError, match="beyond the range of float64"):
        frechet_distance(large * 1e60, B)
    with pytest.raises(ValueError, match="beyond the range of float64"):
        mmd(large, B)
    sure = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert mode_score(sure, sure) == pytest.approx(2)
    assert mode_score(sure, [[0.0, 0.0, 1.0]] * 2) == 0
    copies = np.repeat(DRAWS.normal(size=(57, 8)) + 1e8, 2, axis=0)
    assert birthday_support(copies, 1e-8) == pytest.approx(114 * 113 / 2 / 57)


def test_two_samples_of_one_law_of_few_values_are_no_copies():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = np.eye(5)[rng.integers(0, 5, 400)] / np.array([0.3, 0.7, 0.11, 1.3, 0.9])
        fair = memorization_test(rows[:100], rows[100:250], rows[250:])
        assert abs(fair.c_t) < 3
        assert fair.copies == fair.held_out_copies == 0
        assert nearest_neighbor_test(rows[:200], rows[200:]).accuracy == pytest.approx(0.5)


def test_close_rows_far_from_the_rest_find_their_neighbors():
    rng = np.random.default_rng(0)
    near = rng.normal(size=(60, 3))
    x = np.concatenate([near - 1e8, near[::-1] + 1e8])
    moved = x + 1e-3
    assert nearest_neighbor_test(x, moved).accuracy == 0
    # Of the five nearest samples all are found, and of those on the surface about half.
    assert manifold_scores(x, moved) == pytest.approx((1, 1, 1.1, 1), abs=0.05)


def test_features_of_the_size_of_1e155_have_a_distance_where_float64_holds_it() -> None:
    """Squares of them do not: what is computed with is divided by their size first."""
    near = frechet_of_moments([1e155, 0], np.eye(2), [1.001e155, 0], np.eye(2))
    assert near == pytest.approx(1e304, rel=1e-9)
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    real[:, 0], generated[:, 0] = 1e155 + 1e150 * real[:, 0], 1e155 + 2e150 * generated[:, 0]
    scaled = frechet_distance((real - [1e155, 0, 0]) / 1e150, (generated - [1e155, 0, 0]) / 1e150)
    assert frechet_distance(real, generated) == pytest.approx(scaled * 1e300, rel=1e-3)
    with pytest.raises(ValueError, match="beyond the range of float64: divide the features by their size"):
        frechet_of_moments([1e155, 0], np.eye(2), [0, 0], np.eye(2))
