"""Filters of windows: their sizes, and what they are at first."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["check_filters", "made_filters", "truncated"]


def check_filters(widths: Sequence[int], filters: Sequence[int], embedding: int, dropout: float) -> None:
    """Raise ValueError if widths and filters do not match, or a size is out of range."""
    if not widths or len(widths) != len(filters) or min(*widths, *filters) < 1:
        raise ValueError(
            f"Every width needs its number of filters, all of them at least 1, got widths={tuple(widths)} and "
            f"filters={tuple(filters)}."
        )
    if embedding < 1 or not 0 <= dropout < 1:
        raise ValueError(f"embedding={embedding} must be at least 1, and dropout={dropout} in [0, 1).")


def made_filters(widths: Sequence[int], filters: Sequence[int], channels: int) -> tuple[nn.ParameterList, nn.Parameter]:
    """Return the weights [F_i, w_i, E] of filters of several widths, and their biases [F]."""
    weights = [
        nn.Parameter(torch.empty(number, width, channels)) for width, number in zip(widths, filters, strict=True)
    ]
    for weight in weights:
        truncated(weight)
    return nn.ParameterList(weights), nn.Parameter(torch.full((sum(filters),), 0.1))


def truncated(weight: Tensor) -> None:
    """Fill a weight with numbers from a normal distribution of deviation 0.1, cut at twice that."""
    nn.init.trunc_normal_(weight, std=0.1, a=-0.2, b=0.2)
