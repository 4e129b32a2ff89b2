r"""Consistency losses: distances between a classifier's prediction and a target, as in the Pi model and MixUp.

Shapes: B is the batch, K the number of classes.  All functions compute in float32 at least.
"""

from torch import Tensor
from torch.nn.functional import log_softmax

from gan_ext.precision import precise

__all__ = ["logit_distance", "probability_distance", "soft_cross_entropy"]


def probability_distance(guide: Tensor, follower: Tensor) -> Tensor:
    r"""Return the mean squared distance between the class probabilities of two views.

    .. math:: L = E_u \frac1K \lVert p(\cdot \mid u) - p(\cdot \mid u') \rVert_2^2

    References: Temporal Ensembling (the Pi-model; Laine and Aila, 2017), https://arxiv.org/abs/1610.02242; Mean
    Teachers (Tarvainen and Valpola, 2017), https://arxiv.org/abs/1703.01780

    Args:
        guide: class logits of the first view [B, K].
        follower: class logits of the second view [B, K].
    """
    return (precise(guide).softmax(-1) - precise(follower).softmax(-1)).square().mean()


def logit_distance(guide: Tensor, follower: Tensor) -> Tensor:
    r"""Return the squared distance between the class logits of two samples.

    .. math:: L = E \lVert l(x) - l(x') \rVert_2^2

    References: Semi-supervised Learning with GANs: Revisiting Manifold Regularization (Lecouat et al., 2018),
    https://arxiv.org/abs/1805.08957

    Args:
        guide: class logits [B, K].
        follower: class logits of a neighbor [B, K].
    """
    return (precise(guide) - precise(follower)).square().sum(-1).mean()


def soft_cross_entropy(target: Tensor, logits: Tensor) -> Tensor:
    r"""Return the cross-entropy of class logits to target probabilities, in nats.

    .. math:: L = -E \sum_k t_k \log p(k \mid x)

    The gradient goes into the logits only.

    Args:
        target: probabilities t [B, K].
        logits: class logits [B, K].
    """
    return -(precise(target).detach() * log_softmax(precise(logits), dim=-1)).sum(-1).mean()
