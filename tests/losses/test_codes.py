"""Losses about codes: closed forms and exact expectations."""

import pytest
import torch

from gan_ext.losses import mode_seeking, reinforce


def test_mode_seeking_is_the_ratio_of_distances() -> None:
    """Of a linear generator G = a z it is 1/a, and without noise it is as large as it can be."""
    first, second = torch.randn(50, 3), torch.randn(50, 3)
    for slope in (0.5, 4.0):
        assert mode_seeking(slope * first, slope * second, first, second).item() == pytest.approx(1 / slope, rel=1e-3)
    flat = torch.zeros(50, 1, 4, 4)
    assert mode_seeking(flat, flat, first, second).item() == pytest.approx((first - second).abs().mean().item() * 1e5)


def test_reinforce_has_the_gradient_of_the_expected_reward() -> None:
    """Averaged over all draws of a pair, -(1 - 1/2) grad E[r] exactly."""
    logits = torch.tensor([0.3, -0.5, 1.0], dtype=torch.float64, requires_grad=True)
    rewards = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    log_prob = logits.log_softmax(0)
    total = torch.zeros(3, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            pair = torch.tensor([i, j])
            loss = reinforce(rewards[pair], log_prob[pair])
            assert loss.item() == 0
            (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
            total += log_prob[pair].sum().exp().detach() * gradient
    (expected,) = torch.autograd.grad((log_prob.exp() * rewards).sum(), logits)
    torch.testing.assert_close(total, -0.5 * expected, rtol=1e-6, atol=1e-8)


def test_no_gradient_flows_into_rewards() -> None:
    rewards = torch.randn(4, requires_grad=True)
    assert not reinforce(rewards, torch.randn(4)).requires_grad
