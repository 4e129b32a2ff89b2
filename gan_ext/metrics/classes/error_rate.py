"""The share of samples that a network puts into a wrong class."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["error_rate"]


@torch.no_grad()
def error_rate(logits: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, batch_size: int = 1000) -> float:
    r"""Return how often the largest logit of a network is not that of the true class.

    .. math:: \frac1n \sum_i \left[ \arg\max_k l_k(x_i) \ne y_i \right]

    In [0, 1]; 1 - 1/K for guessing among K classes that are equally frequent.

    Args:
        logits: of a network, from samples [B, ...] to [B, K], on any device.
        x: samples [n, ...].
        y: their true classes [n], int64.
        batch_size: samples at a time, at least 1.

    Raises:
        ValueError: no samples, or not as many as classes.
    """
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(
            f"error_rate needs as many samples as classes, and some; got {len(x)} samples and {len(y)} classes."
        )
    predicted = torch.cat([logits(part).argmax(1).to(y.device) for part in x.split(batch_size)])
    return float((predicted != y).double().mean())
