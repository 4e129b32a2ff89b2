"""Generative stochastic networks: the chain's stationary law is that of the data, on a world of a few states."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, OneHotCategorical

from gan_ext import Engine
from gan_ext.engine import adam
from gan_ext.games import GenerativeStochasticNetwork, RealBatch
from gan_ext.nets import BernoulliObservation, FlipNoise, MixtureObservation, ShiftNoise
from gan_ext.testing import ConstantStream, check_game

LAW = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
SHARE = 0.6


class Replace(nn.Module):
    """A state stays, or is replaced by any."""

    def forward(self, x: Tensor) -> Tensor:
        other = nn.functional.one_hot(torch.randint(len(LAW), (len(x),)), len(LAW)).to(x.dtype)
        return torch.where(torch.rand(len(x), 1) < SHARE, other, x)


class States(nn.Module):
    def forward(self, h: Tensor) -> Distribution:
        return OneHotCategorical(logits=h, validate_args=False)


CORRUPTION = (1 - SHARE) * torch.eye(len(LAW)) + SHARE / len(LAW)  # [from, to]


def game(walkback: int = 1) -> GenerativeStochasticNetwork:
    return GenerativeStochasticNetwork(nn.Linear(len(LAW), len(LAW), bias=False), Replace(), States(), walkback)


def stationary(model: GenerativeStochasticNetwork) -> Tensor:
    undoing = model.denoiser(torch.eye(len(LAW))).softmax(1)
    law = torch.full((len(LAW),), 1 / len(LAW))
    for _ in range(500):
        law = law @ CORRUPTION @ undoing
    return law.detach()


def set_to_the_posterior(model: GenerativeStochasticNetwork) -> None:
    joint = LAW[:, None] * CORRUPTION
    with torch.no_grad():
        model.denoiser.weight.copy_((joint / joint.sum(0)).log())


def test_undoing_noise_by_bayes_rule_keeps_the_law_of_the_data() -> None:
    model = game()
    set_to_the_posterior(model)
    torch.testing.assert_close(stationary(model), LAW, atol=1e-6, rtol=0)


@pytest.mark.parametrize("walkback", [1, 4])
def test_training_leads_there(walkback: int) -> None:
    x = torch.eye(5).repeat_interleave((LAW * 2000).round().long(), 0)
    model = game(walkback)
    assert (stationary(model) - LAW).abs().sum() > 0.1
    Engine(model, {"model": adam(0.02, (0.9, 0.999))}, ema=0.99).fit(ConstantStream(RealBatch(x)), 400)
    assert (stationary(model) - LAW).abs().sum() < 0.05


def test_the_conservative_estimate_tends_to_the_stationary_law() -> None:
    model, every = game(), torch.eye(len(LAW))
    set_to_the_posterior(model)
    torch.manual_seed(0)
    states = model.walk(every[torch.randint(5, (20_000,))], 20)
    torch.testing.assert_close(states.mean(0), LAW, atol=0.015, rtol=0)
    torch.testing.assert_close(model.log_likelihood(every, states).exp(), LAW, atol=0.015, rtol=0)
    few = torch.stack([model.log_likelihood(every, part) for part in states[:2000].split(2)])
    assert ((few.mean(0) @ LAW) < (LAW * LAW.log()).sum()).all()  # by Jensen's inequality


def test_the_loss_is_the_cross_entropy_of_undoing() -> None:
    model = game()
    set_to_the_posterior(model)
    x = nn.functional.one_hot(torch.multinomial(LAW, 100_000, True), 5).float()
    joint = LAW[:, None] * CORRUPTION
    entropy = -(joint * (joint / joint.sum(0)).log()).sum()
    torch.testing.assert_close(model.loss(RealBatch(x))[0].detach(), entropy, atol=0.01, rtol=0)


@pytest.mark.parametrize("bits", [False, True])
def test_the_game_is_sound(bits: bool) -> None:
    def make() -> GenerativeStochasticNetwork:
        observation = BernoulliObservation() if bits else MixtureObservation(3)
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, observation.outputs(4)))
        return GenerativeStochasticNetwork(net, FlipNoise(0.3) if bits else ShiftNoise(0.3), observation, 3)

    check_game(make, RealBatch(torch.randn(16, 4).sign().clamp_min(0) if bits else torch.randn(16, 4)))


def test_a_walk_of_no_step_is_refused() -> None:
    with pytest.raises(ValueError, match="walkback=0 must be at least 1"):
        game(0)
