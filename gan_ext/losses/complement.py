r"""Losses of a semi-supervised generator: feature matching, pull-away, entropy, and low density (bad GAN).

References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498;
Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), https://arxiv.org/abs/1705.09783

Shapes: B is the batch, F the number of features, d the coordinates of the prior.  All functions compute in float32 at
least.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gan_ext.precision import precise

__all__ = [
    "absolute_feature_matching",
    "covariance_matching",
    "low_density",
    "maximum_mean_discrepancy",
    "pull_away",
    "variational_entropy",
]


def absolute_feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the absolute distance between the mean features of real and of generated data.

    .. math:: L_G = \frac1F \lVert E_x f(x) - E_z f(G(z)) \rVert_1

    The published form for color images; :func:`~gan_ext.losses.feature_matching` is the squared one.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 3.1 and the authors' code,
    https://arxiv.org/abs/1606.03498

    Args:
        real: features of real data [B, F].
        fake: features of generated data [B', F].
    """
    return (precise(real).mean(0) - precise(fake).mean(0)).abs().mean()


def covariance_matching(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the squared distance between the covariances of real and of generated features.

    .. math:: L_G = \frac1{F^2} \lVert \operatorname{Cov} f(x) - \operatorname{Cov} f(G(z)) \rVert_F^2

    Covariances have the batch's size less one in the denominator.

    References: McGan: Mean and Covariance Feature Matching GAN (Mroueh et al., 2017), section 4,
    https://arxiv.org/abs/1702.08398

    Args:
        real: features of real data [B, F], B >= 2.
        fake: features of generated data [B', F], B' >= 2.
    """
    return (_covariance(precise(real)) - _covariance(precise(fake))).square().mean()


def _covariance(features: Tensor) -> Tensor:
    centered = features - features.mean(0)
    return centered.T @ centered / (len(features) - 1)


def maximum_mean_discrepancy(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return an unbiased estimate of the squared kernel distance between real and generated features.

    .. math:: L_G = E\,k(x, x') + E\,k(g, g') - 2 E\,k(x, g), \qquad
              k(a, b) = \tfrac15 \sum_{j=-2}^{2} e^{-\lVert a - b \rVert^2 / (2^{j} h)}

    where h is the mean squared distance of real features from each other (a constant for the gradient).  It can be
    slightly negative where the distributions agree.

    References: Generative Moment Matching Networks (Li et al., 2015), https://arxiv.org/abs/1502.02761; A Kernel
    Two-Sample Test (Gretton et al., 2012), equation 3

    Args:
        real: features of real data [B, F], B >= 2.
        fake: features of generated data [B', F], B' >= 2.
    """
    real, fake = precise(real), precise(fake)
    # Distances do not change with the origin, but squares of large numbers would round them away: so each set is seen
    # from its own middle, and the two together from that of the real one.
    middle = real.detach().mean(0)
    around = fake - fake.detach().mean(0)
    real, fake = real - middle, fake - middle
    within_real, within_fake, across = _squares(real, real), _squares(around, around), _squares(real, fake)
    n, m = len(real), len(fake)
    h = (within_real.detach().sum() / (n * (n - 1))).clamp_min(1e-12)
    # The kernel of a feature with itself is 1; it does not count.
    same_real = (_kernel(within_real / h).sum() - n) / (n * (n - 1))
    same_fake = (_kernel(within_fake / h).sum() - m) / (m * (m - 1))
    return same_real + same_fake - 2 * _kernel(across / h).mean()


def _squares(a: Tensor, b: Tensor) -> Tensor:
    distances = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    if a is b:
        distances = distances * (1 - torch.eye(len(a), dtype=a.dtype, device=a.device))
    return distances.clamp_min(0)


def _kernel(squares: Tensor) -> Tensor:
    return torch.stack([torch.exp(-squares / 2**power) for power in (-2, -1, 0, 1, 2)]).mean(0)


def pull_away(features: Tensor) -> Tensor:
    r"""Return the mean squared cosine between features of different generated samples: large where they are alike.

    .. math:: L_{PT} = \frac{1}{B (B - 1)} \sum_{i \ne j}
              \left( \frac{f_i^\top f_j}{\lVert f_i \rVert \lVert f_j \rVert} \right)^2, \quad 0 \le L_{PT} \le 1

    References: Energy-based Generative Adversarial Network (Zhao et al., 2017), section 2.4,
    https://arxiv.org/abs/1609.03126; as an entropy term: Dai et al. (2017), section 5.1.2,
    https://arxiv.org/abs/1705.09783

    Args:
        features: features of generated data [B, F], B >= 2.
    """
    unit = normalize(precise(features), dim=1)
    cosines = unit @ unit.T
    n = len(unit)
    others = 1 - torch.eye(n, dtype=unit.dtype, device=unit.device)
    return (cosines.square() * others).sum() / (n * (n - 1))


def variational_entropy(z: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    r"""Return the cost of reading z back from a generated sample, whose negative bounds the generator's entropy below.

    .. math:: L_{VE} = E_z \sum_j \left[ \log \sigma_j(G(z)) + \frac{(z_j - \mu_j(G(z)))^2}{2 \sigma_j^2(G(z))} \right]
              \ge H(z) - H(G(z)) + \text{const}

    Generator and encoder minimize it together.  The logarithm of the deviation is kept within [-5, 5].

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), section 5.1.2,
    https://arxiv.org/abs/1705.09783

    Args:
        z: what the samples were made from [B, d].
        mean: the encoder's :math:`\mu` [B, d].
        log_std: the encoder's :math:`\log\sigma` [B, d].
    """
    log_std = precise(log_std).clamp(-5, 5)
    return (log_std + (precise(z) - precise(mean)).square() / 2 * torch.exp(-2 * log_std)).sum(1).mean()


def low_density(log_density: Tensor, threshold: float | Tensor) -> Tensor:
    r"""Return by how much generated samples are likelier than a threshold: they belong where data is rare.

    .. math:: L_{LD} = E_z\left[ \log p(G(z)) - \tau \;\middle|\; \log p(G(z)) > \tau \right]

    and 0 where no sample is above it.

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), section 5.1.1,
    https://arxiv.org/abs/1705.09783

    Args:
        log_density: :math:`\log p` of generated samples by an explicit model, in nats [B].
        threshold: :math:`\tau`, in nats.
    """
    above = (precise(log_density) - threshold).relu()
    return above.sum() / (above > 0).sum().clamp_min(1)
