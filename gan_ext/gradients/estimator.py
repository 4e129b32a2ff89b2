"""What every estimator of a gradient through discreteness is, and the pieces that most of them share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from gan_ext.losses import token_mean
from gan_ext.sequences import SequenceModel

__all__ = ["GradientEstimator", "Reward", "earned", "leave_one_out", "one_hot"]

Reward = Callable[[Tensor], Tensor]
"""Maps token numbers [B, T], or rows [B, T, V], to what a sequence earns [B], or each token from there on [B, T]."""


class GradientEstimator(nn.Module, ABC):
    r"""An estimate of the gradient of an expected reward in the parameters of a model of tokens.

    .. math:: \nabla_\theta E_{x \sim p_\theta}[R(x)] = \sum_x R(x) \nabla_\theta p_\theta(x)

    Tokens have no derivative, so there is a choice of estimators, and they are interchangeable.  One that learns (a
    critic, say) holds its parameters, and the scalar has terms for them; a player of a game then owns the model and the
    estimator.  Numbers that may be annealed are 0-dim buffers, for schedules.  The model must give the same
    probabilities whenever it is asked: with dropout, none of these estimators is exact.

    Attributes:
        unbiased: whether the expected gradient is the exact one.
        relaxed: whether the reward is called with rows.
    """

    unbiased: ClassVar[bool]
    relaxed: ClassVar[bool]

    @abstractmethod
    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        r"""Draw sequences and return a scalar whose gradient estimates :math:`-\nabla_\theta E[R]`.

        Args:
            model: the distribution of sequences.
            reward: what sequences, or tokens, earn.  If it returns [B, T], these are action values: what the token at t
                earns in expectation, given those before it and itself.
            n: how many sequences are drawn.
            labels: classes [n] of a class-conditional model.

        Returns:
            The scalar, and detached 0-dim terms: ``reward``, the mean reward; with a score function also
            ``advantage``, the mean advantage of a real token (or of a sequence, if whole ones are rewarded), and
            ``advantage_spread``, its standard deviation.

        Raises:
            ValueError: a reward of the wrong shape, or without the gradient that this estimator needs.
        """

    def given(self, log_prob: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the same for samples that are there already, such as actions in an environment: a policy gradient.

        Args:
            log_prob: log-probabilities of what was drawn [B, T], with a graph.
            values: rewards [B], or action values [B, T].
            mask: which positions hold a token or an action [B, T] (bool).

        Raises:
            ValueError: this estimator needs more than rewards.
        """
        raise ValueError(
            f"{type(self).__name__} draws its own samples; for given ones use REINFORCE, LeaveOneOut or MaliGANWeights."
        )


def earned(reward: Reward, tokens: Tensor, mask: Tensor) -> Tensor:
    """Return what tokens [B, T] earn, [B] or (0 where the mask [B, T] is) [B, T], without a graph.

    Raises:
        ValueError: the reward is no tensor of one of these shapes.
    """
    with torch.no_grad():
        values = reward(tokens)
    if not isinstance(values, Tensor) or values.shape not in (tokens.shape[:1], tokens.shape):
        got = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        n, length = tokens.shape
        raise ValueError(
            f"The reward of tokens [{n}, {length}] must be a tensor of shape ({n},), one number for each sequence, or "
            f"({n}, {length}), one for each token; got {got}."
        )
    values = values.float()
    return values if values.dim() == 1 else torch.where(mask, values, 0.0)


def leave_one_out(values: Tensor, mask: Tensor) -> Tensor:
    r"""Return for every sequence the mean reward of the others, which its own draw cannot have changed.

    .. math:: b_i = \frac{1}{n - 1} \sum_{j \ne i} R_j, \qquad
              b_{it} = \frac{\sum_{j \ne i} m_{jt} Q_{jt}}{\sum_{j \ne i} m_{jt}}

    At a position that no other sequence has reached, the mean of all their real tokens; 0 if there are no others.

    References: Buy 4 REINFORCE Samples, Get a Baseline for Free! (Kool et al., 2019),
    https://openreview.net/forum?id=r1lgTGL5DE

    Args:
        values: rewards [B], or action values [B, T].
        mask: which positions hold a token [B, T] (bool).

    Returns:
        [B, 1] for rewards [B], else [B, T].
    """
    if len(values) == 1:
        return torch.zeros_like(per_token(values))
    # Sums of differences from one value: equal rewards then have advantages of exactly 0, which Adam cannot inflate.
    level = values.flatten()[0]
    if values.dim() == 1:
        apart = values - level
        return (level + (apart.sum() - apart) / (len(values) - 1))[:, None]
    weight = mask.to(values.dtype)
    weighted = torch.where(mask, values - level, 0.0)
    total, count = weighted.sum(0) - weighted, weight.sum(0) - weight
    overall = total.sum(1, keepdim=True) / count.sum(1, keepdim=True).clamp_min(1.0)
    return level + torch.where(count > 0, total / count.clamp_min(1.0), overall)


def score_terms(values: Tensor, advantage: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return what a score-function estimator logs."""
    # Of whole sequences each counts once: by tokens, a centered reward that grows with the length would look drifted.
    weight = torch.ones_like(advantage) if advantage.shape[1] == 1 else mask
    mean = token_mean(advantage, weight)
    return {
        "reward": values.mean() if values.dim() == 1 else token_mean(values, mask),
        "advantage": mean,
        "advantage_spread": token_mean((advantage - mean).square(), weight).sqrt(),
    }


def per_token(values: Tensor) -> Tensor:
    """Return rewards as [B, 1] if they are of whole sequences, else as they are."""
    return values[:, None] if values.dim() == 1 else values


def one_hot(tokens: Tensor, vocabulary: int) -> Tensor:
    """Return rows [..., V] (float32) for tokens [...]."""
    rows = torch.zeros(*tokens.shape, vocabulary, device=tokens.device)
    return rows.scatter_(-1, tokens[..., None], 1.0)


def reward_of_rows(reward: Reward, rows: Tensor, name: str, per_token_too: bool = False) -> Tensor:
    """Return what rows [B, T, V] earn, with a graph, or say why `name` cannot use it."""
    values = reward(rows)
    shapes = [rows.shape[:1], rows.shape[:2]] if per_token_too else [rows.shape[:1]]
    if not isinstance(values, Tensor) or values.shape not in shapes:
        got = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        wanted = " or ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"{name} needs a reward of shape {wanted} for rows {tuple(rows.shape)}, got {got}.")
    if rows.requires_grad and not values.requires_grad:
        raise ValueError(
            f"{name} needs a reward with a gradient in the rows, and this one has none; LeaveOneOut or RELAX take a "
            "reward that is a black box."
        )
    return values.float()
