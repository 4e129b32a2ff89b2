"""WGAN-GP: the Wasserstein GAN with gradient penalty.

References: Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028
"""

from torch import nn
from typing_extensions import Unpack

from gan_ext.checks import checked, no_less
from gan_ext.games.adversarial import Adversarial, AdversarialOptions
from gan_ext.latents import Prior
from gan_ext.losses import WGANGP, Wasserstein

__all__ = ["WassersteinGAN"]


@checked(penalty=no_less(0))
class WassersteinGAN(Adversarial):
    r"""A critic whose slope between real and generated samples is held near 1.

    .. math::
        L_D &= E_z[d(G(z))] - E_x[d(x)] + \lambda E[(\lVert \nabla d(\hat x) \rVert_2 - 1)^2] \\
        L_G &= -E_z[d(G(z))]

    The paper lets the critic move 5 times for each move of the generator (``rounds(discriminator=5, generator=1)``),
    with Adam(1e-4, beta1 = 0, beta2 = 0.9).

    Args:
        generator: maps z [B, d] to data [B, ...].
        discriminator: maps data [B, ...] to scores [B], each sample for itself (no batch normalization).
        prior: the distribution of z.
        penalty: :math:`\lambda`, dimensionless; the buffer ``penalties.wgan_gp.weight`` holds it.
        options: what else :class:`Adversarial` takes, but loss and penalties.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        penalty: float = 10.0,
        **options: Unpack[AdversarialOptions],
    ) -> None:
        super().__init__(generator, discriminator, prior, Wasserstein(), (WGANGP(penalty),), **options)
