"""ZCA whitening: covariances, inverses, the nearest white data, and scikit-learn's contract."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from gan_ext.data import ZCAWhitening


def correlated(n: int = 500, d: int = 6, seed: int = 0) -> NDArray[np.float32]:
    draw = np.random.RandomState(seed)
    return (draw.randn(n, d) @ draw.randn(d, d) + 3).astype(np.float32)


@parametrize_with_checks([ZCAWhitening()])
def test_scikit_learn_contract(estimator: ZCAWhitening, check: object) -> None:
    check(estimator)


def test_white_data_have_no_correlations() -> None:
    made = ZCAWhitening(eps=1e-7).fit_transform(correlated())
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(6), atol=1e-3)


@pytest.mark.parametrize("eps", [0.01, 1.0, 50.0])
def test_eps_is_added_to_the_variances_inside_the_root(eps: float) -> None:
    x = correlated().astype(np.float64)
    variances, axes = np.linalg.eigh(np.cov(x.T, bias=True))
    expected = (x - x.mean(0)) @ axes / np.sqrt(variances + eps) @ axes.T
    np.testing.assert_allclose(ZCAWhitening(eps).fit(x).transform(x), expected, atol=1e-3)


def test_principal_components_are_those_of_scikit_learn() -> None:
    """ZCA is whitened PCA rotated back, up to the factor of n and n - 1."""
    x = correlated()
    pca = PCA(whiten=True).fit(x)
    rotated = pca.transform(x) @ pca.components_ * np.sqrt(len(x) / (len(x) - 1))
    np.testing.assert_allclose(ZCAWhitening(eps=1e-8).fit_transform(x), rotated, atol=2e-3)


def test_no_white_data_are_nearer() -> None:
    """Among all whitenings R W with a rotation R, ZCA's is the nearest to the centered data."""
    x = correlated()
    made, draw = ZCAWhitening(eps=1e-7).fit_transform(x), np.random.RandomState(1)
    centered = x - x.mean(0)
    near = np.square(made - centered).sum()
    for _ in range(20):
        rotation = np.linalg.qr(draw.randn(6, 6))[0]
        assert np.square(made @ rotation - centered).sum() > near


def test_the_inverse_gives_the_data_back() -> None:
    x = correlated()
    fitted = ZCAWhitening().fit(x)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(x)), x, atol=1e-3)
    np.testing.assert_allclose(fitted.whitening_ @ fitted.coloring_, np.eye(6), atol=1e-4)
    np.testing.assert_allclose(fitted.whitening_, fitted.whitening_.T)


def test_blocks_are_all_of_the_data() -> None:
    """More rows than a block has, with a mean that drifts from block to block."""
    x = correlated(9000, 3) + np.linspace(0, 5, 9000, dtype=np.float32)[:, None]
    fitted = ZCAWhitening(eps=1e-7).fit(x)
    np.testing.assert_allclose(np.cov(fitted.transform(x).T, bias=True), np.eye(3), atol=1e-3)
    np.testing.assert_allclose(fitted.transform(x)[5000:5003], fitted.transform(x[5000:5003]), atol=1e-4)


def test_images_are_whitened_as_the_tables_they_are() -> None:
    x = correlated(200, 24).reshape(200, 2, 3, 4)
    fitted = ZCAWhitening().fit(x)
    made = fitted.transform(x)
    assert made.shape == x.shape
    table = ZCAWhitening().fit_transform(x.reshape(200, -1))
    np.testing.assert_array_equal(made.reshape(200, -1), table)
    np.testing.assert_array_equal(fitted.transform(x.reshape(200, -1)), table)
    assert fitted.inverse_transform(made).shape == x.shape


def test_more_columns_than_rows_stay_finite() -> None:
    x = correlated(10, 40)
    made = ZCAWhitening(eps=0.01).fit_transform(x)
    assert np.isfinite(made).all()
    new = ZCAWhitening(eps=0.01).fit(x).transform(correlated(5, 40, seed=3))
    assert np.abs(new).max() < 10 * np.abs(correlated(5, 40, seed=3)).max()  # at most 1 / root of eps


def test_new_data_do_not_change_what_was_fitted() -> None:
    x = correlated()
    fitted = ZCAWhitening().fit(x)
    np.testing.assert_array_equal(fitted.transform(x)[:5], fitted.transform(np.concatenate([x[:5], 100 * x[:5]]))[:5])


@pytest.mark.parametrize("eps", [0.0, -1.0, float("nan")])
def test_eps_must_be_positive(eps: float) -> None:
    with pytest.raises(ValueError, match="ZCAWhitening needs eps > 0, got"):
        clone(ZCAWhitening(eps)).fit(correlated())


def test_samples_of_another_shape_are_refused() -> None:
    fitted = ZCAWhitening().fit(correlated(50, 24).reshape(50, 2, 3, 4))
    with pytest.raises(ValueError, match=r"fitted on samples of shape \(2, 3, 4\), got \(2, 4, 3\)"):
        fitted.transform(np.zeros((5, 2, 4, 3), np.float32))
    with pytest.raises(ValueError, match="23 features"):
        fitted.transform(np.zeros((5, 23), np.float32))
