"""The two losses of the standard game."""

from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["discriminator_non_saturating", "generator_non_saturating"]


def discriminator_non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the discriminator's cross-entropy between real and generated data.

    .. math:: L_D = E_x[-\log\sigma(d(x))] + E_z[-\log(1 - \sigma(d(G(z))))]

    References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, any shape.
    """
    return softplus(-real.float()).mean() + softplus(fake.float()).mean()


def generator_non_saturating(fake: Tensor) -> Tensor:
    r"""Return the generator's non-saturating loss.

    .. math:: L_G = E_z[-\log\sigma(d(G(z)))]

    References: Generative Adversarial Nets (Goodfellow et al., 2014), section 3, https://arxiv.org/abs/1406.2661

    Args:
        fake: logits of generated data, any shape.
    """
    return softplus(-fake.float()).mean()
