"""Chains of which the law is known: a Gaussian prior, a linear generator, and a Gaussian condition."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute
from gan_ext.latents import Gaussian
from gan_ext.plug_and_play import (
    ChainState,
    ClassCondition,
    DenoisingPrior,
    FlatPrior,
    JointPrior,
    KnownPixels,
    Langevin,
    LatentPrior,
    MetropolisLangevin,
    OfficialSampler,
    PlugAndPlay,
    Sampler,
    UnitCondition,
)

CPU = Compute("cpu")
SIGMA = 0.8  # of the condition
KNOWN = torch.tensor([[1.0, -0.5, 0.3]])


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    net = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        net.weight.copy_(torch.tensor(weight))
        net.bias.copy_(torch.tensor(bias))
    return net


GENERATOR = linear([[1.0, 0.5], [-0.3, 0.8], [0.2, 0.0]], [0.1, 0.0, -0.2])


def posterior(precision: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Return precision and mean of p(h) p(y | G(h)) for a Gaussian prior, by completing the square."""
    weight, bias = GENERATOR.weight.detach(), GENERATOR.bias.detach()
    total = precision + weight.T @ weight / SIGMA**2
    pull = precision @ mean + weight.T @ (KNOWN[0] - bias) / SIGMA**2
    return total, torch.linalg.solve(total, pull)


def condition() -> KnownPixels:
    return KnownPixels(KNOWN[0], torch.ones(3, dtype=torch.bool), SIGMA)


COVARIANCE = torch.tensor([[0.7, 0.3], [0.3, 0.5]])
MEAN = torch.tensor([0.5, -1.0])
NOISE = 0.6


def denoiser(h: Tensor) -> Tensor:
    """The best denoiser of codes that are N(MEAN, COVARIANCE), at noise NOISE."""
    smooth = COVARIANCE + NOISE**2 * torch.eye(2)
    return h - NOISE**2 * torch.linalg.solve(smooth, (h - MEAN).T).T


PRIORS: dict[str, Callable[[], tuple[object, Tensor, Tensor]]] = {
    "latent": lambda: (LatentPrior(Gaussian(2)), torch.eye(2), torch.zeros(2)),
    "denoising": lambda: (
        DenoisingPrior(denoiser, 2, NOISE),
        torch.linalg.inv(COVARIANCE + NOISE**2 * torch.eye(2)),
        MEAN,
    ),
}


@pytest.mark.parametrize("name", PRIORS)
def test_corrected_chains_have_the_posterior_as_their_law(name: str) -> None:
    prior, precision, mean = PRIORS[name]()
    total, center = posterior(precision, mean)
    chains = PlugAndPlay(GENERATOR, condition(), prior, MetropolisLangevin(0.8, adapt=0.3), compute=CPU)
    found = chains.sample(4000, steps=60, random_state=1).codes
    covariance = torch.linalg.inv(total)
    # 4000 independent chains: the error of a mean is sqrt(variance / 4000), of a covariance some sqrt(2 / 4000).
    assert (found.mean(0) - center).abs().max() < 5 * (covariance.diagonal().max() / 4000).sqrt()
    assert (torch.cov(found.T) - covariance).abs().max() < 6 * covariance.max() * math.sqrt(2 / 4000)


@pytest.mark.parametrize("size", [0.2, 0.7])
def test_langevin_chains_have_the_law_of_their_step_size(size: float) -> None:
    prior, precision, mean = PRIORS["denoising"]()
    total, center = posterior(precision, mean)
    found = (
        PlugAndPlay(GENERATOR, condition(), prior, Langevin(size), compute=CPU)
        .sample(4000, steps=80, random_state=2)
        .codes
    )
    # h' = m + (I - e/2 P)(h - m) + sqrt(e) n has the covariance (P - e/4 P^2)^-1.
    covariance = torch.linalg.inv(total - size / 4 * total @ total)
    assert (found.mean(0) - center).abs().max() < 5 * (covariance.diagonal().max() / 4000).sqrt()
    assert (torch.cov(found.T) - covariance).abs().max() < 6 * covariance.max() * math.sqrt(2 / 4000)


def test_temperature_scales_the_covariance() -> None:
    prior, precision, mean = PRIORS["latent"]()
    total, _ = posterior(precision, mean)
    sampler = Langevin(0.1, temperature=4.0)
    found = (
        PlugAndPlay(GENERATOR, condition(), prior, sampler, compute=CPU).sample(4000, steps=150, random_state=3).codes
    )
    covariance = 4 * torch.linalg.inv(total - 0.1 / 4 * total @ total)
    assert (torch.cov(found.T) - covariance).abs().max() < 6 * covariance.max() * math.sqrt(2 / 4000)


def test_without_noise_chains_climb_to_the_mode() -> None:
    prior, precision, mean = PRIORS["latent"]()
    _, center = posterior(precision, mean)
    sampler = Langevin(0.2, temperature=0.0)
    found = PlugAndPlay(GENERATOR, condition(), prior, sampler, compute=CPU).sample(5, steps=400).codes
    assert torch.allclose(found, center.expand(5, 2), atol=1e-4)


def test_the_test_corrects_even_the_wrong_slope() -> None:
    # The official slope of two classes is half the exact one, p_other of it: the law must be the same all the same.
    classifier = linear([[0.0, 0.0], [2.0, 0.0]], [0.0, 0.0])
    means = {}
    for gradient in ("exact", "target_only"):
        chains = PlugAndPlay(
            nn.Identity(), ClassCondition(classifier, 1), LatentPrior(Gaussian(2)),
            MetropolisLangevin(0.8, gradient=gradient), compute=CPU,
        )  # fmt: skip
        means[gradient] = float(chains.sample(6000, steps=60, random_state=4).codes[:, 0].mean())
    grid = torch.linspace(-8, 8, 20001)
    weight = torch.exp(-(grid**2) / 2) * torch.sigmoid(2 * grid)
    truth = float((grid * weight).sum() / weight.sum())
    assert means["exact"] == pytest.approx(truth, abs=0.06)
    assert means["target_only"] == pytest.approx(truth, abs=0.06)


def test_the_joint_prior_is_the_way_through_the_data() -> None:
    encoder = linear([[0.5, 0.1, 0.0], [0.0, 0.4, 1.0]], [0.2, -0.1])
    prior = JointPrior(encoder, 2, sigma=0.5)
    codes = torch.randn(6, 2)
    data = GENERATOR(codes)
    assert torch.allclose(prior.score(codes, data), (encoder(data) - codes) / 0.25)
    assert prior.log_prob(codes, data) is None


def test_the_official_step_is_the_published_one_bit_for_bit() -> None:
    torch.manual_seed(0)
    classifier = nn.Linear(3, 4)
    encoder = linear([[0.5, 0.1, 0.0], [0.0, 0.4, 1.0]], [0.2, -0.1])
    sampler = OfficialSampler(prior=0.3, condition=0.7, noise=0.0, size=2.0)
    start = torch.tensor([[0.5, 29.5], [3.0, 0.0]])
    chains = PlugAndPlay(GENERATOR, ClassCondition(classifier, 2), JointPrior(encoder, 2, 0.5), sampler, compute=CPU)
    found = chains.sample(2, steps=1, start=start).codes

    h = start.clone().requires_grad_()
    logits = classifier(GENERATOR(h))
    (slope,) = torch.autograd.grad(logits[:, 2].sum(), h)
    missing = 1 - logits.detach().softmax(1)[:, 2:3]
    with torch.no_grad():
        way = 0.3 * (encoder(GENERATOR(start)) - start) + 0.7 * missing * slope
        expected = (start + 2.0 / way.abs().mean(1, keepdim=True) * way).clamp(0.0, 30.0)
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_only_ratios_of_the_official_weights_count() -> None:
    torch.manual_seed(0)
    classifier, prior = nn.Linear(3, 4), JointPrior(nn.Linear(3, 2), 2, 1.0)
    ends = []
    for scale in (1.0, 64.0):
        sampler = OfficialSampler(prior=0.1 * scale, condition=scale, noise=0.25 * scale, low=None, high=None)
        chains = PlugAndPlay(GENERATOR, ClassCondition(classifier, 1), prior, sampler, compute=CPU)
        ends.append(chains.sample(8, steps=5, random_state=3).codes)
    assert torch.allclose(ends[0], ends[1], rtol=1e-4)


def test_a_chain_without_slope_rests() -> None:
    sampler = OfficialSampler(prior=0.0, noise=0.0, low=None, high=None)
    start = torch.randn(3, 2)
    found = PlugAndPlay(GENERATOR, None, FlatPrior(2), sampler, compute=CPU).sample(3, steps=4, start=start).codes
    assert torch.equal(found, start)


def test_the_size_falls_to_nothing_where_it_decays() -> None:
    sampler = OfficialSampler(prior=0.0, noise=1.0, condition=0.0, size=1.0, decay=True, low=None, high=None)
    chains = PlugAndPlay(GENERATOR, None, FlatPrior(50), sampler, compute=CPU)
    chains = PlugAndPlay(nn.Identity(), None, FlatPrior(50), sampler, compute=CPU)
    trace = chains.sample(4, steps=10, trace_every=1).trace
    assert trace is not None
    moves = (trace[1:] - trace[:-1]).abs().mean((1, 2))
    assert torch.allclose(moves, torch.arange(9, 0, -1) / 10, atol=1e-5)


@pytest.mark.parametrize("sampler", [Langevin(0.1), MetropolisLangevin(0.1), OfficialSampler(noise=0.1)])
def test_chains_can_be_repeated_and_leave_the_callers_generator_alone(sampler: Sampler) -> None:
    chains = PlugAndPlay(GENERATOR, condition(), LatentPrior(Gaussian(2)), sampler, compute=CPU)
    before = torch.random.get_rng_state()
    first, second, other = (chains.sample(5, steps=8, random_state=seed) for seed in (0, 0, 1))
    assert torch.equal(first.codes, second.codes)
    assert not torch.equal(first.codes, other.codes)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_codes_of_a_trace_are_shown_as_the_chains_saw_them() -> None:
    chains = PlugAndPlay(GENERATOR, condition(), LatentPrior(Gaussian(2)), Langevin(0.1), compute=CPU)
    found = chains.sample(5, steps=8, trace_every=4)
    assert found.trace is not None
    assert torch.equal(chains.generate(found.trace[-1]), found.data)


def test_a_random_state_moves_on_and_none_is_another_each_time() -> None:
    chains = PlugAndPlay(GENERATOR, None, LatentPrior(Gaussian(2)), Langevin(0.1), compute=CPU)
    draws = np.random.RandomState(0)
    first, second = (chains.sample(2, steps=1, random_state=draws).codes for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, chains.sample(2, steps=1, random_state=np.random.RandomState(0)).codes)
    assert not torch.equal(chains.sample(2, steps=1).codes, chains.sample(2, steps=1).codes)


def test_the_generator_is_copied_and_does_not_learn() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    PlugAndPlay(net, condition(), LatentPrior(Gaussian(2)), Langevin(0.1), compute=CPU).sample(5, steps=8)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_callbacks_see_every_step_and_traces_are_thinned() -> None:
    seen: list[ChainState] = []
    chains = PlugAndPlay(GENERATOR, condition(), LatentPrior(Gaussian(2)), MetropolisLangevin(0.1), compute=CPU)
    found = chains.sample(5, steps=9, trace_every=3, callbacks=[seen.append])
    assert [(state.step, state.steps) for state in seen] == [(step, 9) for step in range(1, 10)]
    assert found.trace is not None
    assert found.trace.shape == (3, 5, 2)
    assert torch.equal(found.trace[-1], found.codes)
    assert torch.equal(found.data, seen[-1].position.data)
    assert found.course.shape == (9,)
    assert float(found.course[-1]) == pytest.approx(float(found.log_condition.mean()))


def test_adaptation_reaches_the_wanted_acceptance() -> None:
    chains = PlugAndPlay(
        GENERATOR, condition(), LatentPrior(Gaussian(2)), MetropolisLangevin(1e-3, adapt=0.8), compute=CPU
    )
    found = chains.sample(500, steps=400, random_state=0)
    assert found.size > 0.1
    assert found.accepted == pytest.approx(0.574, abs=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlugAndPlay(denoiser, None, FlatPrior(2)), "generator="),
        (lambda: PlugAndPlay(GENERATOR, 3, FlatPrior(2)), "condition=3"),
        (lambda: PlugAndPlay(GENERATOR, None, Gaussian(2)), "prior="),
        (lambda: PlugAndPlay(GENERATOR, None, FlatPrior(2), "mala"), "sampler='mala'"),
        (lambda: Langevin(0.0), "size=0.0"),
        (lambda: Langevin(temperature=-1.0), "temperature=-1.0"),
        (lambda: Langevin(gradient="official"), "gradient='official'"),
        (lambda: Langevin(low=2.0, high=1.0), "low=2.0"),
        (lambda: MetropolisLangevin(adapt=2.0), "adapt=2.0"),
        (lambda: OfficialSampler(prior=-1.0), "prior=-1.0"),
        (lambda: DenoisingPrior(denoiser, 2, 0.0), "sigma=0.0"),
        (lambda: JointPrior(nn.Identity(), 2, -1.0), "sigma=-1.0"),
        (lambda: JointPrior(nn.Identity(), 2, "x"), "sigma='x'"),
        (lambda: Langevin(math.nan), "size=nan"),
        (lambda: Langevin("auto"), "size='auto'"),
        (lambda: Langevin(cooling=None), "cooling=None"),
        (lambda: Langevin(low="a"), "low='a'"),
        (lambda: OfficialSampler(noise=math.inf), "noise=inf"),
        (lambda: MetropolisLangevin(accept="x"), "accept='x'"),
        (lambda: KnownPixels(KNOWN[0], torch.ones(3, dtype=torch.bool), True), "sigma=True"),
        (lambda: UnitCondition(nn.Identity(), 1, strength="x"), "strength='x'"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_runs_are_named() -> None:
    chains = PlugAndPlay(GENERATOR, None, FlatPrior(2), compute=CPU)
    for wrong in ({"n_samples": 0}, {"steps": 0}, {"trace_every": -1}, {"n_samples": True}, {"random_state": "x"}):
        with pytest.raises(ValueError, match="{}={!r}".format(*next(iter(wrong.items())))):
            chains.sample(**({"n_samples": 2, "steps": 2} | wrong))
    with pytest.raises(ValueError, match="start has shape"):
        chains.sample(4, steps=5, start=torch.zeros(3, 2))
    each = KnownPixels(KNOWN.repeat(7, 1), torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="condition speaks about 7"):
        PlugAndPlay(GENERATOR, each, FlatPrior(2), compute=CPU).sample(4, steps=5)


def test_chains_that_run_away_are_noticed() -> None:
    chains = PlugAndPlay(GENERATOR, condition(), LatentPrior(Gaussian(2)), Langevin(50.0), compute=CPU)
    with pytest.raises(ValueError, match="5 of 5 chains ran away"):
        chains.sample(5, steps=200, random_state=0)
