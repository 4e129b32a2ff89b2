"""Losses of a generator of a semi-supervised game: closed values, equivalences, limits, gradients."""

from collections.abc import Callable
from math import log, pi

import pytest
import torch
from torch import Tensor

from gan_ext.losses import (
    absolute_feature_matching,
    covariance_matching,
    feature_matching,
    low_density,
    maximum_mean_discrepancy,
    pull_away,
    variational_entropy,
)

MATCHING = {
    "mean": feature_matching,
    "absolute": absolute_feature_matching,
    "covariance": covariance_matching,
    "mmd": maximum_mean_discrepancy,
}


def features(n: int = 16, width: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_equal(value: Tensor, expected: float | Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(
        value, torch.as_tensor(expected, dtype=value.dtype), rtol=tolerance, atol=tolerance, check_dtype=False
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_compute_in_float32_at_least(dtype: torch.dtype) -> None:
    real, fake = features().to(dtype), features(seed=1).to(dtype)
    for loss in (*MATCHING.values(), lambda a, b: pull_away(b), lambda a, b: variational_entropy(a, b, b)):
        assert loss(real, fake).dtype == torch.float32
        assert loss(real.double(), fake.double()).dtype == torch.float64


# --- matching features ------------------------------------------------------------------------------------------------


def test_absolute_matching_is_the_mean_absolute_difference_of_means() -> None:
    real = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    fake = torch.tensor([[0.0, 9.0], [0.0, 9.0], [0.0, 9.0]])
    assert_equal(absolute_feature_matching(real, fake), (2 + 4) / 2)


def test_covariance_matching_is_a_distance_of_torchs_covariances() -> None:
    real, fake = features(), features(9, seed=1)
    expected = (torch.cov(real.T) - torch.cov(fake.T)).square().sum() / 25
    assert_equal(covariance_matching(real, fake), expected)


@pytest.mark.parametrize("name", ["mean", "absolute", "covariance"])
def test_matched_samples_in_another_order_cost_nothing(name: str) -> None:
    real = features()
    fake = real.flip(0).requires_grad_()
    assert_equal(MATCHING[name](real, fake).detach(), 0.0)


def test_what_each_matching_does_not_see() -> None:
    """Means do not see spread, covariances do not see shifts, the kernel sees both."""
    real = features(64)
    spread, shifted = real.mean(0) + 2 * (real - real.mean(0)), real + 1
    for name, far in (("mean", shifted), ("absolute", shifted), ("covariance", spread)):
        near = spread if far is shifted else shifted
        assert_equal(MATCHING[name](real, near), 0.0)
        assert MATCHING[name](real, far) > 0.1
    assert maximum_mean_discrepancy(real, spread) > 0.05
    assert maximum_mean_discrepancy(real, shifted) > 0.05


@pytest.mark.parametrize("name", MATCHING)
def test_a_step_down_the_gradient_matches_better(name: str) -> None:
    real, fake = features(8, 3), (1.5 * features(8, 3, seed=1) + 1).requires_grad_()
    loss = MATCHING[name](real, fake)
    (gradient,) = torch.autograd.grad(loss, fake)
    assert MATCHING[name](real, fake - 0.1 * gradient / gradient.norm()) < loss
    assert torch.autograd.gradcheck(MATCHING[name], (real, fake))


# --- the kernel's distance --------------------------------------------------------------------------------------------


def test_the_kernel_distance_is_its_equation() -> None:
    real, fake = features(4, 2), features(3, 2, seed=1)

    def squares(a: Tensor, b: Tensor) -> Tensor:
        return (a[:, None] - b[None]).square().sum(2)

    h = squares(real, real).sum() / 12

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([torch.exp(-squares(a, b) / (2.0**j * h)) for j in range(-2, 3)]).mean(0)

    expected = (kernel(real, real).sum() - 4) / 12 + (kernel(fake, fake).sum() - 3) / 6 - 2 * kernel(real, fake).mean()
    assert_equal(maximum_mean_discrepancy(real, fake), expected)


def test_the_kernel_distance_is_zero_on_average_between_equal_distributions() -> None:
    """Unbiased, and so below 0 at times; h, which follows the real sample, hardly matters."""
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    values = torch.stack(
        [
            maximum_mean_discrepancy(*points[torch.randint(4, (2, 40), generator=generator)].unbind(0))
            for _ in range(1000)
        ]
    )
    error = values.std() / 1000**0.5
    assert values.mean().abs() < 4 * error
    assert error < 7e-4  # the biased estimate would be off by (1 - E k) (1 / 40 + 1 / 40) > 0.02
    assert values.min() < 0


def test_the_kernel_distance_of_far_distributions_is_what_is_left_of_each() -> None:
    """Points so far apart that k = 0 across: E k(x, x') + E k(g, g')."""
    real, fake = features(8), torch.full((6, 5), 1e6, dtype=torch.float64)
    alone = maximum_mean_discrepancy(real, fake) - 1
    assert 0 < alone < 1
    assert_equal(maximum_mean_discrepancy(real, fake + 1e6), 1 + alone)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("far", [1e3, 1e5])
def test_far_samples_keep_their_distances_from_each_other(far: float, dtype: torch.dtype, tolerance: float) -> None:
    """Squares of far numbers, subtracted, would leave rounding errors larger than the distances between them."""
    real, near = features(8), 0.5 * features(6, seed=1)
    fake = (near.to(dtype) + far).double()  # as it is after the rounding of the data themselves
    h = torch.cdist(real, real).square().sum() / 56
    kernels = [
        torch.exp(-(torch.cdist(x, x).square()[None] / h / torch.tensor([0.25, 0.5, 1, 2, 4])[:, None, None]))
        for x in (real, fake - far)
    ]
    alone = [(each.mean(0).sum() - len(each[0])) / (len(each[0]) * (len(each[0]) - 1)) for each in kernels]
    assert_equal(maximum_mean_discrepancy(real.to(dtype), fake.to(dtype)).double(), alone[0] + alone[1], tolerance)


def test_the_kernel_distance_does_not_depend_on_origin_or_units() -> None:
    real, fake = features(), features(seed=1) + 0.5
    expected = maximum_mean_discrepancy(real, fake)
    assert_equal(maximum_mean_discrepancy(7 * real, 7 * fake), expected)
    moved = maximum_mean_discrepancy((real + 1000).float(), (fake + 1000).float())
    assert_equal(moved.double(), expected, 1e-3)


def test_the_kernel_distance_of_constant_features_is_finite() -> None:
    fake = torch.zeros(4, 3, requires_grad=True)
    loss = maximum_mean_discrepancy(torch.zeros(4, 3), fake)
    (gradient,) = torch.autograd.grad(loss, fake)
    assert_equal(loss.detach(), 0.0)
    assert gradient.isfinite().all()


# --- pulling away -----------------------------------------------------------------------------------------------------


def test_orthogonal_features_do_not_pull_and_parallel_ones_pull_fully() -> None:
    assert_equal(pull_away(torch.eye(4) * torch.tensor([1.0, 2.0, 3.0, 4.0])), 0.0)
    assert_equal(pull_away(torch.tensor([[1.0, 2.0], [2.0, 4.0], [-3.0, -6.0]])), 1.0, 1e-6)


def test_pulling_is_the_mean_squared_cosine_of_pairs() -> None:
    f = features(6)
    cosines = [torch.cosine_similarity(f[i], f[j], dim=0).square() for i in range(6) for j in range(6) if i != j]
    assert_equal(pull_away(f), torch.stack(cosines).mean())
    assert_equal(pull_away(f * torch.rand(6, 1, dtype=torch.float64).add(0.1)), pull_away(f))


def test_pulling_turns_features_apart() -> None:
    f = torch.tensor([[1.0, 0.2], [1.0, -0.2]], requires_grad=True)
    (gradient,) = torch.autograd.grad(pull_away(f), f)
    assert gradient[0, 1] < 0 < gradient[1, 1]
    assert pull_away(f - 0.1 * gradient) < pull_away(f)


def test_features_of_zero_have_no_direction() -> None:
    f = torch.zeros(3, 2, requires_grad=True)
    loss = pull_away(f)
    (gradient,) = torch.autograd.grad(loss, f)
    assert_equal(loss.detach(), 0.0)
    assert gradient.isfinite().all()


# --- variational entropy ----------------------------------------------------------------------------------------------


def test_the_bound_is_tight_for_the_exact_posterior_of_a_linear_gaussian_generator() -> None:
    r"""x = a z + s e with z, e ~ N(0, 1): z given x is N(a x / v, s^2 / v), v = a^2 + s^2, of entropy H(z | x)."""
    a, s, n = 2.0, 0.5, 200_000
    z, e = torch.randn(2, n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, v = a * z + s * e, a**2 + s**2
    deviation = s / v**0.5
    exact = log(deviation) + 0.5  # H(z | x) - log(2 pi) / 2
    assert exact == pytest.approx(0.5 * log(2 * pi * 2.718281828459045 * s**2 / v) - log(2 * pi) / 2)

    def cost(slope: float, std: float) -> Tensor:
        return variational_entropy(z, slope * x, torch.full_like(x, log(std)))

    assert_equal(cost(a / v, deviation), exact, 5e-3)
    for slope, std in ((1.2 * a / v, deviation), (a / v, 1.5 * deviation), (a / v, deviation / 1.5), (0.0, 1.0)):
        assert cost(slope, std) > exact + 0.05
    assert_equal(cost(0.0, 1.0), 0.5, 1e-2)  # reading nothing: H(z) in the same units


def test_coordinates_add_up_and_samples_are_averaged() -> None:
    z, mean, log_std = features(), features(seed=1), features(seed=2)
    each = [variational_entropy(z[:, j : j + 1], mean[:, j : j + 1], log_std[:, j : j + 1]) for j in range(5)]
    assert_equal(variational_entropy(z, mean, log_std), torch.stack(each).sum())
    normal = -torch.distributions.Normal(mean, log_std.exp()).log_prob(z).sum(1).mean()
    assert_equal(variational_entropy(z, mean, log_std), normal - 5 * log(2 * pi) / 2)


def test_the_deviation_is_kept_within_bounds() -> None:
    z = torch.zeros(2, 1)
    assert_equal(variational_entropy(z, z, torch.full((2, 1), -100.0)), -5.0)
    assert_equal(variational_entropy(z, z, torch.full((2, 1), 100.0)), 5.0)


# --- low density ------------------------------------------------------------------------------------------------------


def test_only_samples_above_the_threshold_count_and_are_pushed() -> None:
    log_p = torch.tensor([-10.0, -3.0, -5.0, -1.0], requires_grad=True)
    loss = low_density(log_p, -5.0)
    (gradient,) = torch.autograd.grad(loss, log_p)
    assert_equal(loss.detach(), (2 + 4) / 2)
    assert_equal(gradient, torch.tensor([0.0, 0.5, 0.0, 0.5]))
    assert torch.equal(low_density(log_p, torch.tensor(-5.0)), loss)


def test_none_above_the_threshold_costs_nothing() -> None:
    log_p = torch.tensor([-10.0, -30.0], requires_grad=True)
    loss = low_density(log_p, -5.0)
    (gradient,) = torch.autograd.grad(loss, log_p)
    assert_equal(loss.detach(), 0.0)
    assert_equal(gradient, torch.zeros(2))


@pytest.mark.parametrize("loss", [covariance_matching, maximum_mean_discrepancy])
def test_pairs_of_two_are_enough(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert loss(features(2), features(2, seed=1)).isfinite()
