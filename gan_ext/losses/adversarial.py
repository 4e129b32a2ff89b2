"""Losses of a discriminator against a generator, in float32 at least."""

from torch import Tensor
from torch.nn.functional import softplus

from gan_ext.losses.semisupervised import precise

__all__ = [
    "discriminator_hinge",
    "discriminator_least_squares",
    "discriminator_non_saturating",
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "generator_least_squares",
    "generator_minimax",
    "generator_non_saturating",
    "generator_relativistic",
    "generator_wasserstein",
]


def discriminator_non_saturating(real: Tensor, fake: Tensor, *, smoothing: float = 1.0) -> Tensor:
    r"""Return the discriminator's cross-entropy between real and generated data.

    .. math:: L_D = E_x[-s \log\sigma(d(x)) - (1 - s) \log(1 - \sigma(d(x)))] + E_z[-\log(1 - \sigma(d(G(z))))]

    References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661; one-sided label
    smoothing: Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4,
    https://arxiv.org/abs/1606.03498

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, any shape.
        smoothing: s, the target of real data; 1 for none, 0.9 as published.
    """
    loss = softplus(-precise(real)).mean() + softplus(precise(fake)).mean()
    if smoothing == 1:
        return loss
    return loss + (1 - smoothing) * precise(real).mean()  # softplus(r) = softplus(-r) + r


def generator_non_saturating(fake: Tensor) -> Tensor:
    r"""Return the generator's non-saturating loss.

    .. math:: L_G = E_z[-\log\sigma(d(G(z)))]

    References: Generative Adversarial Nets (Goodfellow et al., 2014), section 3, https://arxiv.org/abs/1406.2661

    Args:
        fake: logits of generated data, any shape.
    """
    return softplus(-precise(fake)).mean()


def generator_minimax(fake: Tensor) -> Tensor:
    r"""Return the generator's loss in the zero-sum game, which saturates where the discriminator is sure.

    .. math:: L_G = E_z[\log(1 - \sigma(d(G(z))))]

    References: Generative Adversarial Nets (Goodfellow et al., 2014), equation 1, https://arxiv.org/abs/1406.2661

    Args:
        fake: logits of generated data, any shape.
    """
    return -softplus(precise(fake)).mean()


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the discriminator's hinge loss; scores beyond the margin of 1 have no gradient.

    .. math:: L_D = E_x[\max(0, 1 - d(x))] + E_z[\max(0, 1 + d(G(z)))]

    The generator's loss is :func:`generator_wasserstein`.

    References: Geometric GAN (Lim and Ye, 2017), https://arxiv.org/abs/1705.02894

    Args:
        real: scores of real data, any shape.
        fake: scores of generated data, any shape.
    """
    return (1 - precise(real)).relu().mean() + (1 + precise(fake)).relu().mean()


def discriminator_least_squares(real: Tensor, fake: Tensor, targets: tuple[float, float] = (1.0, 0.0)) -> Tensor:
    r"""Return the discriminator's squared distance to its targets.

    .. math:: L_D = \tfrac12 E_x[(d(x) - b)^2] + \tfrac12 E_z[(d(G(z)) - a)^2]

    References: Least Squares GAN (Mao et al., 2017), equation 2, https://arxiv.org/abs/1611.04076

    Args:
        real: scores of real data, any shape.
        fake: scores of generated data, any shape.
        targets: b of real data and a of generated data.
    """
    b, a = targets
    return ((precise(real) - b).square().mean() + (precise(fake) - a).square().mean()) / 2


def generator_least_squares(fake: Tensor, goal: float = 1.0) -> Tensor:
    r"""Return the generator's squared distance to the score it aims at.

    .. math:: L_G = \tfrac12 E_z[(d(G(z)) - c)^2]

    References: Least Squares GAN (Mao et al., 2017), equation 2, https://arxiv.org/abs/1611.04076

    Args:
        fake: scores of generated data, any shape.
        goal: c.
    """
    return (precise(fake) - goal).square().mean() / 2


def discriminator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the relativistic discriminator's loss: a real sample should look more real than its fake partner.

    .. math:: L_D = E[-\log\sigma(d(x) - d(G(z)))]

    References: The relativistic discriminator (Jolicoeur-Martineau, 2019), https://arxiv.org/abs/1807.00734

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, the same shape.
    """
    return softplus(precise(fake) - precise(real)).mean()


def generator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the relativistic generator's loss: a fake should look more real than its real partner.

    .. math:: L_G = E[-\log\sigma(d(G(z)) - d(x))]

    References: The relativistic discriminator (Jolicoeur-Martineau, 2019), https://arxiv.org/abs/1807.00734

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, the same shape.
    """
    return softplus(precise(real) - precise(fake)).mean()


def discriminator_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the Wasserstein critic's loss, minus its estimate of the distance.

    .. math:: L_D = E_z[d(G(z))] - E_x[d(x)]

    It means something only for a critic whose slope is bounded, as :func:`gradient_penalty` does.

    References: Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875

    Args:
        real: scores of real data, any shape.
        fake: scores of generated data, any shape.
    """
    return precise(fake).mean() - precise(real).mean()


def generator_wasserstein(fake: Tensor) -> Tensor:
    r"""Return the generator's loss against a Wasserstein critic.

    .. math:: L_G = -E_z[d(G(z))]

    References: Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875

    Args:
        fake: scores of generated data, any shape.
    """
    return -precise(fake).mean()
