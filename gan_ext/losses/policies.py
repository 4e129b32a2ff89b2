"""Losses of reinforcement learning: policy gradient, clipped surrogate, generalized advantages, values, rewards."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from gan_ext.losses.discrete import token_mean

__all__ = [
    "clipped_surrogate",
    "entropy_bonus",
    "generalized_advantage",
    "log_odds_reward",
    "minimax_reward",
    "non_saturating_reward",
    "policy_gradient",
    "reward_to_go",
    "standardized",
    "value_loss",
]


def policy_gradient(log_prob: Tensor, advantage: Tensor, mask: Tensor) -> Tensor:
    r"""Return the scalar whose gradient is the score-function estimate.

    .. math:: L = -\frac{1}{n} \sum_{i,t} m_{it} A_{it} \log p(x_{it} \mid x_{i,<t})

    References: Simple statistical gradient-following algorithms (Williams, 1992),
    https://doi.org/10.1007/BF00992696

    Args:
        log_prob: log-probabilities of drawn tokens or actions [B, T], with a graph.
        advantage: what each earned beyond what was expected [B, T] or [B, 1]; taken as constant.
        mask: which positions hold one [B, T] (bool).
    """
    return -(advantage.detach() * log_prob * mask).sum(1).mean()


def clipped_surrogate(
    log_prob: Tensor, before: Tensor, advantage: Tensor, mask: Tensor, clip: float | Tensor
) -> Tensor:
    r"""Return the surrogate with the gradient of :func:`policy_gradient` near the policy that acted, and none far off.

    .. math::
        L = -\frac{1}{n} \sum_{i,t} m_{it} \min\big(\rho_{it} A_{it},
            \mathrm{clip}(\rho_{it}, 1 - \epsilon, 1 + \epsilon) A_{it}\big), \qquad
        \rho_{it} = \frac{p(x_{it} \mid x_{i,<t})}{p_\text{old}(x_{it} \mid x_{i,<t})}

    References: Proximal Policy Optimization Algorithms (Schulman et al., 2017), https://arxiv.org/abs/1707.06347

    Args:
        log_prob: log-probabilities under p [B, T], with a graph.
        before: the same under the policy that acted [B, T].
        advantage: [B, T] or [B, 1]; taken as constant.
        mask: which positions count [B, T] (bool).
        clip: :math:`\epsilon > 0`.
    """
    ratio, advantage = ((log_prob - before.detach()) * mask).exp(), advantage.detach()
    clipped = 1 + (ratio - 1).clamp(-clip, clip)  # type: ignore[arg-type]
    return -(torch.minimum(ratio * advantage, clipped * advantage) * mask).sum(1).mean()


def generalized_advantage(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float, last: Tensor | None = None
) -> Tensor:
    r"""Return generalized advantages.

    .. math:: \delta_t = r_t + \gamma V_{t+1} - V_t, \qquad A_t = \sum_{k \ge 0} (\gamma \lambda)^k \delta_{t+k}

    References: High-Dimensional Continuous Control Using Generalized Advantage Estimation (Schulman et al., 2016),
    https://arxiv.org/abs/1506.02438

    Args:
        rewards: what each token or action earns at once [B, T].
        values: what is expected before each [B, T].
        mask: which positions hold one [B, T] (bool); the first ones of each row.
        gamma: discount in [0, 1].
        lam: :math:`\lambda` in [0, 1]; 1 trusts rewards, 0 trusts values.
        last: V after the last real position [B], for rows that a limit of time cut short (Time Limits in Reinforcement
            Learning, Pardo et al., 2018, https://arxiv.org/abs/1712.00378); None if nothing comes after it.
    """
    values = torch.where(mask, values, 0.0)
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
    if last is not None:
        final = mask & ~torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], 1)
        following = torch.where(final, last[:, None], following)
    delta = torch.where(mask, rewards + gamma * following - values, 0.0)
    position = torch.arange(values.shape[1], device=values.device)
    later = position - position[:, None]  # [t, s]: how long after t is s
    weights = torch.pow(gamma * lam, later.clamp_min(0).to(delta.dtype)) * (later >= 0)
    return delta @ weights.T


def reward_to_go(rewards: Tensor, mask: Tensor, gamma: float, last: Tensor | None = None) -> Tensor:
    r"""Return what comes from each position on, :math:`R_t = \sum_{s \ge t} \gamma^{s-t} r_s` [B, T].

    Args:
        rewards: [B, T].
        mask: which positions count [B, T] (bool).
        gamma: discount in [0, 1].
        last: what is expected after the last real position [B]; None for nothing.
    """
    return generalized_advantage(rewards, torch.zeros_like(rewards), mask, gamma, 1.0, last)


def standardized(values: Tensor, mask: Tensor, spread: bool = True) -> Tensor:
    """Return values [B, T] less their mean over real positions, by their deviation if `spread`; 0 elsewhere."""
    centered = (values - token_mean(values, mask)) * mask
    return centered / (token_mean(centered.square(), mask).sqrt() + 1e-8) if spread else centered


def value_loss(values: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    r"""Return half the mean squared error of values, :math:`\frac{1}{2 \sum m} \sum m (V - R)^2`.

    Args:
        values: V [B, T], with a graph.
        targets: returns R [B, T]; taken as constant.
        mask: which positions count [B, T] (bool).
    """
    return token_mean((values - targets.detach()).square(), mask) / 2


def entropy_bonus(entropy: Tensor, mask: Tensor) -> Tensor:
    r"""Return the entropy of a policy's choices, summed over an episode, :math:`\frac{1}{n} \sum_{i,t} m_{it} H_{it}`.

    References: Function Optimization Using Connectionist Reinforcement Learning Algorithms (Williams and Peng, 1991),
    https://doi.org/10.1080/09540099108946587

    Args:
        entropy: of the choice at each position, in nats [B, T].
        mask: which positions count [B, T] (bool).
    """
    return (entropy * mask).sum(1).mean()


def minimax_reward(logits: Tensor) -> Tensor:
    r"""Return :math:`-\log(1 - D) \ge 0`: what the generator of the minimax game wins; it pays for surviving.

    References: Generative Adversarial Imitation Learning (Ho and Ermon, 2016), https://arxiv.org/abs/1606.03476 (with
    their D for 1 - D)
    """
    return softplus(logits)


def non_saturating_reward(logits: Tensor) -> Tensor:
    r"""Return :math:`\log D \le 0`: what the generator of the non-saturating game wins; it pays for an early end.

    References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    """
    return logsigmoid(logits)


def log_odds_reward(logits: Tensor) -> Tensor:
    r"""Return :math:`\log D - \log(1 - D) = d`, of either sign.

    References: Learning Robust Rewards with Adversarial Inverse Reinforcement Learning (Fu et al., 2018),
    https://arxiv.org/abs/1710.11248
    """
    return logits
