"""Intervals of metrics of two sets: normal theory, how often they hold the truth, why rows are not drawn twice."""

import numpy as np
import pytest
import torch

from gan_ext.metrics import bootstrap_metric, bootstrap_metrics, density_coverage, frechet_distance


def difference(a, b):
    return a.mean() - b.mean()


def test_the_interval_of_a_difference_of_means_is_the_normal_one():
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=(900, 1)), rng.normal(size=(400, 1)) * 2
    mean, low, high = bootstrap_metric(difference, a, b, resamples=3000)
    error = (a.var() / 900 + b.var() / 400) ** 0.5
    assert mean == difference(a, b)
    assert (high - mean) / error == pytest.approx(1.96, rel=0.1)
    assert (mean - low) / error == pytest.approx(1.96, rel=0.1)
    third = bootstrap_metric(difference, a, b, resamples=3000, share=0.25)
    assert (third.high - third.low) / (high - low) == pytest.approx(1, rel=0.1)


def measured(a, b):
    return {"frechet": frechet_distance(a, b), **density_coverage(a, b)._asdict()}


@pytest.fixture(scope="module")
def truths_and_intervals():
    """Return what three metrics of small sets are on average, and many intervals of them."""
    rng, n, width = np.random.default_rng(0), 60, 3

    def pair():
        return rng.normal(size=(n, width)), rng.normal(size=(n, width)) * 0.8 + 0.5

    means = [measured(*pair()) for _ in range(600)]
    found = [bootstrap_metrics(measured, *pair(), resamples=30, confidence=0.9) for _ in range(100)]
    return {name: np.mean([each[name] for each in means]) for name in means[0]}, found


@pytest.mark.parametrize("name", ["frechet", "coverage", "density"])
def test_intervals_hold_what_the_metric_is_on_average_at_this_size(name, truths_and_intervals):
    truths, found = truths_and_intervals
    held = np.mean([each[name].low <= truths[name] <= each[name].high for each in found])
    assert 0.81 < held <= 0.99  # 0.9 within three standard errors, of sets that are small


def test_rows_drawn_twice_would_bias_neighbors():
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    whole = density_coverage(x, g, 3).coverage
    rows = [rng.integers(0, 200, (2, 200)) for _ in range(50)]
    again = np.mean([density_coverage(x[a], g[b], 3).coverage for a, b in rows])
    low, high = bootstrap_metric(lambda a, b: density_coverage(a, b, 3).coverage, x, g)[1:]
    assert not low < again < high
    assert low < whole < high


def test_it_takes_tensors_and_sentences_and_the_seed_decides():
    x = torch.arange(40.0)[:, None]
    found = bootstrap_metric(lambda a, b: float(a.mean() - b.mean()), x, x + 1)
    assert found == bootstrap_metric(lambda a, b: float(a.mean() - b.mean()), x.numpy(), x.numpy() + 1)
    assert found != bootstrap_metric(lambda a, b: float(a.mean() - b.mean()), x, x + 1, random_state=1)
    words = [["a"] * n for n in range(1, 30)]
    lengths = bootstrap_metric(lambda a, b: np.mean(list(map(len, a))) - np.mean(list(map(len, b))), words, words)
    assert lengths.mean == 0
    assert lengths.low < 0 < lengths.high


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        ((4, 4), {"resamples": 1}, "resamples=1 must be an integer, at least 2"),
        ((4, 4), {"confidence": 1}, "confidence=1 must lie between 0 and 1"),
        ((4, 4), {"share": 0.0}, r"share=0\.0 must lie between 0 and 1"),
        ((4, 3), {}, "at least 4 rows, got 4 and 3"),
    ],
)
def test_errors_are_sentences(arguments, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        bootstrap_metric(difference, *(np.ones((n, 1)) for n in arguments), **settings)


def test_a_metric_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="metric of the whole sets is inf"):
        bootstrap_metric(lambda a, b: np.inf, np.ones(4), np.ones(4))


def test_several_metrics_share_their_subsets():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 2))
    both = bootstrap_metrics(lambda a, b: {"one": difference(a, b), "twice": 2 * difference(a, b)}, x, y)
    assert both["one"] == bootstrap_metric(difference, x, y)
    assert both["twice"] == pytest.approx([2 * each for each in both["one"]])
    with pytest.raises(ValueError, match="The second of the whole sets is nan"):
        bootstrap_metrics(lambda a, b: {"first": 1.0, "second": np.nan}, x, y)


def test_an_interval_is_cut_at_what_the_metric_can_be():
    x = np.random.default_rng(0).normal(size=40)
    free = bootstrap_metric(lambda a, _: abs(a.mean()), x, x, 50)
    cut = bootstrap_metric(lambda a, _: abs(a.mean()), x, x, 50, bounds=(0, 1))
    assert free.low < 0 == cut.low
    assert free.high == cut.high
