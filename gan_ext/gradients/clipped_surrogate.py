"""Proximal policy optimization (PPO): several steps on one policy's samples, none of them far."""

import copy

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.gradients.estimator import GradientEstimator, Reward, earned, leave_one_out, per_token, score_terms
from gan_ext.losses import clipped_surrogate, token_mean
from gan_ext.sequences import SequenceModel, real_positions, sample

__all__ = ["ClippedSurrogate"]


@checked
class ClippedSurrogate(GradientEstimator):
    r"""Ratios to a lagged copy of the policy, clipped, with leave-one-out advantages.

    .. math::
        L = -\frac{1}{n} \sum_{i,t} m_{it} \min\big(\rho_{it} A_{it},
            \mathrm{clip}(\rho_{it}, 1 - \epsilon, 1 + \epsilon) A_{it}\big)
            - c_H H + c_K \mathrm{KL}(p \Vert p_\text{ref}), \qquad
        \rho_{it} = \frac{p_\theta(x_{it} \mid x_{i,<t})}{p_\text{old}(x_{it} \mid x_{i,<t})}

    Samples come from the lagged copy, which takes the policy's parameters at the first call and after every `refresh`
    calls.  H and KL are exact sums over the vocabulary at each real position, averaged as the first term is.  The copy
    and the reference have no gradients and no owner.

    References: Proximal Policy Optimization Algorithms (Schulman et al., 2017), https://arxiv.org/abs/1707.06347

    Args:
        policy: the model that will be trained; copied.
        clip: :math:`\epsilon > 0`; a buffer.
        refresh: calls between two copies, >= 1; with 1 the ratio is 1 and the gradient that of
            :class:`~gan_ext.gradients.LeaveOneOut`.
        entropy: c_H >= 0, in reward per nat; a buffer.
        reference: a model to stay near, such as one trained by maximum likelihood; copied.
        divergence: c_K >= 0, in reward per nat; a buffer.
    """

    unbiased = False
    relaxed = False

    def __init__(
        self,
        policy: SequenceModel,
        clip: float = 0.2,
        refresh: int = 4,
        entropy: float = 0.0,
        reference: SequenceModel | None = None,
        divergence: float = 0.1,
    ) -> None:
        super().__init__()
        if not (clip > 0 and refresh >= 1 and entropy >= 0 and divergence >= 0):
            raise ValueError(
                "ClippedSurrogate needs clip > 0, refresh >= 1, entropy >= 0 and divergence >= 0, got "
                f"{clip}, {refresh}, {entropy} and {divergence}."
            )
        self.old = copy.deepcopy(policy).requires_grad_(False)
        self.reference = None if reference is None else copy.deepcopy(reference).requires_grad_(False)
        self.refresh = refresh
        for name, value in {"clip": clip, "entropy": entropy, "divergence": divergence}.items():
            self.register_buffer(name, torch.tensor(float(value)))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.clip: Tensor
        self.entropy: Tensor
        self.divergence: Tensor
        self.calls: Tensor

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        self._lag(model)
        tokens = sample(self.old, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        values = earned(reward, tokens, mask)
        advantage = per_token(values) - leave_one_out(values, mask)
        log_probs = model(tokens, labels).float().log_softmax(-1)
        before = self.old.log_prob(tokens, labels)
        after = log_probs.gather(-1, tokens[..., None])[..., 0]
        loss = clipped_surrogate(after, before, advantage, mask, self.clip)
        terms = score_terms(values, advantage, mask)
        far = ((after.detach() - before).exp() - 1).abs() > self.clip
        terms["clipped"] = token_mean(far.float(), mask)
        entropy = -((log_probs.exp() * log_probs).sum(-1) * mask).sum(1).mean()
        loss = loss - self.entropy * entropy
        terms["entropy"] = entropy.detach()
        if self.reference is not None:
            drift = log_probs - self.reference(tokens, labels).float().log_softmax(-1)
            divergence = ((log_probs.exp() * drift).sum(-1) * mask).sum(1).mean()
            loss = loss + self.divergence * divergence
            terms["divergence"] = divergence.detach()
        return loss, terms

    @torch.no_grad()
    def _lag(self, model: SequenceModel) -> None:
        due = self.calls % self.refresh == 0
        for mine, theirs in zip(self.old.parameters(), model.parameters(), strict=True):
            mine.copy_(torch.where(due, theirs, mine))
        self.calls += 1
