"""Frechet distance and its limit: exact moments, other libraries, both routes, bias."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from gan_ext.metrics import frechet_distance, frechet_infinity, frechet_of_moments
from gan_ext.metrics.samples import frechet


def draws(seed=0):
    return np.random.default_rng(seed)


def by_sqrtm(a, b):
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)


def test_exact_moments_of_shifted_normal_distributions():
    eye, m = torch.eye(7), torch.arange(7.0)
    assert frechet_of_moments(torch.zeros(7), eye, m, eye) == pytest.approx(float(m.square().sum()), rel=1e-12)
    assert frechet_of_moments(m, 4 * eye, m, 9 * eye) == pytest.approx(7, rel=1e-12)


@pytest.mark.parametrize(("n", "m", "f"), [(200, 150, 20), (20, 60, 50), (20, 30, 50), (60, 20, 50), (50, 51, 50)])
def test_it_is_the_general_matrix_root_on_both_routes(n, m, f, monkeypatch):
    monkeypatch.setattr(frechet, "_ROWS", 33)  # several blocks, the last ones shorter
    monkeypatch.setattr(frechet, "_COLUMNS", 7)
    rng = draws()
    mix = rng.normal(size=(f, f))
    a, b = rng.normal(size=(n, f)) @ mix + 3, rng.normal(size=(m, f)) @ mix
    assert frechet_distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_the_small_route_equals_the_large_one():
    # Features with further columns of zeros have the same distance, and more features than rows.
    rng = draws()
    a, b = rng.normal(size=(30, 10)), rng.normal(size=(40, 10)) * 2
    wide = [np.pad(each, ((0, 0), (0, 50))) for each in (a, b)]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(a, b), rel=1e-7)


def test_the_same_features_have_none_and_constants_do_no_harm():
    rng = draws()
    for shape in ((500, 40), (30, 100)):
        x = rng.normal(size=shape)
        assert frechet_distance(x, x) < 1e-6
        x[:, 0] = 1.0  # covariances without full rank
        assert frechet_distance(x, x) < 1e-5
        assert frechet_distance(x, x + 2.0) == pytest.approx(4 * shape[1], rel=1e-6)


def test_its_bias_is_as_documented():
    rng = draws()
    n, f = 2000, 10
    found = [frechet_distance(rng.normal(size=(n, f)), rng.normal(size=(n, f))) for _ in range(40)]
    assert np.mean(found) == pytest.approx(f * (f + 5) / (2 * n), rel=0.1)


def test_the_limit_is_without_bias_and_has_its_slope():
    rng = draws()
    found = [
        frechet_infinity(rng.normal(size=(1500, 8)), rng.normal(size=(1500, 8)), random_state=s) for s in range(20)
    ]
    values = np.array([each.value for each in found])
    assert abs(values.mean()) < 4 * values.std() / 20**0.5 + 1e-3
    assert np.mean([each.values[-1] for each in found]) > 10 * abs(values.mean())
    assert np.mean([each.slope for each in found]) == pytest.approx(8 * 13 / 2, rel=0.2)
    shifted = frechet_infinity(rng.normal(size=(1500, 8)), rng.normal(size=(1500, 8)) + 1)
    assert shifted.value == pytest.approx(8, abs=0.8)
    assert shifted.sizes[-1] == 1500


class Identity(nn.Module):
    """Passes features of 16 numbers through, as torchmetrics wants an extractor."""

    num_features = 16

    def forward(self, x):
        return x


def test_torchmetrics_says_the_same():
    image = pytest.importorskip("torchmetrics.image.fid", reason="needs the extra `test`")
    rng = draws()
    a, b = (torch.tensor(rng.normal(size=(n, 16)) * (1 + n / 400)) for n in (300, 250))
    theirs = image.FrechetInceptionDistance(feature=Identity(), input_img_size=(16,)).set_dtype(torch.float64)
    theirs.update(a, real=True)
    theirs.update(b, real=False)
    assert frechet_distance(a, b) == pytest.approx(float(theirs.compute()), rel=1e-6)
    assert frechet_distance(a.float(), b.float()) == pytest.approx(frechet_distance(a, b), rel=1e-6)


@pytest.mark.gpu
def test_a_gpu_says_the_same():
    rng = draws()
    a, b = rng.normal(size=(500, 60)), rng.normal(size=(400, 60))
    found = frechet_distance(torch.tensor(a, device="cuda"), b)
    assert found == pytest.approx(frechet_distance(a, b), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: frechet_infinity(np.ones((7, 2)), np.ones((9, 2))), "real must have at least 8 rows, got 7"),
        (lambda: frechet_infinity(np.ones((9, 2)), np.ones((9, 2)), [4, 10]), "different numbers of rows, at most 9"),
        (lambda: frechet_infinity(np.ones((9, 2)), np.ones((9, 2)), [4, 4]), r"sizes=\[4, 4\] must be two or more"),
        (lambda: frechet_infinity(np.ones((9, 2)), np.ones((9, 2)), [1, 4]), "sizes=1 must be an integer, at least 2"),
        (lambda: frechet_of_moments(*map(torch.ones, (2, (2, 2), 3, (3, 3)))), r"Means must be \[F\]"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
