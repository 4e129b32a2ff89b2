"""Small convolutional nets without normalization, for penalties on the discriminator's gradients."""

from collections.abc import Sequence

from torch import nn
from torch.nn.init import kaiming_normal_, zeros_

from gan_ext.nets.images.conv import image_sides
from gan_ext.nets.layers.linear import Linear

__all__ = ["plain_conv_discriminator", "plain_conv_generator"]

_SLOPE = 0.2


def plain_conv_generator(
    shape: Sequence[int], latent_dim: int, channels: int = 64, hidden: int = 256, output: nn.Module | None = None
) -> nn.Sequential:
    """Build a generator of images with leaky rectifiers and no normalization: two layers, two stages, a last one.

    Args:
        shape: (colors, height, width) of one image; sides are multiples of 4.
        latent_dim: length of z.
        channels: channels before the first transposed convolution, halved by each.
        hidden: units of the first layer.
        output: last activation; tanh by default, for data in [-1, 1].

    Returns:
        A module from z [B, latent_dim] to images [B, *shape].
    """
    colors, height, width = image_sides(shape)
    half, quarter = channels // 2, channels // 4
    net = nn.Sequential(
        Linear(latent_dim, hidden),
        nn.LeakyReLU(_SLOPE),
        Linear(hidden, channels * (height // 4) * (width // 4)),
        nn.LeakyReLU(_SLOPE),
        nn.Unflatten(1, (channels, height // 4, width // 4)),
        nn.ConvTranspose2d(channels, half, 4, stride=2, padding=1),
        nn.LeakyReLU(_SLOPE),
        nn.ConvTranspose2d(half, quarter, 4, stride=2, padding=1),
        nn.LeakyReLU(_SLOPE),
        nn.Conv2d(quarter, colors, 3, padding=1),
    )
    return nn.Sequential(*_kept_scale(net, last=0.3), output or nn.Tanh())


def plain_conv_discriminator(
    shape: Sequence[int], channels: int = 32, features: int = 256, packing: int = 1
) -> nn.Sequential:
    """Build a discriminator of images with leaky rectifiers and no normalization: two strided convolutions on top.

    Args:
        shape: (colors, height, width) of one image; sides are multiples of 4.
        channels: channels after the first convolution; twice as many after the second.
        features: units of the layer before the last.
        packing: images that are judged at once, as channels.

    Returns:
        A module from images [B, packing * colors, height, width] to logits [B].
    """
    colors, height, width = image_sides(shape)
    net = nn.Sequential(
        nn.Conv2d(packing * colors, channels, 5, stride=2, padding=2),
        nn.LeakyReLU(_SLOPE),
        nn.Conv2d(channels, 2 * channels, 5, stride=2, padding=2),
        nn.LeakyReLU(_SLOPE),
        nn.Flatten(),
        Linear(2 * channels * (height // 4) * (width // 4), features),
        nn.LeakyReLU(_SLOPE),
        Linear(features, 1),
    )
    return nn.Sequential(*_kept_scale(net, last=0.1), nn.Flatten(0))


def _kept_scale(net: nn.Sequential, last: float) -> nn.Sequential:
    """Draw weights so that the size of activations stays what it is from layer to layer; the last one's is less."""
    layers = [layer for layer in net if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    for layer in layers:
        kaiming_normal_(layer.weight, a=_SLOPE)
        if layer.bias is not None:
            zeros_(layer.bias)
    layers[-1].weight.data.mul_(last)
    return net
