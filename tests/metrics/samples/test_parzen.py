"""Parzen windows on densities that are known."""

import math

import pytest
import torch

from gan_ext.metrics import parzen_bandwidth, parzen_log_density


def test_one_sample_is_a_gaussian() -> None:
    at = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    expected = torch.tensor([0.0, -5 / (2 * 0.25)]).double() - math.log(2 * math.pi * 0.25)
    torch.testing.assert_close(parzen_log_density(torch.zeros(1, 2), at, 0.5), expected)


def test_it_integrates_to_one() -> None:
    line = torch.linspace(-5, 5, 401)
    density = parzen_log_density(torch.randn(20, 2), torch.cartesian_prod(line, line), 0.2).exp()
    assert float(density.sum()) * (10 / 400) ** 2 == pytest.approx(1, abs=1e-3)


def test_it_tends_to_the_density_with_its_noise_added() -> None:
    """Of N(0, 1) in two dimensions: N(0, 1 + h^2), of which the cross-entropy is known."""
    h, n = 0.5, 8000
    found = -float(parzen_log_density(torch.randn(n, 2), torch.randn(2000, 2), h).mean())
    variance = 1 + h**2
    assert found == pytest.approx(math.log(2 * math.pi * variance) + 1 / variance, abs=0.06)
    assert found > math.log(2 * math.pi) + 1 - 0.02  # entropy: no estimate is below but by chance


def test_the_bandwidth_of_gaussian_data_is_near_the_rule_of_thumb() -> None:
    """Silverman's: n^(-1/6) for unit variance in the plane."""
    n, held_out = 1000, torch.randn(400, 2)
    many = parzen_bandwidth(torch.randn(n, 2), held_out)
    assert many == pytest.approx(n ** (-1 / 6), rel=0.5)
    assert parzen_bandwidth(torch.randn(50, 2), held_out) > many


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            lambda: parzen_log_density(torch.zeros(3, 2), torch.zeros(3, 1), 1.0),
            "samples and at must",
        ),
        (
            lambda: parzen_log_density(torch.zeros(0, 2), torch.zeros(3, 2), 1.0),
            r"got shape \(0, 2\)",
        ),
        (lambda: parzen_log_density(torch.zeros(3, 2), torch.zeros(3, 2), 0.0), "bandwidth=0.0 must be positive"),
        (lambda: parzen_bandwidth(torch.zeros(3, 2), torch.zeros(3, 2), []), "bandwidths is empty"),
    ],
)
def test_errors_are_sentences(wrong, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()
