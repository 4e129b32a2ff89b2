r"""MaliGAN: maximum likelihood on the generator's own samples, weighted by how real they look.

References: Maximum-Likelihood Augmented Discrete GAN (Che et al., 2017), https://arxiv.org/abs/1702.07983
"""

from torch import nn

from gan_ext.checks import checked
from gan_ext.games.seqgan import SeqGAN
from gan_ext.gradients import MaliGANWeights
from gan_ext.sequences import SequenceModel

__all__ = ["MaliGAN"]


@checked
class MaliGAN(SeqGAN):
    r"""The game of :class:`SeqGAN` with importance weights in place of rewards.

    .. math::
        \nabla L_G = -\sum_i \Big( \frac{r_i}{\sum_j r_j} - \frac{b}{n} \Big) \nabla \log p(x_i), \qquad
        r = \frac{D}{1 - D} = e^{d}

    With :math:`b = 1`, the default, the weights of a batch of n are centered.

    Args:
        generator: the policy.
        discriminator: maps tokens [B, T] to logits [B].
        estimator: the normalized weights, with their baseline.
        likelihood: weight of maximum likelihood on real sequences in the generator's loss.
    """

    def __init__(
        self,
        generator: SequenceModel,
        discriminator: nn.Module,
        estimator: MaliGANWeights | None = None,
        *,
        likelihood: float = 0.0,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            estimator or MaliGANWeights(),
            rollouts=0,
            reward=nn.Identity(),
            likelihood=likelihood,
        )
