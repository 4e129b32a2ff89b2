"""Encoders: from samples to what they say of the generator's input, a mean and a deviation for each coordinate."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal, NamedTuple

from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear, WeightNormLinear
from gan_ext.nets.layers.normalization import batch_or_group

__all__ = ["Encoded", "Encoder", "conv_encoder", "mlp_encoder"]


class Encoded(NamedTuple):
    """Mean and logarithm of the standard deviation of z, each [B, d]."""

    mean: Tensor
    log_std: Tensor


@checked
class Encoder(nn.Module):
    """A net that gives the mean and the log-deviation of z, as :class:`~gan_ext.terms.VariationalEntropy` needs it.

    Args:
        net: maps samples [B, ...] to [B, 2 d], means first.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Encoded:
        mean, log_std = self.net(x).chunk(2, dim=1)
        return Encoded(mean, log_std)


def mlp_encoder(shape: Sequence[int], latent_dim: int, widths: Sequence[int] = (500, 500)) -> Encoder:
    """Build an encoder for samples of any shape: leaky linear layers, in which samples do not see each other.

    Args:
        shape: shape of one sample.
        latent_dim: number of coordinates d of the prior.
        widths: units of the hidden layers.

    Returns:
        A module from samples [B, *shape] to (mean [B, d], log of the deviation [B, d]).
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise([prod(shape), *widths]):
        layers += [Linear(inputs, outputs), nn.LeakyReLU(0.1)]
    return Encoder(nn.Sequential(*layers, Linear([prod(shape), *widths][-1], 2 * latent_dim)))


def conv_encoder(
    shape: Sequence[int],
    latent_dim: int,
    channels: Sequence[int] = (128, 256, 512),
    norm: Literal["batch", "group"] = "batch",
) -> Encoder:
    """Build the published encoder of images: strided 5 x 5 convolutions and a weight-normalized layer.

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017),
    https://arxiv.org/abs/1705.09783 (layers as in the authors' code, for CIFAR-10)

    Args:
        shape: (channels, height, width) of one image, of any size: each convolution halves the sides, rounded up.
        latent_dim: number of coordinates d of the prior.
        channels: channels after each convolution, multiples of 8 for group normalization.
        norm: ``"batch"``, as published; or ``"group"``, with which samples do not see each other: where the encoder
            reads real samples too, as in :class:`~gan_ext.terms.TangentSmoothing`.

    Returns:
        A module from images [B, *shape] to (mean [B, d], log of the deviation [B, d]).

    Raises:
        ValueError: no `channels`, or another `norm`.
    """
    if not channels:
        raise ValueError("conv_encoder needs channels for at least one convolution, got none.")
    normal, (colors, height, width) = batch_or_group(norm), shape
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([colors, *channels]):
        layers += [nn.Conv2d(inputs, outputs, 5, stride=2, padding=2, bias=False), normal(outputs), nn.ReLU()]
        height, width = -(-height // 2), -(-width // 2)
    last = WeightNormLinear(channels[-1] * height * width, 2 * latent_dim, train_gain=True)
    return Encoder(nn.Sequential(*layers, nn.Flatten(), last))
