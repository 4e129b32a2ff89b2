"""Chains on a GPU end where chains on the CPU end, up to the generator of random numbers."""

import pytest
import torch
from torch import nn

from gan_ext import Compute
from gan_ext.latents import Gaussian
from gan_ext.plug_and_play import ClassCondition, KnownPixels, Langevin, LatentPrior, MetropolisLangevin, PlugAndPlay


@pytest.mark.gpu
def test_chains_without_noise_end_in_the_same_place() -> None:
    torch.manual_seed(0)
    net, classifier = nn.Linear(4, 6), nn.Linear(6, 3)
    condition = ClassCondition(classifier, [0, 1, 2]) + KnownPixels(torch.zeros(6), torch.arange(6) < 2)
    start, ends = torch.randn(3, 4), {}
    for device in ("cpu", "cuda"):
        sampler = Langevin(0.01, temperature=0.0)
        chains = PlugAndPlay(net, condition, LatentPrior(Gaussian(4)), sampler, compute=Compute(device))
        ends[device] = chains.sample(3, steps=200, start=start).codes
    assert torch.allclose(ends["cpu"], ends["cuda"], atol=1e-3)


@pytest.mark.gpu
def test_corrected_chains_have_the_law_of_the_prior() -> None:
    chains = PlugAndPlay(
        nn.Identity(), None, LatentPrior(Gaussian(3)), MetropolisLangevin(0.5), compute=Compute("cuda")
    )
    found = chains.sample(5000, steps=100, random_state=0).codes
    assert found.mean(0).abs().max() < 0.08
    assert (torch.cov(found.T) - torch.eye(3)).abs().max() < 0.12
