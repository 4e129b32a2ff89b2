"""Density and coverage: known ends, the definition by loops, and what is refused."""

import numpy as np
import pytest
import torch

from gan_ext.metrics import class_density_coverage, density_coverage
from gan_ext.metrics import coverage as module


def by_loops(real, generated, k):
    radii = [sorted(np.linalg.norm(real - x, axis=1))[k] for x in real]
    inside = [[np.linalg.norm(x - g) < r for g in generated] for x, r in zip(real, radii, strict=True)]
    return np.sum(inside) / (k * len(generated)), np.mean(np.any(inside, axis=1))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_it_is_its_definition(k, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 7)  # several blocks, the last one shorter
    rng = np.random.default_rng(0)
    real, generated = rng.normal(1e4, 1, (40, 3)), rng.normal(1e4 + 0.5, 0.7, (25, 3))
    np.testing.assert_allclose(density_coverage(real, generated, k), by_loops(real, generated, k), atol=1e-12)


def test_known_ends():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 4))
    assert density_coverage(real, real) == pytest.approx((1, 1))  # a sample and four others lie in each ball
    assert density_coverage(real, real + 100) == (0, 0)
    each = [density_coverage(real, real[[row]]) for row in range(200)]  # one sample over and over, in each place
    assert np.mean([density for density, _ in each]) == pytest.approx(1)
    assert max(density for density, _ in each) > 1.5
    assert max(coverage for _, coverage in each) < 0.1


def test_two_sets_of_one_distribution_have_the_expected_values():
    # A ball to the k-th neighbour misses all of as many new samples if the first k of both sets together are all real.
    rng = np.random.default_rng(0)
    density, coverage = density_coverage(rng.normal(size=(2000, 3)), rng.normal(size=(2000, 3)), 3)
    assert density == pytest.approx(1, abs=0.05)
    assert coverage == pytest.approx(1 - 2.0**-3, abs=0.03)


def test_classes_are_judged_apart():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 4], 100)
    real = rng.normal(size=(200, 2)) + 50 * y[:, None]
    swapped = 4 - y
    right, wrong = (class_density_coverage(real, y, torch.tensor(real), each) for each in (y, swapped))
    assert right == {0: pytest.approx((1, 1)), 4: pytest.approx((1, 1))}
    assert wrong == {0: (0, 0), 4: (0, 0)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generated": np.zeros((4, 3))}, "features of one width, got 2 and 3"),
        ({"generated": np.zeros(4)}, r"generated must be features \[n, F\], got shape \(4,\)"),
        ({"real": np.full((6, 2), np.nan)}, "real has features that are not finite"),
        ({"neighbours": 6}, "neighbours=6 must be at least 1 and below the 6 real"),
        ({"neighbours": 0}, "neighbours=0 must be"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        density_coverage(**{"real": np.ones((6, 2)), "generated": np.ones((4, 2)), **change})


def test_classes_that_do_not_fit_are_refused():
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="got 20 real with 19 and 20 generated with 20"):
        class_density_coverage(x, np.zeros(19), x, np.zeros(20))
    with pytest.raises(ValueError, match="no sample of class 1"):
        class_density_coverage(x, np.arange(20) % 2, x, np.zeros(20))
