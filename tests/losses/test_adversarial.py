"""The two losses of the standard game."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from gan_ext.losses import (
    discriminator_non_saturating,
    discriminator_wasserstein,
    generator_non_saturating,
    generator_wasserstein,
)


def test_they_are_cross_entropies() -> None:
    real, fake = torch.randn(64), torch.randn(32)
    expected = cross_entropy(real, torch.ones(64)) + cross_entropy(fake, torch.zeros(32))
    torch.testing.assert_close(discriminator_non_saturating(real, fake), expected)
    torch.testing.assert_close(generator_non_saturating(fake), cross_entropy(fake, torch.ones(32)))


def test_at_equilibrium_they_are_log_four_and_log_two() -> None:
    even = torch.zeros(8)
    assert discriminator_non_saturating(even, even).item() == pytest.approx(math.log(4))
    assert generator_non_saturating(even).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("density", [0.1, 0.5, 0.9])
def test_the_optimal_discriminator_is_the_density_ratio(density: float) -> None:
    """L_D is stationary where sigma(d) = p_real / (p_real + p_fake)."""
    logit = torch.tensor(math.log(density / (1 - density)), dtype=torch.float64, requires_grad=True)
    far = torch.tensor(-1e3, dtype=torch.float64)
    loss = density * discriminator_non_saturating(logit, far) + (1 - density) * discriminator_non_saturating(
        -far, logit
    )
    (gradient,) = torch.autograd.grad(loss, logit)
    assert gradient.item() == pytest.approx(0, abs=1e-7)


def test_the_generator_does_not_saturate() -> None:
    """Where the discriminator is sure, the gradient is -1, and that of the minimax loss is 0."""
    sure = torch.tensor([-40.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(generator_non_saturating(sure), sure)
    assert gradient.item() == pytest.approx(-1)
    (minimax,) = torch.autograd.grad(-discriminator_non_saturating(torch.zeros(1), sure), sure)
    assert minimax.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("extreme", [1e4, -1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_are_finite(extreme: float, dtype: torch.dtype) -> None:
    x = torch.full((4,), extreme, dtype=dtype, requires_grad=True)
    for loss in (discriminator_non_saturating(x, x), generator_non_saturating(x)):
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert torch.autograd.grad(loss, x)[0].isfinite().all()


def test_the_wasserstein_losses_are_differences_of_means() -> None:
    real, fake = torch.randn(64), torch.randn(32)
    torch.testing.assert_close(discriminator_wasserstein(real, fake), fake.mean() - real.mean())
    torch.testing.assert_close(generator_wasserstein(fake), -fake.mean())
    torch.testing.assert_close(discriminator_wasserstein(real + 5, fake + 5), discriminator_wasserstein(real, fake))
