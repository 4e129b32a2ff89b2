"""ADC-GAN: a classifier that tells a class of real data from the same class of generated data.

References: Conditional GANs with Auxiliary Discriminative Classifier (Hou et al., 2022),
https://arxiv.org/abs/2107.10060
"""

from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_ext.games.acgan import NamingGame

__all__ = ["ADCGAN"]


class ADCGAN(NamingGame):
    r"""AC-GAN with two logits a class, :math:`y^+` for real data and :math:`y^-` for generated.

    .. math::
        C_D &= E_{x, y}[-\log c_{y^+}(x)] + E_{z, y}[-\log c_{y^-}(G(z, y))] \\
        C_G &= E_{z, y}[\log c_{y^-}(G(z, y)) - \log c_{y^+}(G(z, y))]

    For the best classifier :math:`C_G = KL(q(x, y) \Vert p(x, y))`: unlike in AC-GAN, the generator gains nothing from
    samples that are easier to name than real ones.

    References: Hou et al. (2022), https://arxiv.org/abs/2107.10060

    Args:
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: maps data to an object with `logits` [B] and `classes` [B, 2 K], first :math:`y^+` of all
            classes, then :math:`y^-`.
        prior: the distribution of z.
        weight: :math:`\lambda` of :class:`NamingGame`; 1 as published.
        mode_seeking, r1: as in :class:`ClassGame`.
    """

    def naming_loss(self, real: Tensor, generated: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(real, y) + cross_entropy(generated, y + generated.shape[1] // 2)

    def named_loss(self, generated: Tensor, y: Tensor) -> Tensor:
        positive, negative = generated.chunk(2, dim=1)  # the softmax's denominator is the same
        return (negative - positive).gather(1, y[:, None]).mean()
