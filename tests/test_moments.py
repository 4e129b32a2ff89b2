"""Means and deviations of columns that are long, far from 0, very large or very small; what rests on them."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from gan_ext import ConditionalGAN, InfoGAN, PlugAndPlayGAN, SemiSupervisedGANClassifier
from gan_ext.data import ZCAWhitening
from gan_ext.estimators.base.scaling import Scaler
from gan_ext.estimators.semi_supervised.novelty import class_gaussians
from gan_ext.games import StateAction, StateTransition
from gan_ext.moments import column_moments

FAR = [(2000.0, 10.0), (1000.0, 0.02)]


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    """A million rows, far from 0 and with little spread."""
    draw = np.random.default_rng(0).normal(size=(1_000_000, 2))
    return np.array((draw * [s for _, s in FAR] + [m for m, _ in FAR]).astype(np.float32))


def test_a_million_rows_far_from_zero_have_their_scale(long: np.ndarray) -> None:
    """Sums of float32 rows gave 18.5 for 10, and 8.93 for .02."""
    scaler = Scaler("standard", long)
    np.testing.assert_allclose(scaler.shift, [2000, 1000], rtol=1e-4)
    np.testing.assert_allclose(scaler.scale, [10, 0.02], rtol=2e-3)
    wanted = StandardScaler().fit(long.astype(np.float64))
    np.testing.assert_allclose(scaler.scale, wanted.scale_, rtol=1e-6)
    scaled = scaler.forward(long)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(0, dtype=np.float64), 0, atol=1e-3)
    np.testing.assert_allclose(scaled.std(0, dtype=np.float64), 1, rtol=1e-3)


def test_whitening_of_a_million_rows_has_their_scale(long: np.ndarray) -> None:
    made = ZCAWhitening(eps=1e-8).fit_transform(long)
    np.testing.assert_allclose(np.cov(made.T.astype(np.float64)), np.eye(2), atol=5e-3)


def test_whitening_keeps_what_float32_would_round_away() -> None:
    x = 1.7e9 + np.random.default_rng(0).normal(size=(500, 3))
    made = ZCAWhitening(eps=1e-6).fit_transform(x)
    np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(3), atol=1e-3)


@pytest.mark.parametrize("unit", [1e-200, 1e-25, 1.0, 1e20, 1e200])
def test_moments_in_any_unit(unit: float) -> None:
    x = np.random.default_rng(0).normal(3, 2, (100, 4))
    x[:, 3] = 0.1
    mean, deviation = column_moments(x * unit)
    np.testing.assert_allclose(mean / unit, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(deviation / unit, [*x[:, :3].std(0), 0], rtol=1e-12)


def test_spread_that_is_rounding_is_none() -> None:
    x = np.full((50, 2), 1000, np.float32)
    x[::2, 0] = np.nextafter(np.float32(1000), np.float32(2000))
    assert column_moments(x)[1].tolist() == [0, 0]
    assert Scaler("standard", x).scale.tolist() == [1, 1]
    times = (1.7e9 + np.arange(50) / 50)[:, None]  # seconds of one second: float64 knows them apart
    np.testing.assert_allclose(column_moments(times)[1], times.std(0))


@pytest.mark.parametrize("d", [4, 260])
@pytest.mark.parametrize(("shift", "unit"), [(0, 1e20), (0, 1e-25), (1e8, 1.0)])
def test_distances_of_novelty_know_no_unit_and_no_origin(d: int, shift: float, unit: float) -> None:
    draw = np.random.default_rng(0)
    classes = draw.integers(2, size=300)
    x = draw.normal(size=(300, d)) + 3 * classes[:, None]
    wanted = class_gaussians(x, classes).standard_distance(x + 1)
    moved = (x * unit + shift, (x + 1) * unit + shift)
    np.testing.assert_allclose(class_gaussians(moved[0], classes).standard_distance(moved[1]), wanted, rtol=1e-3)


@pytest.mark.parametrize("kind", [lambda x: StateAction(x, 2), StateTransition])
def test_what_never_changes_for_an_expert_keeps_its_units(kind: Any) -> None:
    """A deviation of 0 was taken for 1e-6, and half a unit of the policy for 500 000."""
    expert = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    expert[:, 1] = 7.0
    policy = torch.zeros(1, 2, 3)
    policy[:, :, 1] = 7.5
    seen = kind(expert)(policy, torch.zeros(1, 1, dtype=torch.int64))
    assert seen[0, 0, 1] == 0.5
    assert seen.abs().max() < 2
    np.testing.assert_allclose(seen[0, 0, 0], -expert[:, 0].mean() / expert[:, 0].std(correction=0), rtol=1e-5)


SMALL: dict[str, Any] = {"max_iter": 60, "batch_size": 32, "random_state": 0}
ESTIMATORS = [
    SemiSupervisedGANClassifier(**SMALL, labeled_batch_size=16, hidden_layer_sizes=(16,)),
    InfoGAN(**SMALL | {"max_iter": 3}),
    ConditionalGAN(**SMALL | {"max_iter": 3}),
    PlugAndPlayGAN(**SMALL | {"max_iter": 3}, classifier_iter=3, denoiser_iter=3),
]


def table() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    y = np.arange(120) % 2
    return np.array((draw.normal(size=(120, 3)) + 3 * y[:, None]).astype(np.float32)), y


@pytest.mark.parametrize("unit", [1e20, 1e-25])
@pytest.mark.filterwarnings("ignore:y has no unlabeled sample")
def test_features_in_any_unit_are_learned_as_well(unit: float) -> None:
    x, y = table()
    model = ESTIMATORS[0].fit(x, y)
    plain, before = model.score(x, y), model.sample(50, random_state=0)
    scaled = (x * np.float32(unit)).astype(np.float32)
    model.fit(scaled, y)
    assert plain > 0.9
    assert model.score(scaled, y) == pytest.approx(plain, abs=0.03)
    np.testing.assert_allclose(model.sample(50, random_state=0).std() / unit, before.std(), rtol=0.1)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.filterwarnings("ignore:y has no unlabeled sample")
def test_the_order_of_numbers_in_memory_changes_nothing(estimator: Any) -> None:
    x, y = table()
    row, column, strided = x, np.asfortranarray(x), np.repeat(x, 2, 1)[::-1, ::2][::-1]
    assert not column.flags.c_contiguous
    assert not strided.flags.c_contiguous
    first = estimator.set_params(max_iter=3).fit(row, y)
    weights = {name: value.clone() for name, value in first.game_.state_dict().items()}
    judged = first.predict_proba(row) if hasattr(first, "predict_proba") else None
    for other in (column, strided):
        if judged is not None:
            np.testing.assert_array_equal(first.predict_proba(other), judged)
        again = estimator.fit(other, y).game_.state_dict()
        assert all(torch.equal(value, again[name]) for name, value in weights.items())
