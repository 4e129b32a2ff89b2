"""Adversarial losses in float32: minimax, non-saturating, hinge, least squares, relativistic, Wasserstein."""

from math import log

from torch import Tensor
from torch.nn.functional import softplus

from gan_ext.precision import precise

__all__ = [
    "discriminator_hinge",
    "discriminator_least_squares",
    "discriminator_non_saturating",
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "generator_least_squares",
    "generator_likelihood_ratio",
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


def generator_likelihood_ratio(fake: Tensor, *, normalized: bool = True) -> Tensor:
    r"""Return the generator's loss whose gradient at the best discriminator is that of maximum likelihood.

    .. math:: L_G = -E_z[e^{d(G(z))}], \qquad \text{normalized: } L_G = -\log E_z[e^{d(G(z))}]

    :math:`e^d = \sigma / (1 - \sigma)` is then the ratio :math:`r = p / p_G` of the densities of real and generated
    data, and the gradient, with d held, that of :math:`\mathrm{KL}(p \Vert p_G)`.  As :math:`E[r] = 1` there, so is
    that of the normalized form.  It weighs a batch's samples by a softmax of their logits, so that it is bounded and
    never overflows; for B samples its bias is of order 1 / B.

    The variance of r over generated samples is :math:`\chi^2(p \Vert p_G)`, infinite for many pairs of densities: few
    samples, those most taken for real, carry the whole gradient, and the published experiment found that this, not
    the divergence, is why generators drop modes.

    References: On distinguishability criteria for estimating generative models (Goodfellow, 2014),
    https://arxiv.org/abs/1412.6515; NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section
    3.2.5, https://arxiv.org/abs/1701.00160; the normalized form: Maximum-Likelihood Augmented Discrete Generative
    Adversarial Networks (Che et al., 2017), https://arxiv.org/abs/1702.07983

    Args:
        fake: logits of generated data, any shape.
        normalized: whether the mean ratio is divided out; if not, logits above 88 overflow.
    """
    logits = precise(fake).flatten()
    log_mean = logits.logsumexp(0) - log(logits.numel())
    return -log_mean if normalized else -log_mean.exp()


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
