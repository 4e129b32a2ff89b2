"""Discriminators that also read codes, and nets with spectral normalization for them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.images.conv import image_sides
from gan_ext.nets.layers.linear import GaussianNoise, Linear
from gan_ext.nets.layers.normalization import normalizer

__all__ = [
    "InfoDiscriminator",
    "Read",
    "conv_info_discriminator",
    "conv_trunk",
    "mlp_info_discriminator",
    "mlp_trunk",
]


class Read(NamedTuple):
    """Logits of being real [B], statistics of the codes [B, S], and the features [B, F] both were computed from."""

    logits: Tensor
    statistics: Tensor
    features: Tensor


@checked
class InfoDiscriminator(nn.Module):
    """A trunk with two heads: one judges, one reads codes.

    Args:
        trunk: maps data to features [B, F].
        judge: maps features to logits [B, 1].
        reader: maps features to statistics [B, S].
    """

    def __init__(self, trunk: nn.Module, judge: nn.Module, reader: nn.Module) -> None:
        super().__init__()
        self.trunk, self.judge, self.reader = trunk, judge, reader

    def forward(self, x: Tensor) -> Read:
        features = self.trunk(x)
        return Read(self.judge(features)[:, 0], self.reader(features), features)


def mlp_info_discriminator(
    shape: Sequence[int],
    statistics: int,
    widths: Sequence[int] = (256, 256),
    noise: float = 0.0,
    spectral: bool = False,
) -> InfoDiscriminator:
    """Build a perceptron that judges and reads, for samples of any shape.

    Args:
        shape: shape of one sample.
        statistics: S, the `width` of the codes.
        widths: units of the hidden layers; the last is F.
        noise: standard deviation of the noise on the input, in units of the input.
        spectral: whether all layers of trunk and judge are divided by their largest singular value.
    """
    return _with_heads(mlp_trunk(shape, widths, noise, spectral), widths[-1], statistics, normalizer(spectral))


def conv_info_discriminator(
    shape: Sequence[int],
    statistics: int,
    channels: int = 32,
    features: int = 256,
    noise: float = 0.0,
    spectral: bool = False,
) -> InfoDiscriminator:
    """Build a small convolutional net that judges and reads images: two strided convolutions and a dense layer.

    References: the shape of the published MNIST net (InfoGAN, Chen et al., 2016, https://arxiv.org/abs/1606.03657,
    appendix C.1: 64 channels, 1024 features) without its batch normalization

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 4.
        statistics: S, the `width` of the codes.
        channels: channels after the first convolution; twice as many after the second.
        features: F.
        noise: standard deviation of the noise on the input, in units of the input.
        spectral: whether all layers of trunk and judge are divided by their largest singular value.
    """
    trunk = conv_trunk(shape, channels, features, noise, spectral)
    return _with_heads(trunk, features, statistics, normalizer(spectral))


def mlp_trunk(
    shape: Sequence[int], widths: Sequence[int] = (256, 256), noise: float = 0.0, spectral: bool = False
) -> nn.Sequential:
    """Build the perceptron of :func:`mlp_info_discriminator` up to its features [B, widths[-1]]."""
    normal = normalizer(spectral)
    layers: list[nn.Module] = [nn.Flatten(), GaussianNoise(noise)]
    for inputs, outputs in pairwise([prod(shape), *widths]):
        layers += [normal(Linear(inputs, outputs)), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers)


def conv_trunk(
    shape: Sequence[int], channels: int = 32, features: int = 256, noise: float = 0.0, spectral: bool = False
) -> nn.Sequential:
    """Build the convolutions of :func:`conv_info_discriminator` up to their features [B, F]."""
    colors, height, width = image_sides(shape)
    normal = normalizer(spectral)
    return nn.Sequential(
        GaussianNoise(noise),
        normal(nn.Conv2d(colors, channels, 4, stride=2, padding=1)),
        nn.LeakyReLU(0.1),
        normal(nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1)),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        normal(Linear(2 * channels * (height // 4) * (width // 4), features)),
        nn.LeakyReLU(0.1),
    )


def _with_heads(
    trunk: nn.Module, features: int, statistics: int, normal: Callable[[nn.Module], nn.Module]
) -> InfoDiscriminator:
    reader = nn.Sequential(Linear(features, 128), nn.LeakyReLU(0.1), Linear(128, statistics))
    return InfoDiscriminator(trunk, normal(Linear(features, 1)), reader)
