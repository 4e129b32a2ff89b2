"""Convolutional nets for images whose sides are multiples of four."""

from collections.abc import Sequence

import torch
from torch import nn

from gan_ext.nets.layers.linear import Classifier, GaussianNoise, Linear, WeightNormLinear

__all__ = ["channels_last", "compact_discriminator", "conv_discriminator", "conv_generator", "image_sides"]


def channels_last(net: Classifier) -> Classifier:
    """Keep a net's weights with the channels last, in place; copies and loaded states keep it."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def image_sides(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width) of images whose sides are multiples of 4, or raise ValueError."""
    channels, height, width = shape
    if height % 4 or width % 4:
        raise ValueError(f"The convolutional nets need sides that are multiples of 4, got {tuple(shape)}.")
    return channels, height, width


def conv_discriminator(
    shape: Sequence[int],
    classes: int,
    channels: int = 16,
    features: int = 256,
    input_noise: float = 0.3,
    noise: float = 0.5,
) -> Classifier:
    """Build a small K-logit discriminator for images: two strided convolutions and a weight-normalized top.

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 4.
        classes: K.
        channels: channels after the first convolution; twice as many after the second.
        features: F.
        input_noise: standard deviation of the noise on the input, in units of the input.
        noise: standard deviation of the noise on the features, in their units.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).
    """
    colors, height, width = image_sides(shape)
    trunk = nn.Sequential(
        GaussianNoise(input_noise),
        nn.Conv2d(colors, channels, 5, stride=2, padding=2),
        nn.LeakyReLU(0.1),
        nn.Conv2d(channels, 2 * channels, 5, stride=2, padding=2),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        WeightNormLinear(2 * channels * (height // 4) * (width // 4), features),
        nn.LeakyReLU(0.1),
    )
    return Classifier(trunk, nn.Sequential(GaussianNoise(noise), WeightNormLinear(features, classes, train_gain=True)))


def compact_discriminator(
    shape: Sequence[int],
    classes: int,
    channels: int = 16,
    features: int = 128,
    input_noise: float = 0.0,
    noise: float = 0.5,
) -> Classifier:
    """Build a K-logit discriminator of three small convolutions, in the memory format that processors prefer.

    Weights are kept with the channels last, which is faster on processors with matrix instructions; copies and loaded
    states keep it.

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 4, at least 12.
        classes: K.
        channels: channels after the first convolution; twice and four times as many after the others.
        features: F.
        input_noise: standard deviation of the noise on the input, in units of the input.
        noise: standard deviation of the noise on the features, in their units.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).

    Raises:
        ValueError: sides that are no multiples of 4, or too small.
    """
    colors, height, width = image_sides(shape)
    if min(height, width) < 12:
        raise ValueError(f"compact_discriminator needs sides of at least 12, got {tuple(shape)}; enlarge the images.")
    trunk = nn.Sequential(
        GaussianNoise(input_noise),
        nn.Conv2d(colors, channels, 5, stride=2, padding=2),
        nn.LeakyReLU(0.1),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(2 * channels, 4 * channels, 3),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        WeightNormLinear(4 * channels * (height // 4 - 2) * (width // 4 - 2), features),
        nn.LeakyReLU(0.1),
    )
    head = nn.Sequential(GaussianNoise(noise), WeightNormLinear(features, classes, train_gain=True))
    return channels_last(Classifier(trunk, head))


def conv_generator(
    shape: Sequence[int], latent_dim: int = 100, channels: int = 64, output: nn.Module | None = None
) -> nn.Sequential:
    """Build a small generator of images: a batch-normalized linear layer and two transposed convolutions.

    References: Unsupervised Representation Learning with Deep Convolutional GANs (Radford et al., 2016),
    https://arxiv.org/abs/1511.06434

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 4.
        latent_dim: number of coordinates d of the prior.
        channels: channels before the first transposed convolution; half as many before the second.
        output: last activation; a sigmoid by default, for data in [0, 1].

    Returns:
        A module from z [B, d] to images [B, *shape].
    """
    colors, height, width = image_sides(shape)
    size = channels * (height // 4) * (width // 4)
    return nn.Sequential(
        Linear(latent_dim, size, bias=False),
        nn.BatchNorm1d(size),
        nn.ReLU(),
        nn.Unflatten(1, (channels, height // 4, width // 4)),
        nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels // 2),
        nn.ReLU(),
        nn.ConvTranspose2d(channels // 2, colors, 4, stride=2, padding=1),
        output or nn.Sigmoid(),
    )
