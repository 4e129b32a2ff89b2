"""RelGAN: Gumbel-softmax rows in place of tokens, and a relativistic discriminator.

References: RelGAN (Nie et al., 2019), https://openreview.net/forum?id=rJedV3R5tm
"""

from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.games.sequence_opponents import Opponent, SequenceOpponent
from gan_ext.gradients import relaxed_sample
from gan_ext.losses import discriminator_relativistic, generator_relativistic
from gan_ext.nets import MultiRepresentationDiscriminator
from gan_ext.sequences import SequenceModel, evaluating, judged, labels_of

__all__ = ["RelGAN"]


@checked
class RelGAN(TwoPlayerGame):
    r"""A relativistic game on Gumbel-softmax rows.

    .. math::
        y_t &= \arg\max(l_t + g_t), \qquad \hat y_t = \mathrm{softmax}(\beta (l_t + g_t)) \\
        L_D &= E[-\log\sigma(d(x) - d(\hat y))], \qquad L_G = E[-\log\sigma(d(\hat y) - d(x))]

    With Gumbel noise g.  The generator reads the hard token :math:`y_t` on; the discriminator sees the relaxed row.

    Args:
        generator: the model of sequences.
        discriminator: maps tokens [B, T] or rows [B, T, V] to logits, of any shape.
        beta: the inverse temperature, a buffer named ``beta`` that a schedule may fill (published: from 1 to 100 or
            1000, exponentially).

    Raises:
        ValueError: `beta` is not positive.
    """

    generator: SequenceModel
    discriminator: Any
    opponent: ClassVar[Opponent] = SequenceOpponent(partial(MultiRepresentationDiscriminator, representations=16))

    def __init__(self, generator: SequenceModel, discriminator: nn.Module, beta: float = 1.0) -> None:
        super().__init__(generator, discriminator)
        if not beta > 0:
            raise ValueError(f"beta={beta} must be positive.")
        self.register_buffer("beta", torch.tensor(float(beta)))
        self.beta: Tensor

    def discriminator_loss(self, batch: Any) -> Loss:
        with opponents_held():
            fake = self._rows(batch)
        loss = discriminator_relativistic(self._judge(batch.tokens, batch), self._judge(fake, batch))
        return loss, {"adversarial": loss.detach()}

    def generator_loss(self, batch: Any) -> Loss:
        with opponents_held():
            real = self._judge(batch.tokens, batch)
        loss = generator_relativistic(real, self._judge(self._rows(batch), batch))
        return loss, {"adversarial": loss.detach()}

    def _rows(self, batch: Any) -> Tensor:
        with evaluating(self.generator):
            return relaxed_sample(self.generator, len(batch.tokens), 1 / self.beta, labels=labels_of(batch))

    def _judge(self, x: Tensor, batch: Any) -> Tensor:
        return judged(self.discriminator, x, labels_of(batch))
