"""Losses of policies are the sums that they state."""

import math

import pytest
import torch

from gan_ext.losses import (
    clipped_surrogate,
    entropy_bonus,
    generalized_advantage,
    generator_minimax,
    generator_non_saturating,
    log_odds_reward,
    minimax_reward,
    non_saturating_reward,
    policy_gradient,
    reward_to_go,
    standardized,
    value_loss,
)

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)


def by_hand(rewards, values, mask, gamma, lam, last):
    """The recursion backwards in time, one number after the other."""
    advantage = torch.zeros_like(rewards)
    for row in range(len(rewards)):
        following, ahead = float(last[row]), 0.0
        for step in reversed(range(int(mask[row].sum()))):
            delta = float(rewards[row, step]) + gamma * following - float(values[row, step])
            ahead = delta + gamma * lam * ahead
            advantage[row, step] = ahead
            following = float(values[row, step])
    return advantage


@pytest.mark.parametrize(("gamma", "lam"), [(0.9, 0.8), (1.0, 1.0), (0.5, 0.0), (0.0, 1.0)])
def test_advantages_are_the_recursion(gamma, lam):
    rewards, values, last = torch.randn(3, 4), torch.randn(3, 4), torch.randn(3)
    found = generalized_advantage(rewards, values, MASK, gamma, lam, last)
    torch.testing.assert_close(found, by_hand(rewards, values, MASK, gamma, lam, last))
    nothing = generalized_advantage(rewards, values, MASK, gamma, lam)
    torch.testing.assert_close(nothing, by_hand(rewards, values, MASK, gamma, lam, torch.zeros(3)))


def test_the_true_value_leaves_the_last_step_no_advantage():
    rewards = torch.ones(3, 4)
    value = reward_to_go(rewards, MASK, 1.0)
    assert value[0].tolist() == [4, 3, 2, 1]
    assert generalized_advantage(rewards, value, MASK, 1.0, 0.3).abs().max() == 0


def test_a_limit_of_time_hides_what_a_true_end_does_not():
    """With r = 1 for ever and a discount, every step is worth 1 / (1 - gamma), wherever the record stops."""
    gamma = 0.9
    value = reward_to_go(torch.ones(3, 4), MASK, gamma, torch.full((3,), 1 / (1 - gamma)))
    torch.testing.assert_close(value[MASK], torch.full((7,), 10.0))


def test_the_surrogate_begins_as_the_policy_gradient_and_stops():
    before, advantage = torch.randn(3, 4), torch.randn(3, 4)
    log_prob = before.clone().requires_grad_(True)
    (near,) = torch.autograd.grad(clipped_surrogate(log_prob, before, advantage, MASK, 0.2), log_prob)
    (plain,) = torch.autograd.grad(policy_gradient(log_prob, advantage, MASK), log_prob)
    torch.testing.assert_close(near, plain)
    log_prob = (before + advantage.sign()).requires_grad_(True)  # each ratio already went where its advantage wants it
    (far,) = torch.autograd.grad(clipped_surrogate(log_prob, before, advantage, MASK, 0.2), log_prob)
    assert far.abs().max() == 0
    log_prob = (before - advantage.sign()).requires_grad_(True)  # the wrong way: it may come back
    (back,) = torch.autograd.grad(clipped_surrogate(log_prob, before, advantage, MASK, 0.2), log_prob)
    assert (back[MASK] != 0).all()


def test_what_is_masked_moves_nothing():
    log_prob = torch.randn(3, 4, requires_grad=True)
    wild = torch.where(MASK, torch.randn(3, 4), torch.full((3, 4), 1e6))
    for loss in (
        policy_gradient(log_prob, wild, MASK),
        clipped_surrogate(log_prob, torch.zeros(3, 4), wild, MASK, 0.2),
        value_loss(log_prob, wild, MASK),
        entropy_bonus(log_prob, MASK),
    ):
        (gradient,) = torch.autograd.grad(loss, log_prob)
        assert gradient[~MASK].abs().max() == 0
        assert loss.isfinite()


def test_values_and_entropies_by_hand():
    mask = torch.tensor([[True, True], [True, False]])
    assert value_loss(torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [3.0, 9.0]]), mask) == pytest.approx(14 / 6)
    assert entropy_bonus(torch.tensor([[1.0, 2.0], [3.0, 9.0]]), mask) == 3


def test_standardized_steps_have_mean_0_and_deviation_1():
    values = standardized(torch.randn(3, 4) * 5 + 2, MASK)
    assert abs(float(values[MASK].mean())) < 1e-6
    assert float(values[MASK].std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert values[~MASK].abs().max() == 0


def test_rewards_are_what_the_generators_of_the_games_lose():
    logits = torch.randn(50) * 3
    torch.testing.assert_close(-minimax_reward(logits).mean(), generator_minimax(logits))
    torch.testing.assert_close(-non_saturating_reward(logits).mean(), generator_non_saturating(logits))
    torch.testing.assert_close(minimax_reward(logits) + non_saturating_reward(logits), log_odds_reward(logits))
    assert (minimax_reward(logits) > 0).all()
    assert (non_saturating_reward(logits) < 0).all()
    assert minimax_reward(torch.zeros(1)) == pytest.approx(math.log(2))
