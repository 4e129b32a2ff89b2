"""Layers and changes that keep a discriminator from failing: bounded slopes, and looks at several samples at once."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan_ext.checks import checked
from gan_ext.nets.layers.normalization import normalizer

__all__ = ["MinibatchDiscrimination", "MinibatchStandardDeviation", "spectral_normalized"]


def spectral_normalized(net: nn.Module) -> nn.Module:
    r"""Divide the weights of every linear and convolutional layer by their largest singular value.

    .. math:: W / \sigma(W)

    by one step of the power method at each pass in training mode.

    References: Spectral Normalization for GANs (Miyato et al., 2018), https://arxiv.org/abs/1802.05957

    Args:
        net: changed in place; layers that are normalized already stay as they are.

    Returns:
        The same net.

    Raises:
        ValueError: there is no such layer.
    """
    kinds = (nn.Linear, nn.modules.conv._ConvNd)
    layers = [layer for layer in net.modules() if isinstance(layer, kinds)]
    if not layers:
        raise ValueError(f"spectral_normalized found no linear or convolutional layer in {type(net).__name__}.")
    for layer in layers:
        if not is_parametrized(layer, "weight"):
            normalizer(True)(layer)
    return net


@checked
class MinibatchStandardDeviation(nn.Module):
    r"""Append how much samples of a group differ, one number for each group, as a feature or channel.

    .. math:: s = \frac{1}{n} \sum_{k=1}^n \sqrt{\operatorname{Var}_{i \in \text{group}}[x_{ik}] + 10^{-8}}

    Groups are neighbors in the batch.

    References: Progressive Growing of GANs (Karras et al., 2018), section 3, https://arxiv.org/abs/1710.10196

    Args:
        group: samples in a group; None for the whole batch.

    Raises:
        ValueError: a group below 2, or (when called) a batch that is not a multiple of it.
    """

    mixes_samples = True

    def __init__(self, group: int | None = 4) -> None:
        super().__init__()
        if group is not None and group < 2:
            raise ValueError(f"MinibatchStandardDeviation needs a group of at least 2 samples, got {group}.")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, c, ...] to [B, c + 1, ...]."""
        group = self.group or len(x)
        if len(x) % group:
            raise ValueError(f"A batch of {len(x)} has no groups of {group}; use a multiple, or group=None.")
        groups = x.float().reshape(len(x) // group, group, -1)
        spread = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean(1)
        column = spread.repeat_interleave(group).to(x.dtype).view(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, column.expand(-1, 1, *x.shape[2:])], dim=1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


@checked
class MinibatchDiscrimination(nn.Module):
    r"""Append how near a sample is to the others of its batch, by several learned measures.

    .. math:: M_i = f(x_i) T \in R^{K \times C}, \qquad
              o(x_i)_k = \sum_{j=1}^{B} \exp(-\lVert M_{ik} - M_{jk} \rVert_1)

    Each sum has the sample itself in it, which adds 1.  Memory and time grow with the square of the batch.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2,
    https://arxiv.org/abs/1606.03498

    Args:
        features: F, numbers of one sample.
        kernels: K, measures.
        dimensions: C, numbers in each.
        std: standard deviation of the initial T.
    """

    mixes_samples = True

    def __init__(self, features: int, kernels: int = 100, dimensions: int = 5, std: float = 0.05) -> None:
        super().__init__()
        self.tensor = nn.Parameter(torch.randn(features, kernels, dimensions) * std)

    def forward(self, x: Tensor) -> Tensor:
        """Map features [B, F] to [B, F + K]."""
        measures = torch.tensordot(x, self.tensor, dims=1).float()
        distances = (measures[:, None] - measures[None]).abs().sum(-1)
        return torch.cat([x, (-distances).exp().sum(1).to(x.dtype)], dim=1)

    def extra_repr(self) -> str:
        return "features={}, kernels={}, dimensions={}".format(*self.tensor.shape)
