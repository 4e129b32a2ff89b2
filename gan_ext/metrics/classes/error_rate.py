"""The share of samples that a network puts into a wrong class."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["error_rate"]


@torch.no_grad()
def error_rate(
    classifier: Callable[[Tensor], Tensor | tuple[Tensor, ...]],
    x: Tensor,
    y: Tensor,
    batch_size: int = 1000,
    device: torch.device | str | None = None,
) -> float:
    r"""Return how often the largest logit of a network is not that of the true class.

    .. math:: \frac1n \sum_i \left[ \arg\max_k l_k(x_i) \ne y_i \right]

    In [0, 1]; 1 - 1/K for guessing among K classes that are equally frequent.

    Args:
        classifier: from samples [B, ...] to logits [B, K], or to a tuple that begins with them, such as a
            :class:`gan_ext.nets.Classifier`; in evaluation mode.
        x: samples [n, ...].
        y: their true classes [n], int64.
        batch_size: samples at a time, at least 1.
        device: where the network is, if samples are moved there batch by batch; None leaves them where they are.

    Raises:
        ValueError: no samples, or not as many as classes; samples or logits that are not finite.
    """
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"error_rate needs a class for each sample, and a sample; got {len(x)} and {len(y)} classes.")
    wrong = 0.0
    for samples, classes in zip(x.split(batch_size), y.split(batch_size), strict=True):
        found = classifier(samples.to(device))
        logits = found if isinstance(found, Tensor) else found[0]
        for name, values in (("x", samples), ("logits of the classifier", logits)):
            if not bool(torch.isfinite(values).all()):
                raise ValueError(f"{name} must be finite numbers; some are NaN or infinite.")
        wrong += float((logits.argmax(1) != classes.to(logits.device)).sum())
    return wrong / len(x)
