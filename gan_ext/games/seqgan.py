r"""SeqGAN: policy gradients with the discriminator's verdict on finished sequences as the reward.

References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473
"""

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, TwoPlayerGame
from gan_ext.games.sequence_likelihood import sequence_nll_loss
from gan_ext.games.sequence_opponents import Opponent, SequenceOpponent
from gan_ext.gradients import GradientEstimator, LeaveOneOut
from gan_ext.losses import discriminator_non_saturating
from gan_ext.sequences import SequenceModel, ema_update, evaluating, judged, labels_of, rollout_values, sample

__all__ = ["SeqGAN"]

Reward = Callable[[Tensor], Tensor]


@checked
class SeqGAN(TwoPlayerGame):
    r"""A generator of sequences rewarded by a discriminator, by any gradient estimator.

    .. math::
        L_D &= E_x[-\log\sigma(d(x))] + E_G[-\log(1 - \sigma(d(x)))] \\
        \nabla L_G &= -E_G \Big[ \sum_t A(x_{\le t}) \nabla \log p(x_t \mid x_{<t}) \Big]

    With rollouts it is SeqGAN, where the advantage A is the value :math:`Q(x_{<t}, x_t)` found by finishing every
    prefix `rollouts` times with a lagged copy of the generator.  The published rewards are not centered (here:
    ``REINFORCE(None)``); by default they are, for a constant reward alone makes an over-trained generator look better
    (see the theory pages).  Estimators that relax tokens (such as
    :class:`~gan_ext.gradients.GumbelSoftmax`) get the discriminator's verdict on the relaxed rows.

    Args:
        generator: the policy.
        discriminator: maps tokens [B, T] to logits [B]; with rollouts it needs ``grouped``.
        estimator: how the gradient is estimated; :class:`~gan_ext.gradients.LeaveOneOut` if None.
        rollouts: continuations N of every prefix; 0 rewards whole sequences.
        lag: share of the lagged policy that stays at every step of the generator.
        reward: maps logits to rewards; probabilities that the sequence is real if None.  Use ``nn.Identity()`` for
            log-odds, as in adversarial imitation learning.
        task_reward: rewards [B] of token numbers [B, T] from elsewhere (a property of molecules, say); without
            rollouts also [B, T], what each token earns from there on.
        task_weight: its weight beside the discriminator's reward.
        likelihood: weight of maximum likelihood on real sequences in the generator's loss.

    Raises:
        ValueError: a number out of range; a discriminator without ``grouped`` for rollouts; an estimator that relaxes
            tokens with rollouts or with a task's reward.
    """

    generator: SequenceModel
    discriminator: Any
    opponent: ClassVar[Opponent] = SequenceOpponent()

    def __init__(
        self,
        generator: SequenceModel,
        discriminator: nn.Module,
        estimator: GradientEstimator | None = None,
        *,
        rollouts: int = 16,
        lag: float = 0.8,
        reward: Reward | None = None,
        task_reward: Reward | None = None,
        task_weight: float = 1.0,
        likelihood: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator)
        if rollouts < 0 or not 0 <= lag < 1 or likelihood < 0:
            raise ValueError(
                f"SeqGAN needs rollouts >= 0, lag in [0, 1) and likelihood >= 0, got {rollouts}, {lag}, {likelihood}."
            )
        self.estimator = LeaveOneOut() if estimator is None else estimator
        self._check(rollouts, task_reward)
        self.rollouts, self.lag, self.likelihood = rollouts, lag, likelihood
        self.reward = torch.sigmoid if reward is None else reward
        self.task_reward, self.task_weight = task_reward, task_weight
        self.policy = copy.deepcopy(generator).requires_grad_(False) if rollouts else None

    def _check(self, rollouts: int, task_reward: Reward | None) -> None:
        estimator = type(self.estimator).__name__
        if rollouts and self.estimator.relaxed:
            raise ValueError(f"{estimator} relaxes tokens and needs no rollouts; set rollouts=0.")
        if task_reward is not None and self.estimator.relaxed:
            raise ValueError(f"{estimator} relaxes tokens and cannot use task_reward, which has no gradient.")
        if rollouts and not hasattr(self.discriminator, "grouped"):
            raise ValueError(
                f"{type(self.discriminator).__name__} has no grouped(tokens, shared), by which rollouts are scored; "
                "set rollouts=0 or take a gan_ext.nets.SequenceDiscriminator."
            )

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.estimator), self.generator_loss),
        }

    def discriminator_loss(self, batch: Any) -> Loss:
        labels = labels_of(batch)
        fake = sample(self.generator, len(batch.tokens), labels=labels, check=False)
        verdicts = judged(
            self.discriminator, torch.cat([batch.tokens, fake]), None if labels is None else labels.repeat(2)
        )
        real, generated = verdicts.chunk(2)
        loss = discriminator_non_saturating(real, generated)
        accuracy = ((real > 0).float().mean() + (generated < 0).float().mean()) / 2
        return loss, {"adversarial": loss.detach(), "accuracy": accuracy}

    def generator_loss(self, batch: Any) -> Loss:
        return self._policy_loss(batch, self._score)

    def _policy_loss(self, batch: Any, score: Callable[[Tensor, int, Tensor | None], Tensor]) -> Loss:
        """Return the loss for a score of tokens [G, N, T] with the first `shared` in common, of classes [G, N]."""
        if self.policy is not None:
            ema_update(self.policy, self.generator, self.lag)
        labels = labels_of(batch)

        def value(x: Tensor) -> Tensor:
            if x.is_floating_point():
                return self.reward(judged(self.discriminator, x, labels))
            return self._values(x, score, labels)

        with evaluating(self.discriminator, self.generator, self.estimator):
            loss, terms = self.estimator(self.generator, value, len(batch.tokens), labels=labels)
        if self.likelihood:
            nll, more = sequence_nll_loss(self.generator, batch)
            loss, terms = loss + self.likelihood * nll, {**terms, **more}
        return loss, terms

    @torch.no_grad()
    def _values(
        self, tokens: Tensor, score: Callable[[Tensor, int, Tensor | None], Tensor], labels: Tensor | None
    ) -> Tensor:
        def grouped(finished: Tensor, shared: int) -> Tensor:
            each = None if labels is None else labels[:, None].expand(finished.shape[:2])
            earned = score(finished, shared, each)
            if self.task_reward is not None:
                earned = earned + self.task_weight * self.task_reward(finished.flatten(0, 1)).view(earned.shape)
            return earned

        if self.policy is None:
            judged = score(tokens[:, None], tokens.shape[1], None if labels is None else labels[:, None])[:, 0]
            if self.task_reward is None:
                return judged
            task = self.task_weight * self.task_reward(tokens)
            return judged + task if task.dim() == 1 else judged[:, None] + task
        return rollout_values(self.policy, tokens, grouped, self.rollouts, labels=labels)

    def _score(self, tokens: Tensor, shared: int, labels: Tensor | None) -> Tensor:
        if self.policy is None:
            verdicts = judged(self.discriminator, tokens.flatten(0, 1), None if labels is None else labels.flatten())
            return self.reward(verdicts).view(tokens.shape[:2])
        grouped = self.discriminator.grouped
        return self.reward(grouped(tokens, shared) if labels is None else grouped(tokens, shared, labels))
