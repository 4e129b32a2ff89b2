"""Actor-critic: a learned critic as baseline, with generalized advantage estimation."""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.gradients.estimator import (
    GradientEstimator,
    Reward,
    earned,
    leave_one_out,
    per_token,
    score_terms,
)
from gan_ext.gradients.prefixes import PrefixEncoder
from gan_ext.losses import generalized_advantage, policy_gradient, token_mean
from gan_ext.sequences import SequenceModel, real_positions, sample

__all__ = ["ActorCritic"]


@checked
class ActorCritic(GradientEstimator):
    r"""The score function with a learned value of the prefix as baseline.

    .. math:: E\Big[\sum_t A_t \nabla \log p(x_t \mid x_{<t})\Big], \qquad
              L_V = \frac{c}{\sum m} \sum_t m_t (V_\phi(x_{<t}) - A_t - V_t)^2

    A reward of a sequence counts at its last token, and A is :func:`generalized_advantage`.  Action values are not
    summed again: A = Q - V.  Rewards are centered by :func:`~gan_ext.gradients.leave_one_out` before the critic sees
    them, so that it need not first learn their level.  With gamma = lam = 1, or with action values, the estimate is
    unbiased whatever the critic says; with less, errors of the critic are errors of the gradient.

    References: Schulman et al., 2016, https://arxiv.org/abs/1506.02438; MaskGAN (Fedus et al., 2018),
    https://arxiv.org/abs/1801.07736

    Args:
        vocabulary: number of tokens V.
        embedding: size of a token's embedding in the critic.
        hidden: size of the critic's memory.
        classes: number of classes of the model; 0 without.
        gamma: discount in [0, 1], per token.
        lam: :math:`\lambda` in [0, 1].
        weight: c >= 0, weight of the critic's loss; a buffer.
    """

    unbiased = False
    relaxed = False

    def __init__(
        self,
        vocabulary: int,
        embedding: int = 32,
        hidden: int = 32,
        classes: int = 0,
        *,
        gamma: float = 1.0,
        lam: float = 0.95,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not (0 <= gamma <= 1 and 0 <= lam <= 1 and weight >= 0):
            raise ValueError(
                f"ActorCritic needs gamma and lam in [0, 1] and weight >= 0, got {gamma}, {lam} and {weight}."
            )
        self.gamma, self.lam = gamma, lam
        self.encoder = PrefixEncoder(vocabulary, embedding, hidden, classes)
        self.value = nn.Linear(hidden, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = sample(model, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        values = earned(reward, tokens, mask)
        centered = per_token(values) - leave_one_out(values, mask)
        expected = self.value(self.encoder(tokens, labels))[..., 0].float()
        with torch.no_grad():
            advantage = centered - expected if values.dim() == 2 else self._generalized(centered, expected, mask)
            target = advantage + expected
        critic = token_mean((expected - target).square(), mask)
        loss = policy_gradient(model.log_prob(tokens, labels), advantage, mask) + self.weight * critic
        return loss, {**score_terms(values, advantage, mask), "critic": critic.detach()}

    def _generalized(self, centered: Tensor, expected: Tensor, mask: Tensor) -> Tensor:
        following = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], 1)
        return generalized_advantage(centered * (mask & ~following), expected, mask, self.gamma, self.lam)
