r"""Open-set semi-supervised learning: weights for unlabeled data of classes that no label names.

References: Semi-Supervised Learning under Class Distribution Mismatch (Chen et al., 2020),
https://doi.org/10.1609/aaai.v34i04.5763
"""

import torch
from torch import Tensor

from gan_ext.precision import precise

__all__ = ["familiarity", "systematic_rows"]


def familiarity(logits: Tensor, sharpness: float | Tensor = 4.0) -> Tensor:
    r"""Return how sure a classifier is of its unlabeled data on average over noisy passes, as weights.

    .. math:: w_i = \Big( \max_k \tfrac1P \sum_{p=1}^P p_p(k \mid u_i) \Big)^\gamma, \quad K^{-\gamma} \le w_i \le 1

    The published filter is a threshold on the same confidence, averaged over epochs; this one is soft, and averages
    over the network's noise.

    References: Semi-Supervised Learning under Class Distribution Mismatch (Chen et al., 2020), section 3,
    https://doi.org/10.1609/aaai.v34i04.5763

    Args:
        logits: class logits of P passes over the same data [P, U, K].
        sharpness: :math:`\gamma`; with 0 all weigh the same.

    Returns:
        Weights [U], without gradient.
    """
    return precise(logits).detach().softmax(-1).mean(0).amax(-1) ** sharpness


def systematic_rows(weights: Tensor, start: Tensor) -> Tensor:
    r"""Return as many row numbers as there are weights, each row about as often as its weight says.

    .. math:: E[\#i] = U w_i / \sum_j w_j, \qquad | \#i - E[\#i] | < 1

    With equal weights every row comes once.

    References: Monte Carlo Filter and Smoother for Non-Gaussian Nonlinear State Space Models (Kitagawa, 1996),
    https://doi.org/10.2307/1390750

    Args:
        weights: positive [U].
        start: uniform on [0, 1), 0-dim.

    Returns:
        Row numbers [U], int64, rising.
    """
    edges = weights.double().cumsum(0)
    places = (torch.arange(len(weights), device=weights.device) + start) / len(weights)
    return torch.searchsorted(edges / edges[-1], places.double(), right=True).clamp_max(len(weights) - 1)
