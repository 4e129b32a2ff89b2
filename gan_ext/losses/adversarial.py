"""Losses of a discriminator against a generator."""

from torch import Tensor
from torch.nn.functional import softplus

__all__ = [
    "discriminator_non_saturating",
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "generator_non_saturating",
    "generator_relativistic",
    "generator_wasserstein",
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


def discriminator_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the Wasserstein critic's loss, minus its estimate of the distance.

    .. math:: L_D = E_z[d(G(z))] - E_x[d(x)]

    It means something only for a critic whose slope is bounded, as :func:`gradient_penalty` does.

    References: Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875

    Args:
        real: scores of real data, any shape.
        fake: scores of generated data, any shape.
    """
    return fake.float().mean() - real.float().mean()


def generator_wasserstein(fake: Tensor) -> Tensor:
    r"""Return the generator's loss against a Wasserstein critic.

    .. math:: L_G = -E_z[d(G(z))]

    References: Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875

    Args:
        fake: scores of generated data, any shape.
    """
    return -fake.float().mean()
