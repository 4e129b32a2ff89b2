"""Precision of arithmetic: float32 at least in losses, and which library multiplies float32 matrices on a CPU."""

import functools
import os

import torch
from torch import Tensor

__all__ = ["linear_backend", "precise"]


def precise(x: Tensor) -> Tensor:
    """Return numbers in float32 at least: float64 stays as it is, all else becomes float32."""
    return x if x.dtype == torch.float64 else x.float()


@functools.cache
def linear_backend() -> str:
    """Return which library multiplies float32 matrices in this process on a CPU: ``"default"`` or ``"onednn"``.

    The environment variable ``GAN_EXT_LINEAR`` says which; without it, the default.  The two round differently, so
    nothing that is timed decides: a run's checkpoints say which one it had, and only a process that has it takes them
    up.  On some processors (AMD's) oneDNN is twice as fast.

    Raises:
        ValueError: another value of ``GAN_EXT_LINEAR``, or oneDNN where torch was built without it.
    """
    wanted = os.environ.get("GAN_EXT_LINEAR", "") or "default"
    if wanted not in ("default", "onednn"):
        raise ValueError(f"GAN_EXT_LINEAR must be 'default' or 'onednn', got {wanted!r}.")
    if wanted == "onednn" and not torch.backends.mkldnn.is_available():
        raise ValueError("GAN_EXT_LINEAR='onednn' needs a torch that was built with oneDNN; this one was not.")
    return wanted
