"""Annealed importance sampling against sums and integrals that are known."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from gan_ext.metrics import BoltzmannMachine, annealed_partition, decoder_log_likelihood, exact_partition


def machine(visible: int, hidden: int, scale: float = 1.0) -> BoltzmannMachine:
    draws = torch.Generator().manual_seed(4)
    shapes = (hidden, visible), (visible,), (hidden,)
    return BoltzmannMachine(*(scale * torch.randn(*shape, generator=draws, dtype=torch.float64) for shape in shapes))


@pytest.mark.parametrize(("visible", "hidden"), [(3, 4), (4, 3)])
def test_the_exact_sum_is_that_over_all_states(visible: int, hidden: int) -> None:
    m = machine(visible, hidden)
    total = 0.0
    for state in itertools.product((0.0, 1.0), repeat=visible + hidden):
        v, h = torch.tensor(state[:visible]).double(), torch.tensor(state[visible:]).double()
        total += math.exp(float(m.visible @ v + m.hidden @ h + h @ m.weights @ v))
    assert exact_partition(m) == pytest.approx(math.log(total), abs=1e-10)


def test_probabilities_of_all_visible_states_sum_to_one() -> None:
    m = machine(8, 5)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 8)
    assert float(m.log_weight(every).logsumexp(0)) == pytest.approx(exact_partition(m), abs=1e-10)


@pytest.mark.parametrize("with_base", [False, True])
def test_annealing_finds_the_exact_sum(with_base: bool) -> None:
    m = machine(16, 12)
    base = torch.linspace(-1, 1, 16) if with_base else None
    found = annealed_partition(m, base, temperatures=1000, chains=200)
    assert found.low < exact_partition(m) < found.high
    assert found.log_z == pytest.approx(exact_partition(m), abs=0.1)


def test_few_temperatures_are_too_low_on_average() -> None:
    m = machine(16, 12, 2.0)
    estimates = [annealed_partition(m, temperatures=3, chains=2, random_state=seed).log_z for seed in range(40)]
    assert sum(estimates) / 40 < exact_partition(m) - 0.5


def test_without_weights_there_is_nothing_to_anneal() -> None:
    m = BoltzmannMachine(torch.zeros(5, 7), torch.linspace(-1, 1, 7), torch.zeros(5))
    expected = float(torch.nn.functional.softplus(m.visible).sum()) + 5 * math.log(2)
    assert annealed_partition(m, m.visible, 3, 4).log_z == pytest.approx(expected, abs=1e-5)


def factor_analysis(n: int, size: int = 10, latent: int = 3) -> tuple[Tensor, Tensor, float]:
    draws = torch.Generator().manual_seed(1)
    loadings = torch.randn(size, latent, generator=draws)
    x = torch.randn(n, latent, generator=draws) @ loadings.T + 0.5 * torch.randn(n, size, generator=draws)
    return loadings, x, 0.5


def test_a_linear_decoder_has_a_gaussian_likelihood() -> None:
    """log N(x; 0, W W' + s^2), for two decoders: the estimate is near, and not above on average."""
    loadings, x, std = factor_analysis(20)

    def judged(z: Tensor) -> Tensor:
        squares = ((x - z @ loadings.T) / std).square().sum(-1) / 2
        return -squares - 10 * math.log(std * math.sqrt(2 * math.pi))

    covariance = loadings @ loadings.T + std**2 * torch.eye(10)
    exact = torch.distributions.MultivariateNormal(torch.zeros(10), covariance).log_prob(x)
    errors = decoder_log_likelihood(judged, 20, 3, temperatures=300, chains=32) - exact
    assert errors.abs().mean() < 0.2
    assert abs(float(errors.mean())) < 0.1
    crude = decoder_log_likelihood(judged, 20, 3, temperatures=5, chains=1) - exact
    assert crude.mean() < errors.mean() - 1  # a lower bound that temperatures tighten


def test_a_decoder_that_ignores_z_is_judged_exactly() -> None:
    found = decoder_log_likelihood(lambda z: -2 + 0 * z.sum(-1), 4, 2, temperatures=3, chains=2, leapfrog=1)
    torch.testing.assert_close(found, torch.full((4,), -2.0).double())


def test_the_callers_random_numbers_are_kept() -> None:
    before = torch.get_rng_state()
    annealed_partition(machine(4, 3), temperatures=2, chains=2)
    decoder_log_likelihood(lambda z: 0 * z.sum(-1), 2, 2, temperatures=2, chains=2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: exact_partition(machine(30, 25)), "smaller layer has 25 units"),
        (lambda: exact_partition(machine(4, 3)._replace(hidden=torch.zeros(4))), "A machine needs weights"),
        (lambda: annealed_partition(machine(4, 3), temperatures=0), "temperatures=0 must be at least 1"),
        (lambda: annealed_partition(machine(4, 3), chains=0), "chains=0 must be at least 1"),
        (lambda: decoder_log_likelihood(lambda z: z, 1, 1, leapfrog=0), "leapfrog=0 must be at least 1"),
        (lambda: decoder_log_likelihood(lambda z: z.sum(-1) / 0, 1, 1), "log_likelihood must return finite numbers"),
        (
            lambda: annealed_partition(machine(4, 3)._replace(visible=torch.full((4,), torch.nan))),
            "visible of the machine",
        ),
        (
            lambda: exact_partition(machine(4, 3)._replace(weights=torch.full((3, 4), torch.inf))),
            "weights of the machine",
        ),
    ],
)
def test_errors_are_sentences(wrong, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()
