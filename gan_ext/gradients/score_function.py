"""REINFORCE (the score function), its baselines, and MaliGAN's weights.  The reward is a black box of tokens."""

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.gradients.estimator import (
    GradientEstimator,
    Reward,
    earned,
    leave_one_out,
    per_token,
    score_terms,
)
from gan_ext.losses import policy_gradient, token_mean
from gan_ext.sequences import SequenceModel, real_positions, sample

__all__ = ["REINFORCE", "LeaveOneOut", "MaliGANWeights", "SelfCritical", "greedy"]


class _ScoreFunction(GradientEstimator):
    """Draw, let the reward judge, compare, and push; the baseline needs nothing but rewards."""

    relaxed = False

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = sample(model, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        return self.given(model.log_prob(tokens, labels), earned(reward, tokens, mask), mask)

    def given(self, log_prob: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            advantage = self.compared(values, mask)
        return policy_gradient(log_prob, advantage, mask), score_terms(values, advantage, mask)

    @abstractmethod
    def compared(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return advantages [B, 1] or [B, T] for rewards [B] or action values [B, T]."""


@checked
class REINFORCE(_ScoreFunction):
    r"""The score function with a moving average of past rewards as baseline.

    .. math:: \nabla E[R] = E\Big[\sum_t (R - b) \nabla \log p(x_t \mid x_{<t})\Big], \qquad
              b \leftarrow \beta b + (1 - \beta) \bar R

    b is used before it takes in the present rewards, so it is independent of them; it is corrected for having started
    at 0 as Adam's moments are, and the first call uses :func:`~gan_ext.gradients.leave_one_out`.

    References: Williams, 1992, https://doi.org/10.1007/BF00992696

    Args:
        baseline: ``"moving"``; None subtracts nothing, and then even a reward that says nothing moves the model (see
            :class:`~gan_ext.gradients.AdvantageWatch`).
        decay: :math:`\beta` in [0, 1), per call.
    """

    unbiased = True

    def __init__(self, baseline: Literal["moving"] | None = "moving", decay: float = 0.9) -> None:
        super().__init__()
        if baseline not in ("moving", None):
            raise ValueError(
                f'baseline={baseline!r} must be "moving" or None; for the mean of the other samples use LeaveOneOut.'
            )
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay!r} must be in [0, 1).")
        self.baseline, self.decay = baseline, decay
        self.register_buffer("average", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))
        self.average: Tensor
        self.weight: Tensor

    def compared(self, values: Tensor, mask: Tensor) -> Tensor:
        if self.baseline is None:
            return per_token(values)
        average = self.average / self.weight.clamp_min(1e-30)
        baseline = torch.where(self.weight > 0, average, leave_one_out(values, mask))
        self.average.lerp_(token_mean(per_token(values), mask), 1 - self.decay)
        self.weight.lerp_(torch.ones_like(self.weight), 1 - self.decay)
        return per_token(values) - baseline


class LeaveOneOut(_ScoreFunction):
    r"""The score function with the mean reward of the other samples as baseline (RLOO).

    .. math:: \frac{1}{n} \sum_i (R_i - b_i) \nabla \log p(x_i), \qquad b_i = \frac{1}{n - 1} \sum_{j \ne i} R_j

    The advantages of a batch sum to zero.  With action values, the baseline is the mean at the same position
    (:func:`~gan_ext.gradients.leave_one_out`).

    References: Kool et al., 2019, https://openreview.net/forum?id=r1lgTGL5DE
    """

    unbiased = True

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if n < 2:
            raise ValueError(f"n={n} leaves nothing when one sample is left out; LeaveOneOut needs n >= 2.")
        return super().forward(model, reward, n, labels)

    def compared(self, values: Tensor, mask: Tensor) -> Tensor:
        return per_token(values) - leave_one_out(values, mask)


class SelfCritical(GradientEstimator):
    r"""The score function with the reward of the model's greedy decoding as baseline.

    .. math:: (R(x) - R(\hat x)) \nabla \log p(x), \qquad \hat x_t = \arg\max_v p(v \mid \hat x_{<t})

    It is not centered: samples mostly earn less than the greedy sequence, or more.  Where the greedy sequence has
    ended,
    its mean over real tokens stands for its action values.

    References: Self-critical Sequence Training for Image Captioning (Rennie et al., 2017),
    https://arxiv.org/abs/1612.00563
    """

    relaxed = False
    unbiased = True

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = sample(model, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        values = earned(reward, tokens, mask)
        with torch.no_grad():
            advantage = per_token(values) - self._expected(model, reward, labels)
        loss = policy_gradient(model.log_prob(tokens, labels), advantage, mask)
        return loss, score_terms(values, advantage, mask)

    def _expected(self, model: SequenceModel, reward: Reward, labels: Tensor | None) -> Tensor:
        decoded = greedy(model, 1 if labels is None else len(labels), labels)
        real = real_positions(decoded, model.end)
        baseline = per_token(earned(reward, decoded, real))
        mean = (baseline * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)
        return torch.where(real, baseline, mean)


@checked
class MaliGANWeights(_ScoreFunction):
    r"""Maximum likelihood on the distribution that a discriminator implies, by self-normalized weights.

    .. math:: \frac{1}{n} \sum_i \Big(\frac{w_i}{\frac{1}{n}\sum_j w_j} - b\Big) \nabla \log p(x_i), \qquad
              w_i = e^{d(x_i)} = \frac{D(x_i)}{1 - D(x_i)}

    The reward must be the discriminator's logit d.  As n grows this is the gradient of :math:`\log E_p[e^{d}]`, not
    that of :math:`E_p[d]`; for finite n it is biased by the quotient, of order 1/n.

    References: Maximum-Likelihood Augmented Discrete GANs (Che et al., 2017), https://arxiv.org/abs/1702.07983

    Args:
        baseline: b, dimensionless, a buffer; 1 centers the weights, the paper lets it rise from 0.
    """

    unbiased = False

    def __init__(self, baseline: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("baseline", torch.tensor(float(baseline)))
        self.baseline: Tensor

    def compared(self, values: Tensor, mask: Tensor) -> Tensor:
        if values.dim() == 1:
            return (values.softmax(0) * len(values) - self.baseline)[:, None]
        weights = values.masked_fill(~mask, float("-inf")).softmax(0).nan_to_num()
        return weights * mask.sum(0) - self.baseline


@torch.no_grad()
def greedy(model: SequenceModel, n: int, labels: Tensor | None = None) -> Tensor:
    """Return the sequences [n, T] that take the likeliest token at every step.

    Args:
        model: what to decode.
        n: how many rows; without labels they are all the same.
        labels: classes [n] of a class-conditional model.
    """
    state, token, tokens = model.initial(n, labels), model.first(n), []
    open_ = torch.ones_like(token, dtype=torch.bool)
    for _ in range(model.length):
        logits, state = model.step(token, state)
        token = torch.where(open_, logits.argmax(-1), model.pad)
        tokens.append(token)
        if model.end is not None:
            open_ = open_ & (token != model.end)
    return torch.stack(tokens, 1)
