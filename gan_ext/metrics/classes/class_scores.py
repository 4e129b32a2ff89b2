"""Scores from a classifier's probabilities: inception score and mode score."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.metrics.features import Features, as_features, check_count, feature_pair

__all__ = ["SplitScore", "inception_score", "mode_score"]


class SplitScore(NamedTuple):
    """Mean and standard deviation over splits."""

    mean: float
    deviation: float


def inception_score(probabilities: Features, splits: int = 10) -> SplitScore:
    r"""Return the inception score: how sure a classifier is of single samples and how unsure of all together.

    .. math:: \mathrm{IS} = \exp \frac1n \sum_i \mathrm{KL} \Bigl( p(y | g_i) \Big| \frac1n \sum_j p(y | g_j) \Bigr)

    From 1 to the number of classes K, without unit; a mean over consecutive splits, so samples should be in random
    order.  It never sees real data: one memorized sample of each class has the best score.  By any other classifier
    than Inception its values compare only with each other.

    **Bias.** Downwards for small splits, where the mean of the probabilities fits its own samples.  What real data
    scores depends on the classifier (CIFAR-10's training images have 11.24 by Inception): report it beside.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498; its
    limits: A Note on the Inception Score (Barratt and Sharma, 2018), https://arxiv.org/abs/1801.01973

    Args:
        probabilities: of the K classes, for generated samples [n, K].
        splits: how many, at least 1 and at most n.

    Raises:
        ValueError: no probabilities, or more splits than samples.
    """
    check_count("splits", splits)
    p = _probabilities("probabilities", probabilities)
    if splits > len(p):
        raise ValueError(
            f"splits={splits} must be at most the number of samples, {len(p)}: an empty split has no score."
        )
    found = torch.stack([_information(part).exp() for part in p.tensor_split(splits)])
    return SplitScore(float(found.mean()), float(found.std(correction=0)))


def mode_score(real_probabilities: Features, generated_probabilities: Features) -> float:
    r"""Return the mode score: the inception score, lowered by how far the classes are from those of real samples.

    .. math::
        \mathrm{MS} = \exp \Bigl( \frac1n \sum_i \mathrm{KL}(p(y | g_i) | p_g(y)) - \mathrm{KL}(p_g(y) | p_r(y))
        \Bigr)

    with the mean probabilities :math:`p_g, p_r` of generated and of real samples; at most K, without unit, and 0 where
    generated samples have a class that no real one has at all.
    This is the form of Xu et al.; the first one, with :math:`p_r` in the place of :math:`p_g` in the first term, is
    the same number as the inception score.

    **Bias.** As :func:`inception_score`, and downwards by the noise of the two means.

    References: Mode Regularized Generative Adversarial Networks (Che et al., 2017), https://arxiv.org/abs/1612.02136;
    An empirical study on evaluation metrics of generative adversarial networks (Xu et al., 2018),
    https://arxiv.org/abs/1806.07755

    Args:
        real_probabilities: a classifier's, of the K classes, for real samples [m, K].
        generated_probabilities: the same classifier's for generated samples [n, K].

    Raises:
        ValueError: no probabilities, or of different numbers of classes.
    """
    names = ("real_probabilities", "generated_probabilities")
    pair = feature_pair(real_probabilities, generated_probabilities, names=names)
    r, p = (_probabilities(name, each) for name, each in zip(names, pair, strict=True))
    made, true = p.mean(0), r.mean(0)
    shift = (torch.special.xlogy(made, made) - torch.special.xlogy(made, true)).sum()  # of a class that none has: 0
    return float((_information(p) - shift).exp())


def _information(p: Tensor) -> Tensor:
    """Return the mean divergence of rows from their mean, in nats."""
    rows: Tensor = (torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))).sum(1)
    return rows.mean()


def _probabilities(name: str, given: Features) -> Tensor:
    p = as_features(name, given).double()
    if bool((p < 0).any()) or bool(((p.sum(1) - 1).abs() > 1e-3).any()):
        raise ValueError(f"{name} must be probabilities: not negative, and 1 together in every row. Apply a softmax.")
    return p / p.sum(1, keepdim=True)
