"""The natural gradient: on a softmax it is known, and it does not depend on how a policy is written down."""

import pytest
import torch
from torch import nn

from gan_ext.gradients import natural_gradient

N, K = 4000, 3


def choices(scale: float = 1.0):
    """Choices of a policy whose logits are `scale` times its parameters, each as often as is likely."""
    weight = nn.Parameter(torch.tensor([0.3, -0.2, 0.1]) / scale)
    log_probs = (scale * weight).log_softmax(-1)
    counts = (log_probs.detach().exp() * N).round().long()
    actions = torch.repeat_interleave(torch.arange(K), counts)
    return weight, log_probs.expand(len(actions), -1).gather(1, actions[:, None]), actions


def step(scale: float = 1.0, radius: float = 0.01):
    weight, log_prob, actions = choices(scale)
    advantage = torch.tensor([1.0, 0.0, -2.0])[actions][:, None]
    mask = torch.ones_like(advantage, dtype=torch.bool)
    loss = natural_gradient(log_prob, advantage, mask, [weight], radius, iterations=20, damping=1e-6)
    (gradient,) = torch.autograd.grad(loss, weight)
    return weight.detach(), -gradient


def test_of_a_softmax_it_is_the_advantage_in_the_logits():
    """Its scores span all functions of the action with mean 0, so the compatible critic is the advantage itself."""
    weight, moved = step()
    advantage = torch.tensor([1.0, 0.0, -2.0])
    centered = advantage - (weight.softmax(-1) * advantage).sum()
    direction = moved - (weight.softmax(-1) * moved).sum()
    torch.testing.assert_close(direction / direction.norm(), centered / centered.norm(), rtol=1e-2, atol=1e-3)


def test_its_length_is_the_divergence_that_is_allowed():
    for radius in (1e-4, 1e-3):
        weight, moved = step(radius=radius)
        before, after = weight.log_softmax(-1), (weight + moved).log_softmax(-1)
        divergence = (before.exp() * (before - after)).sum()
        assert float(divergence) == pytest.approx(radius, rel=0.1)


def test_it_does_not_depend_on_the_parameters_units():
    """With parameters ten times as small a policy takes the same step; by a plain gradient it would not."""
    weight, moved = step()
    tiny, moved_tiny = step(10.0)
    torch.testing.assert_close(
        (weight + moved).softmax(-1), (10 * (tiny + moved_tiny)).softmax(-1), rtol=1e-3, atol=1e-4
    )
