"""R3GAN: relativistic pairs and both zero-centered gradient penalties.

References: The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024),
https://arxiv.org/abs/2501.05441
"""

from torch import nn
from typing_extensions import Unpack

from gan_ext.checks import checked, no_less
from gan_ext.games.adversarial import Adversarial, AdversarialOptions
from gan_ext.latents import Prior
from gan_ext.losses import R1, R2, Relativistic

__all__ = ["R3GAN"]


@checked(gamma=no_less(0))
class R3GAN(Adversarial):
    r"""Each generated sample against a real one, with R1 and R2 at every step.

    .. math::
        L_D &= E[\operatorname{softplus}(d(G(z)) - d(x))]
               + \tfrac{\gamma}{2} \big(E_x \lVert \nabla d(x) \rVert^2 + E_z \lVert \nabla d(G(z)) \rVert^2\big) \\
        L_G &= E[\operatorname{softplus}(d(x) - d(G(z)))]

    The paper has no normalization layer in either network, Adam with :math:`\beta_1 = 0`, and
    averaged weights of the generator.

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to logits [B], each sample for itself.
        prior: the distribution of z.
        gamma: :math:`\gamma`, in squared units of the data; the buffers ``penalties.r1.weight`` and
            ``penalties.r2.weight`` hold it, and the paper anneals both by a factor of 10.
        options: what else :class:`Adversarial` takes, but loss and penalties.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        gamma: float = 1.0,
        **options: Unpack[AdversarialOptions],
    ) -> None:
        super().__init__(generator, discriminator, prior, Relativistic(), (R1(gamma), R2(gamma)), **options)
