"""DCGAN for images of any size, and the small nets of the Unrolled GAN on stacked digits."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn
from torch.nn.init import normal_, zeros_

from gan_ext.nets.layers.linear import Linear

__all__ = ["dcgan_discriminator", "dcgan_generator", "unrolled_discriminator", "unrolled_generator"]


def dcgan_generator(
    shape: Sequence[int], latent_dim: int = 100, channels: int = 64, output: nn.Module | None = None
) -> nn.Sequential:
    """Build DCGAN's generator: four batch-normalized stages that double the sides, 5 x 5.

    Sides need not be multiples of 16: each stage has half the sides of the next, rounded up, as in the program that the
    published figures on Stacked MNIST come from.  Weights start at N(0, .02).

    References: Unsupervised Representation Learning with Deep Convolutional GANs (Radford et al., 2016),
    https://arxiv.org/abs/1511.06434; https://github.com/fjxmlzn/PacGAN

    Args:
        shape: (colors, height, width) of one image.
        latent_dim: length of z.
        channels: channels before the last stage, doubled by each before it.
        output: last activation; tanh by default.

    Returns:
        A module from z [B, latent_dim] to images [B, *shape].
    """
    widths = [8 * channels, 4 * channels, 2 * channels, channels]
    sides = [_halved(shape, times) for times in (4, 3, 2, 1, 0)]
    layers: list[nn.Module] = [
        Linear(latent_dim, widths[0] * sides[0][0] * sides[0][1]),
        nn.Unflatten(1, (widths[0], *sides[0])),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for (inputs, outputs), (before, after) in zip(pairwise(widths), pairwise(sides[:-1]), strict=True):
        layers += [_enlarging(inputs, outputs, 5, before, after), nn.BatchNorm2d(outputs), nn.ReLU()]
    last = _enlarging(channels, shape[0], 5, *sides[-2:])
    return _small(nn.Sequential(*layers, last, output or nn.Tanh()))


def dcgan_discriminator(shape: Sequence[int], channels: int = 64, packing: int = 1) -> nn.Sequential:
    """Build DCGAN's discriminator: four stages that halve the sides, 5 x 5, batch-normalized but for the first.

    References: as :func:`dcgan_generator`.

    Args:
        shape: (colors, height, width) of one image.
        channels: channels after the first stage, doubled by each after it.
        packing: images that are judged at once, as channels; only the first layer widens.

    Returns:
        A module from images [B, packing * colors, height, width] to logits [B].
    """
    widths = [channels, 2 * channels, 4 * channels, 8 * channels]
    layers: list[nn.Module] = [nn.Conv2d(packing * shape[0], channels, 5, 2, 2), nn.LeakyReLU(0.2)]
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 5, 2, 2), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    height, width = _halved(shape, 4)
    return _small(nn.Sequential(*layers, nn.Flatten(), Linear(widths[-1] * height * width, 1), nn.Flatten(0)))


def unrolled_generator(shape: Sequence[int] = (3, 28, 28), latent_dim: int = 256) -> nn.Sequential:
    """Build the Unrolled GAN's generator of stacked digits: three batch-normalized stages, 3 x 3, and a convolution.

    References: Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163, as in
    https://github.com/fjxmlzn/PacGAN

    Args:
        shape: (colors, height, width) of one image.
        latent_dim: length of z.

    Returns:
        A module from z [B, latent_dim] to images [B, *shape] in [-1, 1].
    """
    widths, sides = (64, 32, 16, 8), [_halved(shape, times) for times in (3, 2, 1, 0)]
    layers: list[nn.Module] = [
        Linear(latent_dim, widths[0] * sides[0][0] * sides[0][1]),
        nn.Unflatten(1, (widths[0], *sides[0])),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for (inputs, outputs), (before, after) in zip(pairwise(widths), pairwise(sides), strict=True):
        layers += [_enlarging(inputs, outputs, 3, before, after), nn.BatchNorm2d(outputs), nn.ReLU()]
    return _small(nn.Sequential(*layers, nn.Conv2d(widths[-1], shape[0], 3, padding=1), nn.Tanh()))


def unrolled_discriminator(shape: Sequence[int] = (3, 28, 28), share: float = 0.25, packing: int = 1) -> nn.Sequential:
    """Build the Unrolled GAN's discriminator of stacked digits, made weak so that modes get lost.

    References: as :func:`unrolled_generator`.

    Args:
        shape: (colors, height, width) of one image.
        share: of the full width of 8, 16 and 32 channels; 1/4 and 1/2 are published.
        packing: images that are judged at once, as channels.

    Returns:
        A module from images [B, packing * colors, height, width] to logits [B].
    """
    widths = [packing * shape[0], *(max(1, round(share * full)) for full in (8, 16, 32))]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.3)]
    height, width = _halved(shape, 3)
    return _small(nn.Sequential(*layers, nn.Flatten(), Linear(widths[-1] * height * width, 1), nn.Flatten(0)))


def _halved(shape: Sequence[int], times: int) -> tuple[int, int]:
    return -(-shape[1] // 2**times), -(-shape[2] // 2**times)


def _enlarging(
    inputs: int, outputs: int, kernel: int, before: tuple[int, int], after: tuple[int, int]
) -> nn.ConvTranspose2d:
    """Return the transposed convolution from one size to the next, about twice as large."""
    extra = (after[0] - 2 * before[0] + 1, after[1] - 2 * before[1] + 1)
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, kernel // 2, output_padding=extra)


def _small(net: nn.Sequential) -> nn.Sequential:
    for layer in net:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            normal_(layer.weight, std=0.02)
            assert layer.bias is not None
            zeros_(layer.bias)
    return net
