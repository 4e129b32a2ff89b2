"""In which precision losses and log-probabilities are computed: float32 at least, also under bfloat16."""

import torch
from torch import Tensor

__all__ = ["precise"]


def precise(x: Tensor) -> Tensor:
    """Return numbers in float32 at least: float64 stays as it is, all else becomes float32."""
    return x if x.dtype == torch.float64 else x.float()
