"""Observation models are densities that sum to one, and draw what they say; noise has the law that it states."""

import math

import pytest
import torch

from gan_ext.nets import BernoulliObservation, FlipNoise, GaussianObservation, MixtureObservation, ShiftNoise


def test_bits_sum_to_one_and_have_the_logits() -> None:
    h = torch.tensor([0.3, -1.2, 2.0])
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    law = BernoulliObservation()(h)
    assert float(law.log_prob(every).exp().sum()) == pytest.approx(1, abs=1e-6)
    assert float(law.log_prob(torch.ones(3))) == pytest.approx(float(h.sigmoid().log().sum()), abs=1e-6)
    assert BernoulliObservation().outputs(3) == 3


@pytest.mark.parametrize("observation", [GaussianObservation(0.4), MixtureObservation(3, 0.05)])
def test_densities_integrate_to_one_and_draws_follow(observation: torch.nn.Module) -> None:
    torch.manual_seed(2)
    law = observation(0.5 * torch.randn(observation.outputs(2)))
    line = torch.linspace(-8, 8, 801)
    plane = torch.cartesian_prod(line, line)
    mass = law.log_prob(plane).exp().detach() * (16 / 800) ** 2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    drawn = law.sample((50_000,))
    torch.testing.assert_close(drawn.mean(0), (plane * mass[:, None]).sum(0), atol=0.03, rtol=0)


def test_one_component_is_a_gaussian() -> None:
    h = torch.tensor([5.0, 1.0, -2.0, 0.3, 0.7])  # weight, means, widths
    x = torch.tensor([0.5, -1.0])
    std = 1e-3 + torch.nn.functional.softplus(h[3:])
    expected = -((x - h[1:3]).square() / (2 * std.square()) + std.log()).sum() - math.log(2 * math.pi)
    torch.testing.assert_close(MixtureObservation(1)(h).log_prob(x), expected)


def test_the_best_deviation_is_that_of_the_residuals() -> None:
    x = 0.7 * torch.randn(1000, 3)
    observation = GaussianObservation(float(x.square().mean().sqrt()))
    (slope,) = torch.autograd.grad(observation(torch.zeros_like(x)).log_prob(x).mean(), observation.log_std)
    assert float(slope) == pytest.approx(0, abs=1e-4)


def test_half_of_the_tossed_bits_flip() -> None:
    x = torch.zeros(200, 500)
    assert float(FlipNoise(0.3)(x).mean()) == pytest.approx(0.15, abs=0.005)
    assert float(FlipNoise(1.0)(x).mean()) == pytest.approx(0.5, abs=0.01)


def test_added_noise_has_its_deviation() -> None:
    moved = ShiftNoise(0.2).eval()(torch.ones(200, 500))
    assert float(moved.mean()) == pytest.approx(1, abs=0.005)
    assert float(moved.std()) == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: GaussianObservation(0.0), "std=0.0 must be positive"),
        (lambda: MixtureObservation(0), "components >= 1"),
        (lambda: MixtureObservation(2, 0.0), "least > 0"),
        (lambda: FlipNoise(0.0), r"share=0.0 must be in \(0, 1\]"),
        (lambda: FlipNoise(1.5), r"share=1.5 must be in \(0, 1\]"),
        (lambda: ShiftNoise(0.0), "std=0.0 must be positive"),
    ],
)
def test_errors_are_sentences(wrong, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()
