"""Input gradients, and penalties made of them."""

import pytest
import torch
from torch import Tensor, nn

from gan_ext.losses import gradient_penalty, input_gradient, r1_penalty


def quadratic() -> tuple[Tensor, Tensor]:
    a = torch.randn(4, 4, dtype=torch.float64)
    return (a + a.T) / 2, torch.randn(6, 4, dtype=torch.float64)


def test_the_gradient_of_a_quadratic_is_exact() -> None:
    a, x = quadratic()
    gradient = input_gradient(lambda x: ((x @ a) * x).sum(1) / 2, x)
    torch.testing.assert_close(gradient, x @ a, rtol=1e-5, atol=1e-6)


def test_the_gradient_can_be_differentiated() -> None:
    """g = x A, so that d(sum g^2)/dx = 2 x A A and d(sum g^2)/dA follows x."""
    a, x = quadratic()
    a.requires_grad_()
    x.requires_grad_()
    penalty = input_gradient(lambda x: ((x @ a) * x).sum(1) / 2, x).square().sum()
    for_a, for_x = torch.autograd.grad(penalty, (a, x))
    mean = (a + a.T) / 2
    torch.testing.assert_close(for_x, 2 * x @ mean @ mean, rtol=1e-5, atol=1e-5)
    half = x.T @ (x @ mean)
    torch.testing.assert_close(for_a, half + half.T, rtol=1e-5, atol=1e-5)


def test_it_is_the_gradient_of_autograd() -> None:
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    x = torch.randn(5, 3, requires_grad=True)
    (expected,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    torch.testing.assert_close(input_gradient(net, x), expected)
    weights = list(net.parameters())[:-1]  # the last bias does not matter to the gradient
    ours = torch.autograd.grad(input_gradient(net, x).square().sum(), weights)
    torch.testing.assert_close(ours, torch.autograd.grad(expected.square().sum(), weights))


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 4, 4)])
def test_r1_of_a_linear_function_is_the_squared_norm_of_its_weight(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape[1:], requires_grad=True)
    penalty = r1_penalty(lambda x: (x * weight).reshape(7, -1).sum(1), torch.randn(shape))
    torch.testing.assert_close(penalty, weight.square().sum())
    torch.testing.assert_close(torch.autograd.grad(penalty, weight)[0], 2 * weight.detach())


def test_r1_is_the_mean_over_samples() -> None:
    x = torch.randn(9, 3)
    torch.testing.assert_close(r1_penalty(lambda x: x.square().sum(1) / 2, x), x.square().sum(1).mean())


def test_r1_of_a_constant_is_zero() -> None:
    assert r1_penalty(lambda x: x.sum(1) * 0 + 3, torch.randn(4, 2)) == 0


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 4, 4)])
def test_the_gradient_penalty_of_a_linear_function_is_how_far_its_slope_is_from_one(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape[1:], requires_grad=True)
    real, fake = torch.randn(2, *shape)
    penalty = gradient_penalty(lambda x: (x * weight).reshape(7, -1).sum(1), real, fake, torch.rand(7))
    torch.testing.assert_close(penalty, (weight.norm() - 1).square())
    (gradient,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(gradient, (2 * (1 - 1 / weight.norm()) * weight).detach())


def test_the_gradient_penalty_is_taken_where_the_places_say() -> None:
    """f = |x|^2/2 has the slope |x|: at 1 that is the real sample's, at 0 the generated one's, each for itself."""
    real, fake = torch.randn(2, 5, 3)
    places = torch.tensor([1.0, 0.0, 0.5, 0.25, 1.0])
    middle = places[:, None] * real + (1 - places[:, None]) * fake
    penalty = gradient_penalty(lambda x: x.square().sum(1) / 2, real, fake, places)
    torch.testing.assert_close(penalty, (middle.norm(dim=1) - 1).square().mean())


def test_the_gradient_penalty_of_a_constant_is_one_and_its_gradient_is_finite() -> None:
    slope = torch.zeros(2, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ slope, torch.randn(4, 2), torch.randn(4, 2), torch.rand(4))
    assert penalty == 1
    assert torch.autograd.grad(penalty, slope)[0].isfinite().all()
