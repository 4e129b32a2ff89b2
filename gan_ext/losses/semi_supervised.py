r"""Semi-supervised losses of a discriminator that is also a K-class classifier (K + 1 classes).

Two heads describe the same discriminator.  The *explicit* one has K + 1 logits, the last for "generated".  A softmax
does not change when a constant is added to all its logits, so the last one can be fixed at 0 and dropped: the
*K-logit* head.  With :math:`Z(x) = \sum_k \exp l_k(x)` and :math:`s(x) = \log Z(x)`,

.. math:: p(\text{real} \mid x) = \frac{Z(x)}{Z(x) + 1} = \sigma(s(x)).

References: Improved Techniques for Training GANs (Salimans et al., 2016), section 5, https://arxiv.org/abs/1606.03498

Shapes: B is the batch, K the number of classes, F the number of features.  All functions compute in float32 at least.
"""

from math import log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, pad, softplus

from gan_ext.precision import precise

__all__ = [
    "append_fake_logit",
    "class_balance",
    "conditional_entropy",
    "explicit_supervised",
    "explicit_unsupervised",
    "feature_matching",
    "k_plus_one_probabilities",
    "pseudo_label",
    "realness",
    "smoothness",
    "supervised",
    "unsupervised",
]


def realness(logits: Tensor) -> Tensor:
    r"""Return the log-odds that data is real, from K class logits.

    .. math:: s(x) = \log \sum_{k=1}^{K} \exp l_k(x)

    Args:
        logits: class logits [..., K].

    Returns:
        Log-odds in nats [...]; positive means "rather real".
    """
    return torch.logsumexp(precise(logits), dim=-1)


def append_fake_logit(logits: Tensor) -> Tensor:
    """Turn K class logits [..., K] into the K + 1 logits [..., K + 1] they stand for, the last being 0."""
    return pad(precise(logits), (0, 1))


def k_plus_one_probabilities(logits: Tensor) -> Tensor:
    """Return the K + 1 probabilities [..., K + 1] that K class logits [..., K] stand for; the last is "generated"."""
    return append_fake_logit(logits).softmax(dim=-1)


def supervised(logits: Tensor, y: Tensor, class_weight: Tensor | None = None) -> Tensor:
    r"""Return the cross-entropy of the class, *given that the data is real*.

    .. math:: L_\text{sup} = E[s(x) - l_y(x)] = E[-\log p(y \mid x, y \le K)]

    This conditional form is the published one; the joint :math:`-\log p(y \mid x)` has :math:`\log(Z + 1)` in place of
    :math:`s` and also pushes realness up.

    Args:
        logits: class logits of labeled data [B, K].
        y: classes in 0 .. K-1 [B], int64.
        class_weight: what samples of each class count, on average 1 [K]; None for the same.
    """
    if class_weight is None:
        return cross_entropy(precise(logits), y)
    logits = precise(logits)
    return cross_entropy(logits, y, class_weight.to(logits), reduction="none").mean()


def unsupervised(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the real-or-generated half of the discriminator's loss, from K class logits.

    .. math:: L_\text{unl} = \tfrac12 E_u[\operatorname{softplus}(s(u)) - s(u)]
              + \tfrac12 E_z[\operatorname{softplus}(s(G(z)))]

    Args:
        real: class logits of unlabeled data [B, K].
        fake: class logits of generated data [B, K].
    """
    return (softplus(-realness(real)).mean() + softplus(realness(fake)).mean()) / 2


def explicit_supervised(logits: Tensor, y: Tensor) -> Tensor:
    r"""Return the same loss as :func:`supervised` from an explicit K + 1 head.

    .. math:: L_\text{sup} = E[-\log p(y \mid x) + \log(1 - p(K + 1 \mid x))]

    Args:
        logits: K + 1 logits of labeled data [B, K + 1], the last for "generated".
        y: classes in 0 .. K-1 [B], int64.
    """
    log_p = log_softmax(precise(logits), dim=-1)
    log_real = torch.logsumexp(log_p[:, :-1], dim=-1)
    return (log_real - log_p.gather(1, y[:, None])[:, 0]).mean()


def explicit_unsupervised(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the same loss as :func:`unsupervised` from an explicit K + 1 head.

    .. math:: L_\text{unl} = -\tfrac12 E_u[\log(1 - p(K+1 \mid u))] - \tfrac12 E_z[\log p(K+1 \mid G(z))]

    Args:
        real: K + 1 logits of unlabeled data [B, K + 1], the last for "generated".
        fake: K + 1 logits of generated data [B, K + 1].
    """
    log_real = torch.logsumexp(log_softmax(precise(real), dim=-1)[:, :-1], dim=-1)
    log_fake = log_softmax(precise(fake), dim=-1)[:, -1]
    return -(log_real.mean() + log_fake.mean()) / 2


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the squared distance between the mean features of real and of generated data.

    .. math:: L_G = \frac1F \lVert E_x f(x) - E_z f(G(z)) \rVert_2^2

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 3.1,
    https://arxiv.org/abs/1606.03498

    Args:
        real: features of real data [B, F].
        fake: features of generated data [B', F].
    """
    return (precise(real).mean(0) - precise(fake).mean(0)).square().mean()


def conditional_entropy(logits: Tensor) -> Tensor:
    r"""Return the mean entropy of the class, given that the data is real, in nats.

    .. math:: H = -E_u \sum_k p(k \mid u) \log p(k \mid u), \quad 0 \le H \le \log K

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), section 4,
    https://arxiv.org/abs/1705.09783

    Args:
        logits: class logits [B, K].
    """
    log_p = log_softmax(precise(logits), dim=-1)
    return -(log_p.exp() * log_p).sum(-1).mean()


def pseudo_label(guide: Tensor, follower: Tensor, threshold: float | Tensor = 0.95) -> Tensor:
    r"""Return how far two views of the same unlabeled data disagree, where the first is sure of its class.

    .. math:: L = E_u\big[1\{\max_k p(k \mid u) \ge \tau\}\, (-\log p(\hat k \mid u'))\big],
              \quad \hat k = \arg\max_k p(k \mid u)

    The gradient goes into the second view only.

    References: FixMatch (Sohn et al., 2020), https://arxiv.org/abs/2001.07685

    Args:
        guide: class logits of data as it is [B, K].
        follower: class logits of the same data, noisier or transformed [B, K].
        threshold: :math:`\tau`, the probability from which a class counts as known.
    """
    confidence, label = precise(guide).detach().softmax(-1).max(-1)
    losses = cross_entropy(precise(follower), label, reduction="none")
    return (losses * (confidence >= threshold)).mean()


def class_balance(logits: Tensor, prior: Tensor) -> Tensor:
    r"""Return the divergence of the mean predicted class from a known mix of classes, in nats.

    .. math:: KL(\bar p \,\Vert\, \pi) = \sum_k \bar p_k \log \frac{\bar p_k}{\pi_k},
              \quad \bar p = E_u[p(\cdot \mid u)]

    References: Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks
    (Springenberg, 2016), whose marginal entropy this is for a uniform mix, https://arxiv.org/abs/1511.06390

    Args:
        logits: class logits of a batch of unlabeled data [B, K].
        prior: :math:`\pi`, positive and summing to one [K].
    """
    log_mean = torch.logsumexp(log_softmax(precise(logits), dim=-1), dim=0) - log(len(logits))
    return (log_mean.exp() * (log_mean - prior.to(log_mean).log())).sum()


def smoothness(guide: Tensor, follower: Tensor) -> Tensor:
    r"""Return how far the classes predicted for two views of the same data diverge, in nats.

    .. math:: L = E_u\, KL(p(\cdot \mid u) \,\Vert\, p(\cdot \mid u'))

    The gradient goes into the second view only.

    Args:
        guide: class logits of data as it is [B, K].
        follower: class logits of the same data, changed [B, K].
    """
    log_p, log_q = log_softmax(precise(guide).detach(), dim=-1), log_softmax(precise(follower), dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()
