"""Losses of a discriminator against a generator."""

from torch import Tensor
from torch.nn.functional import softplus

__all__ = [
    "discriminator_non_saturating",
    "discriminator_relativistic",
    "generator_non_saturating",
    "generator_relativistic",
]


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


def discriminator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the relativistic discriminator's loss: a real sample should look more real than its fake partner.

    .. math:: L_D = E[-\log\sigma(d(x) - d(G(z)))]

    References: The relativistic discriminator (Jolicoeur-Martineau, 2019), https://arxiv.org/abs/1807.00734

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, the same shape.
    """
    return softplus(fake.float() - real.float()).mean()


def generator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the relativistic generator's loss: a fake should look more real than its real partner.

    .. math:: L_G = E[-\log\sigma(d(G(z)) - d(x))]

    References: The relativistic discriminator (Jolicoeur-Martineau, 2019), https://arxiv.org/abs/1807.00734

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, the same shape.
    """
    return softplus(real.float() - fake.float()).mean()
