"""PPO: proximal policy optimization in an environment that pays a reward."""

import copy
from typing import Any, NamedTuple, TypedDict

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.gradients import GradientEstimator, LeaveOneOut, natural_gradient
from gan_ext.losses import (
    clipped_surrogate,
    entropy_bonus,
    generalized_advantage,
    policy_gradient,
    reward_to_go,
    standardized,
    token_mean,
    value_loss,
)
from gan_ext.sequences import ema_update

__all__ = ["PPO", "Episodes", "PPOOptions"]


class Episodes(NamedTuple):
    """Episodes of a policy, all from their beginning, in rectangles of N episodes and T steps.

    `observations` [N, T + 1, ...] (the last ones come after the last action), `actions` [N, T] or [N, T, k], `log_prob`
    of the policy that acted [N, T], `rewards` of the environment [N, T], `mask` [N, T] (bool; the steps that were
    played) and `terminated` [N] (bool): whether an episode ended by itself, and not by a limit of time.
    """

    observations: Tensor
    actions: Tensor
    log_prob: Tensor
    rewards: Tensor
    mask: Tensor
    terminated: Tensor


class PPOOptions(TypedDict, total=False):
    """What a game that pays otherwise hands on to :class:`PPO`."""

    estimator: GradientEstimator | None
    gamma: float
    lam: float
    clip: float | None
    entropy: float
    standardize: bool
    lag: float
    natural: float | None


@checked
class PPO(Game):
    r"""A policy that earns a reward, and a value that knows what to expect.

    .. math::
        L_\pi &= -E \sum_t \min(\rho_t A_t, \mathrm{clip}(\rho_t, 1 \pm \epsilon) A_t) + c_H H(\pi(\cdot | s_t)) \\
        L_V &= \tfrac{1}{2} E (V(s_t) - \hat R_t)^2, \qquad \hat R_t = A_t + V(s_t)

    A are generalized advantages, found anew at every move from the present value.  The ratio is to the policy that
    played the batch.  A step of the engine is a number of moves on the same episodes
    (:class:`~gan_ext.reinforcement.EpisodeStream`).  Logged: the mean ``return`` of an episode (of the reward that is
    learned from), ``entropy`` per step, and the share of ratios ``clipped``.

    References: Proximal Policy Optimization Algorithms (Schulman et al., 2017), https://arxiv.org/abs/1707.06347;
    advantages anew at every pass: What Matters In On-Policy Reinforcement Learning? (Andrychowicz et al., 2021),
    https://arxiv.org/abs/2006.05990

    Args:
        policy: gives log-probabilities and entropies [N, T] for observations [N, T, ...] and actions, such as
            :class:`~gan_ext.nets.CategoricalPolicy`.
        value: maps observations [N, T + 1, ...] to values [N, T + 1]; None leaves the baseline to `estimator`.
        estimator: an estimator of :mod:`gan_ext.gradients` that makes advantages of what came after each action, in
            place of surrogate and value; without a value, :class:`~gan_ext.gradients.LeaveOneOut` if None.
        gamma: discount in [0, 1], per step.
        lam: :math:`\lambda` of the advantages, in [0, 1].
        clip: :math:`\epsilon > 0`; None takes the plain policy gradient.
        entropy: c_H >= 0, in reward per nat; a buffer.
        standardize: whether advantages are divided by their deviation, after their mean is taken off.
        natural: length of a natural step in nats per choice (:func:`~gan_ext.gradients.natural_gradient`), in place of
            surrogate and entropy; give the policy ``sgd(1.0)``.  It cannot be compiled.
        lag: share of a lagged copy of the value that stays at every move of the value; the copy then says what to
            expect.  0 has no copy.

    Raises:
        ValueError: a number out of range, or a value beside an estimator.
    """

    def __init__(
        self,
        policy: nn.Module,
        value: nn.Module | None,
        estimator: GradientEstimator | None = None,
        *,
        gamma: float = 0.99,
        lam: float = 0.95,
        clip: float | None = 0.2,
        entropy: float = 0.01,
        standardize: bool = True,
        lag: float = 0.0,
        natural: float | None = None,
    ) -> None:
        super().__init__()
        if not (0 <= gamma <= 1 and 0 <= lam <= 1 and (clip is None or clip > 0) and entropy >= 0 and 0 <= lag < 1):
            raise ValueError(
                f"{type(self).__name__} needs gamma and lam in [0, 1], clip > 0, entropy >= 0 and lag in [0, 1), got "
                f"{gamma}, {lam}, {clip}, {entropy} and {lag}."
            )
        if value is not None and estimator is not None:
            raise ValueError(
                f"{type(estimator).__name__} brings a baseline of its own; give value=None, or leave the estimator out."
            )
        self.policy, self.value = policy, value
        self.estimator = LeaveOneOut() if value is None and estimator is None else estimator
        self.gamma, self.lam, self.clip, self.standardize, self.lag = gamma, lam, clip, standardize, lag
        if natural is not None and not natural > 0:
            raise ValueError(f"natural={natural!r} must be a positive number of nats, such as 0.01.")
        self.natural = natural
        self.lagged = copy.deepcopy(value).requires_grad_(False) if lag and value is not None else None
        self.register_buffer("entropy", torch.tensor(float(entropy)))
        self.entropy: Tensor

    def players(self) -> dict[str, Player]:
        owned = (self.policy,) if self.estimator is None else (self.policy, self.estimator)
        players = {"policy": Player(owned, self.policy_loss)}
        return players if self.value is None else {"value": Player((self.value,), self.value_loss), **players}

    def reward(self, batch: Any) -> Tensor:
        """Return what each step earns [N, T], or each episode [N]: here what the environment pays for steps."""
        rewards: Tensor = batch.rewards
        return rewards

    def after(self, batch: Any) -> Tensor:
        """Return what comes after an episode that ended by itself [N] or []: here nothing."""
        return torch.zeros((), device=batch.mask.device)

    def policy_loss(self, batch: Any) -> Loss:
        """Return what the policy minimizes."""
        log_prob, entropy = self.policy(batch.observations[:, :-1], batch.actions)
        with torch.no_grad():
            rewards = self.reward(batch)
            paid = _paid(rewards, batch)
        if self.estimator is not None:
            whole = rewards.dim() == 1
            values = rewards if whole else reward_to_go(paid, batch.mask, self.gamma)
            loss, terms = self.estimator.given(log_prob, values, batch.mask)
        else:
            loss, terms = self._surrogate(log_prob, batch, paid)
        terms = {**terms, "return": paid.sum(1).mean()}
        if self.natural is None:
            loss = loss - self.entropy * entropy_bonus(entropy, batch.mask)
        return loss, {**terms, "entropy": token_mean(entropy.detach(), batch.mask)}

    def _surrogate(self, log_prob: Tensor, batch: Any, rewards: Tensor) -> Loss:
        advantage, _ = self._advantage(batch, rewards)
        advantage = standardized(advantage, batch.mask) if self.standardize else advantage
        if self.natural is not None:
            return natural_gradient(log_prob, advantage, batch.mask, list(self.policy.parameters()), self.natural), {}
        if self.clip is None:
            return policy_gradient(log_prob, advantage, batch.mask), {}
        far = ((log_prob - batch.log_prob).detach().exp() - 1).abs() > self.clip
        loss = clipped_surrogate(log_prob, batch.log_prob, advantage, batch.mask, self.clip)
        return loss, {"clipped": token_mean(far.float(), batch.mask)}

    def value_loss(self, batch: Any) -> Loss:
        """Return what the value minimizes."""
        assert self.value is not None
        if self.lagged is not None:
            ema_update(self.lagged, self.value, self.lag)
        with torch.no_grad():
            advantage, expected = self._advantage(batch, _paid(self.reward(batch), batch))
        loss = value_loss(self.value(batch.observations[:, :-1]), advantage + expected, batch.mask)
        return loss, {"error": loss.detach()}

    @torch.no_grad()
    def _advantage(self, batch: Any, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """Return advantages [N, T], and the values [N, T] that they are beyond."""
        value = self.value if self.lagged is None else self.lagged
        assert value is not None
        values: Tensor = value(batch.observations)
        before = values[:, :-1]
        # The last observation of an episode stands right after its last step.
        steps = batch.mask.sum(1, keepdim=True)
        last = torch.where(batch.terminated, self.after(batch), values.gather(1, steps)[:, 0])
        return generalized_advantage(rewards, before, batch.mask, self.gamma, self.lam, last), before


def _paid(rewards: Tensor, batch: Any) -> Tensor:
    """Return what each real step earns [N, T]; what a whole episode earns is paid at its last step."""
    if rewards.dim() == 1:
        last = batch.mask.sum(1, keepdim=True) - 1
        rewards = rewards[:, None] * (torch.arange(batch.mask.shape[1], device=last.device) == last)
    return torch.where(batch.mask, rewards, 0.0)
