"""Priors: range, moments, device and precision of what they draw."""

import copy

import pytest
import torch

from gan_ext.latents import Gaussian, Uniform


def test_uniform_has_the_range_and_moments_of_its_box() -> None:
    z = Uniform(4, low=-1.0, high=3.0).sample(20_000)
    assert z.shape == (20_000, 4)
    assert z.min() >= -1
    assert z.max() < 3
    torch.testing.assert_close(z.mean(0), torch.full((4,), 1.0), rtol=0, atol=0.05)
    torch.testing.assert_close(z.var(0), torch.full((4,), 16 / 12), rtol=0, atol=0.05)


def test_gaussian_has_standard_moments() -> None:
    z = Gaussian(3).sample(20_000)
    assert z.shape == (20_000, 3)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), rtol=0, atol=0.05)
    torch.testing.assert_close(z.T.cov(), torch.eye(3), rtol=0, atol=0.05)


@pytest.mark.parametrize("prior", [Uniform(2), Gaussian(2)])
def test_draws_follow_the_seed_and_the_precision_of_the_module(prior: Uniform | Gaussian) -> None:
    draws = []
    for _ in range(2):
        torch.default_generator.manual_seed(5)
        draws.append(prior.sample(3))
    assert torch.equal(*draws)
    assert not torch.equal(prior.sample(3), draws[0])
    assert prior.sample(3).dtype == torch.float32
    assert copy.deepcopy(prior).double().sample(3).dtype == torch.float64
    assert not prior.state_dict(), "a prior has nothing to save"


@pytest.mark.parametrize("arguments", [{"dim": 0}, {"dim": 2, "low": 1.0, "high": 1.0}, {"dim": 2, "low": 2.0}])
def test_uniform_refuses_an_empty_box(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="dim >= 1 and low < high"):
        Uniform(**arguments)  # type: ignore[arg-type]


def test_gaussian_refuses_no_coordinates() -> None:
    with pytest.raises(ValueError, match="dim=0"):
        Gaussian(0)
