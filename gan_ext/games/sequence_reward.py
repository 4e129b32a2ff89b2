"""Reinforcement learning of a sequence model on any reward, with a KL penalty for leaving the model it began as."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.gradients import ClippedSurrogate, GradientEstimator
from gan_ext.losses import reward_to_go
from gan_ext.sequences import SequenceModel, evaluating, labels_of, real_positions

__all__ = ["SequenceReward"]


@checked
class SequenceReward(Game):
    r"""A generator of sequences that earns a reward of yours, and pays for leaving the model it began as.

    .. math::
        \max_p E_p[R(x)] - \beta\, \mathrm{KL}(p \Vert p_0), \qquad
        p^*(x) = \frac{p_0(x)\, e^{R(x) / \beta}}{\sum_y p_0(y)\, e^{R(y) / \beta}}

    The divergence is part of the reward, token by token: what token t earns from there on is

    .. math:: Q_t = R(x) - \beta \sum_{s \ge t} \log \frac{p(x_s \mid x_{<s})}{p_0(x_s \mid x_{<s})}

    so its gradient is that of the divergence of whole sequences.  The estimator is
    :class:`~gan_ext.gradients.ClippedSurrogate` by default.  Logged: ``earned``,
    the mean of R; ``divergence``, the mean of the whole sum, in nats; and what the estimator logs.

    References: Proximal Policy Optimization Algorithms (Schulman et al., 2017), https://arxiv.org/abs/1707.06347;
    Fine-Tuning Language Models from Human Preferences (Ziegler et al., 2019), https://arxiv.org/abs/1909.08593

    Args:
        generator: the policy, as it begins.
        reward: maps token numbers [B, T] (padded after their end) to what each sequence earns [B], or to what each
            token earns from there on [B, T]; a black box.
        estimator: how the gradient is estimated; ``gan_ext.gradients.ClippedSurrogate(generator)`` if None.
        divergence: :math:`\beta \ge 0`, in units of the reward per nat; a buffer.
        start: :math:`p_0`; the generator as it is now if None.  It is copied, and has no owner.

    Raises:
        ValueError: a negative divergence, an estimator that relaxes tokens, or (in a step) a reward of another shape.
    """

    def __init__(
        self,
        generator: SequenceModel,
        reward: Callable[[Tensor], Tensor],
        estimator: GradientEstimator | None = None,
        *,
        divergence: float = 0.0,
        start: SequenceModel | None = None,
    ) -> None:
        super().__init__()
        if not divergence >= 0:
            raise ValueError(f"divergence={divergence!r} must be at least 0: it weighs how far the model may go.")
        if estimator is not None and estimator.relaxed:
            raise ValueError(
                f"{type(estimator).__name__} relaxes tokens and cannot use a reward that is a black box; use "
                "ClippedSurrogate or LeaveOneOut."
            )
        self.generator = generator
        self.estimator = ClippedSurrogate(generator) if estimator is None else estimator
        self.reward = reward
        self.start = copy.deepcopy(generator if start is None else start).requires_grad_(False)
        self.register_buffer("divergence", torch.tensor(float(divergence)))
        self.divergence: Tensor

    def players(self) -> dict[str, Player]:
        return {"generator": Player((self.generator, self.estimator), self.generator_loss)}

    def generator_loss(self, batch: Any) -> Loss:
        """Return what the generator minimizes; of the batch, only its length and its classes are used."""
        labels, logged = labels_of(batch), {}

        def value(tokens: Tensor) -> Tensor:
            values, terms = self._values(tokens, labels)
            logged.update(terms)
            return values

        with evaluating(self.generator, self.estimator, self.start):
            loss, terms = self.estimator(self.generator, value, len(batch.tokens), labels=labels)
        return loss, {**terms, **logged}

    @torch.no_grad()
    def _values(self, tokens: Tensor, labels: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return action values [B, T]."""
        earned = self.reward(tokens)
        if not isinstance(earned, Tensor) or earned.shape not in (tokens.shape[:1], tokens.shape):
            got = f"shape {tuple(earned.shape)}" if isinstance(earned, Tensor) else type(earned).__name__
            raise ValueError(
                f"reward must return a tensor of shape ({len(tokens)},), one per sequence, or {tuple(tokens.shape)}, "
                f"one per token; got {got}."
            )
        mask = real_positions(tokens, self.generator.end)
        apart = self.generator.log_prob(tokens, labels) - self.start.log_prob(tokens, labels)
        paid = reward_to_go(apart, mask, 1.0)
        values = (earned if earned.dim() == 2 else earned[:, None]).float() - self.divergence * paid
        return values, {"earned": earned.float().mean(), "divergence": paid[:, 0].mean()}
