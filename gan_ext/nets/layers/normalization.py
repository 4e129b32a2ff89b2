"""Which normalization a network has: of weights by their spectral norm, of channels by batches or groups."""

from collections.abc import Callable

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["batch_or_group", "normalizer"]


def normalizer(spectral: bool) -> Callable[[nn.Module], nn.Module]:
    """Return what divides a layer's weights by their largest singular value, or leaves the layer alone."""
    return spectral_norm if spectral else nn.Identity()


def batch_or_group(norm: str) -> Callable[[int], nn.Module]:
    """Return what makes a normalization of so many channels, a multiple of 8, or raise ValueError."""
    if norm not in ("batch", "group"):
        raise ValueError(f"norm must be 'batch' or 'group', got {norm!r}.")
    return nn.BatchNorm2d if norm == "batch" else _group_norm


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(8, channels)
