r"""LeakGAN: the discriminator leaks its features to a manager, who sets goals that a worker follows.

References: Long Text Generation via Adversarial Training with Leaked Information (Guo et al., 2018),
https://arxiv.org/abs/1709.08624
"""

import copy
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, pad

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.games.sequence_opponents import LeakyOpponent, Opponent
from gan_ext.losses import discriminator_non_saturating, token_mean
from gan_ext.sequences import ema_update, evaluating, real_positions, rollout_values, sample

__all__ = ["LeakGAN", "directions", "intrinsic_rewards", "rank_rewards"]


class _Trace(Protocol):
    logits: Tensor
    features: Tensor
    goals: Tensor


def rank_rewards(values: Tensor, sharpness: float = 12.0) -> Tensor:
    r"""Return values [B, T] rescaled by their rank within the batch at each position, to (0, 1).

    .. math:: r = \sigma\big(\delta (0.5 - \text{rank}/B)\big), \qquad \text{rank } 0 \text{ for the largest}

    Equal values have the mean of their ranks, so that a constant reward is constant still.

    Args:
        values: [B, T].
        sharpness: :math:`\delta`.
    """
    larger = (values[None] > values[:, None]).sum(1)
    equal = (values[None] == values[:, None]).sum(1)
    ranks = larger + (equal - 1) / 2
    return torch.sigmoid(sharpness * (0.5 - ranks / len(values)))


def directions(features: Tensor, goals: Tensor, horizon: int) -> Tensor:
    r"""Return how well features went where goals pointed, :math:`\cos(f_{t+c} - f_t, g_t)` [B, T].

    Args:
        features: :math:`f_t` of the prefixes read before every token, and of the whole sequence, [B, T + 1, F].
        goals: :math:`g_t` [B, T, F].
        horizon: c; shorter at the end of the sequence.
    """
    length = goals.shape[1]
    ahead = torch.arange(length, device=goals.device).add(horizon).clamp_max(length)
    return cosine_similarity(features[:, ahead] - features[:, :length], goals, dim=-1)


def intrinsic_rewards(features: Tensor, goals: Tensor, horizon: int) -> Tensor:
    r"""Return how well every token followed the goals of the last steps [B, T].

    .. math:: r^I_t = \frac1c \sum_{i=1}^{c} \cos(f_{t+1} - f_{t+1-i}, g_{t+1-i})

    Terms before the first goal are 0.

    Args:
        features: :math:`f_t` of the prefixes read before every token, and of the whole sequence, [B, T + 1, F].
        goals: :math:`g_t` [B, T, F].
        horizon: c.
    """
    length, total = goals.shape[1], torch.zeros_like(goals[..., 0])
    for back in range(1, min(horizon, length) + 1):
        moved = features[:, back:] - features[:, :-back]
        total = total + pad(cosine_similarity(moved, goals[:, : length + 1 - back], dim=-1), (back - 1, 0))
    return total / horizon


@checked
class LeakGAN(Game):
    r"""Three players: discriminator, manager, worker.

    .. math::
        L_M &= -\frac{1}{\bar T} E_G \sum_t r_t \cos(f_{t+c} - f_t, g_t) \\
        \nabla L_W &= -\frac{1}{\bar T} E_G \sum_t \big(r^I_t + r_t - b_t\big) \nabla \log p(x_t \mid x_{<t})

    Rewards :math:`r_t` come from rollouts and are rescaled by rank (:func:`rank_rewards`); :math:`r^I_t` are
    :func:`intrinsic_rewards`; :math:`b_t` is the batch's mean of their sum at the same position, and :math:`\bar T` the
    mean length.  The published worker earns :math:`r^I_t` only, without b.

    Args:
        generator: a :class:`~gan_ext.nets.LeakyGenerator` whose features come from the discriminator.
        discriminator: maps tokens [B, T] to logits [B]; has ``features`` and ``grouped``.
        rollouts: continuations of every prefix.
        lag: share of the lagged policy that stays at every step of the worker.
        likelihood: weight of maximum likelihood in the worker's loss, and of the manager's own pre-training loss (its
            goals should point where real sentences go); the authors interleave both with the game.

    Raises:
        ValueError: a number out of range, or networks without what is needed.
    """

    opponent: ClassVar[Opponent] = LeakyOpponent()

    def __init__(
        self,
        generator: Any,
        discriminator: nn.Module,
        *,
        rollouts: int = 4,
        lag: float = 0.8,
        likelihood: float = 0.1,
    ) -> None:
        super().__init__()
        for network, name in ((generator, "trace"), (discriminator, "features"), (discriminator, "grouped")):
            if not hasattr(network, name):
                raise ValueError(
                    f"{type(network).__name__} has no {name}; LeakGAN needs a gan_ext.nets.LeakyGenerator and a "
                    "discriminator with features and grouped, such as gan_ext.nets.CNNDiscriminator."
                )
        if rollouts < 1 or not 0 <= lag < 1 or likelihood < 0:
            raise ValueError(
                f"LeakGAN needs rollouts >= 1, lag in [0, 1), likelihood >= 0, got {rollouts}, {lag}, {likelihood}."
            )
        self.generator: Any = generator
        self.discriminator: Any = discriminator
        self.rollouts, self.lag, self.likelihood = rollouts, lag, likelihood
        self.policy = copy.deepcopy(generator).requires_grad_(False)
        self.policy.leak_from(discriminator.features)

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "manager": Player((self.generator.manager,), self.manager_loss),
            "worker": Player((self.generator.worker,), self.worker_loss),
        }

    def discriminator_loss(self, batch: Any) -> Loss:
        with evaluating(self.discriminator):
            fake = sample(self.generator, len(batch.tokens), check=False)
        real, generated = self.discriminator(torch.cat([batch.tokens, fake])).chunk(2)
        loss = discriminator_non_saturating(real, generated)
        return loss, {"adversarial": loss.detach()}

    def manager_loss(self, batch: Any) -> Loss:
        with evaluating(self.discriminator, self.generator):
            tokens = sample(self.generator, len(batch.tokens), check=False)
            rewards = self._rewards(tokens)
            mask = real_positions(tokens, self.generator.end)
            loss = -token_mean(rewards * self._directions(tokens), mask)
            terms = {"direction": loss.detach()}
            if self.likelihood:
                real = real_positions(batch.tokens, self.generator.end)
                loss = loss - self.likelihood * token_mean(self._directions(batch.tokens), real)
        return loss, terms

    def worker_loss(self, batch: Any) -> Loss:
        ema_update(self.policy, self.generator, self.lag)
        with evaluating(self.discriminator, self.generator):
            tokens = sample(self.generator, len(batch.tokens), check=False)
            mask = real_positions(tokens, self.generator.end)
            trace = self.generator.trace(tokens)
            with torch.no_grad():
                followed = intrinsic_rewards(self._features(trace, tokens), trace.goals, self.generator.horizon)
                advantage = followed + self._rewards(tokens)
                advantage = advantage - (advantage * mask).sum(0) / mask.sum(0).clamp_min(1)
            loss = -token_mean(advantage * _chosen(trace.logits, tokens), mask)
            terms = {"policy": loss.detach(), "intrinsic": token_mean(followed, mask)}
            if self.likelihood:
                real = real_positions(batch.tokens, self.generator.end)
                nll = -token_mean(_chosen(self.generator.trace(batch.tokens).logits, batch.tokens), real)
                loss, terms = loss + self.likelihood * nll, {**terms, "nll": nll.detach()}
        return loss, terms

    def _rewards(self, tokens: Tensor) -> Tensor:
        values = rollout_values(
            self.policy, tokens, lambda x, shared: torch.sigmoid(self.discriminator.grouped(x, shared)), self.rollouts
        )
        return rank_rewards(values)

    def _directions(self, tokens: Tensor) -> Tensor:
        trace = self.generator.trace(tokens)
        return directions(self._features(trace, tokens), trace.goals, self.generator.horizon)

    @torch.no_grad()
    def _features(self, trace: _Trace, tokens: Tensor) -> Tensor:
        return torch.cat([trace.features, self.discriminator.features(tokens)[:, None]], 1)


def _chosen(logits: Tensor, tokens: Tensor) -> Tensor:
    return logits.float().log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
