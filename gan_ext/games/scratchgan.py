"""ScratchGAN: a reward at every token, large batches, no pre-training.

References: Training language GANs from scratch (de Masson d'Autume et al., 2019), https://arxiv.org/abs/1905.09922
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, TwoPlayerGame
from gan_ext.games.sequence_opponents import Opponent, TokenOpponent
from gan_ext.gradients import REINFORCE, GradientEstimator
from gan_ext.losses import token_mean
from gan_ext.sequences import SequenceModel, evaluating, judged, labels_of, real_positions, sample

__all__ = ["ScratchGAN", "discounted_returns"]


def discounted_returns(rewards: Tensor, discount: float) -> Tensor:
    r"""Return :math:`R_t = \sum_{s \ge t} \gamma^{s-t} r_s` for rewards [B, T]."""
    total, returns = torch.zeros_like(rewards[:, 0]), []
    for step in reversed(rewards.unbind(1)):
        total = step + discount * total
        returns.append(total)
    return torch.stack(returns[::-1], 1)


@checked
class ScratchGAN(TwoPlayerGame):
    r"""A discriminator that judges every prefix, and a policy paid at every token.

    .. math::
        L_D &= \text{mean}_t\, E_x[-\log\sigma(d_t(x))] + E_G[-\log(1 - \sigma(d_t(x)))] \\
        r_t &= 2\sigma(d_t) - 1, \qquad R_t = \sum_{s \ge t} \gamma^{s-t} r_s, \qquad
        \nabla L_G = -E_G \sum_t (R_t - b) \nabla \log p(x_t \mid x_{<t})

    Args:
        generator: the policy.
        discriminator: maps tokens [B, T] to a logit per token [B, T], each seeing no later token.
        estimator: how the gradient is estimated; REINFORCE with a moving average b (decay .92) if None.
        discount: :math:`\gamma` in [0, 1]; the published .23 looks about one token ahead.

    Raises:
        ValueError: `discount` out of range, or an estimator that relaxes tokens.
    """

    generator: SequenceModel
    discriminator: Any
    opponent: ClassVar[Opponent] = TokenOpponent()

    def __init__(
        self,
        generator: SequenceModel,
        discriminator: nn.Module,
        estimator: GradientEstimator | None = None,
        discount: float = 0.23,
    ) -> None:
        super().__init__(generator, discriminator)
        if not 0 <= discount <= 1:
            raise ValueError(f"discount={discount} must be in [0, 1].")
        self.estimator = REINFORCE("moving", decay=0.92) if estimator is None else estimator
        if self.estimator.relaxed:
            raise ValueError(f"{type(self.estimator).__name__} relaxes tokens; ScratchGAN rewards drawn ones.")
        self.discount = discount

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.estimator), self.generator_loss),
        }

    def discriminator_loss(self, batch: Any) -> Loss:
        labels, end = labels_of(batch), self.generator.end
        fake = sample(self.generator, len(batch.tokens), labels=labels, check=False)
        real, generated = (judged(self.discriminator, x, labels).float() for x in (batch.tokens, fake))
        loss = token_mean(softplus(-real), real_positions(batch.tokens, end))
        loss = loss + token_mean(softplus(generated), real_positions(fake, end))
        return loss, {"adversarial": loss.detach()}

    def generator_loss(self, batch: Any) -> Loss:
        labels = labels_of(batch)
        with evaluating(self.discriminator, self.generator, self.estimator):
            loss, terms = self.estimator(
                self.generator, lambda tokens: self._returns(tokens, labels), len(batch.tokens), labels=labels
            )
        return loss, terms

    @torch.no_grad()
    def _returns(self, tokens: Tensor, labels: Tensor | None) -> Tensor:
        rewards = 2 * torch.sigmoid(judged(self.discriminator, tokens, labels).float()) - 1
        return discounted_returns(rewards * real_positions(tokens, self.generator.end), self.discount)
