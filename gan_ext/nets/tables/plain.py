"""Perceptrons for points and other small data, without normalization, and PacGAN's nets for points in the plane."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.fourier import FourierFeatures
from gan_ext.nets.layers.linear import Linear

__all__ = [
    "Maxout",
    "ResidualBlock",
    "fourier_nets",
    "pacgan_discriminator",
    "pacgan_generator",
    "plain_discriminator",
    "plain_generator",
    "residual_discriminator",
    "residual_generator",
]


def plain_generator(shape: Sequence[int], latent_dim: int, widths: Sequence[int] = (128, 128, 128)) -> nn.Sequential:
    """Build a perceptron with leaky rectifiers and a linear output, from z [B, latent_dim] to data [B, *shape].

    Args:
        shape: shape of one sample.
        latent_dim: length of z.
        widths: units of the hidden layers.
    """
    return nn.Sequential(*_rectified([latent_dim, *widths]), Linear(widths[-1], prod(shape)), _shaped(shape))


def plain_discriminator(
    shape: Sequence[int], widths: Sequence[int] = (128, 128, 128), packing: int = 1
) -> nn.Sequential:
    """Build a perceptron with leaky rectifiers that judges each sample for itself, from data [B, ...] to logits [B].

    Args:
        shape: shape of one sample.
        widths: units of the hidden layers.
        packing: samples that are judged at once.
    """
    inputs = packing * prod(shape)
    return nn.Sequential(nn.Flatten(), *_rectified([inputs, *widths]), Linear(widths[-1], 1), nn.Flatten(0))


def fourier_nets(
    generator_widths: Sequence[int] = (128, 128, 128), discriminator_widths: Sequence[int] = (128, 128, 128)
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build a plain generator and discriminator of points in the plane, behind 32 Fourier features each.

    The features have deviation 6 for z [B, 2] and 3 for points [B, 2] (:class:`~gan_ext.nets.FourierFeatures`).

    Args:
        generator_widths: units of the generator's hidden layers.
        discriminator_widths: units of the discriminator's hidden layers.
    """
    made, seen = FourierFeatures(2, 32, 6.0), FourierFeatures(2, 32, 3.0)
    generator = nn.Sequential(made, plain_generator((2,), made.outputs, generator_widths))
    return generator, nn.Sequential(seen, plain_discriminator((seen.outputs,), discriminator_widths))


@checked
class ResidualBlock(nn.Module):
    r"""Add to the input what two layers make of it; the second one starts at 0, so that the block starts as identity.

    .. math:: h + W_2 \phi(W_1 \phi(h) + b_1) + b_2

    References: Fixup Initialization (Zhang et al., 2019), https://arxiv.org/abs/1901.09321, of which the zero start is
    taken

    Args:
        width: length of h.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        last = Linear(width, width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.body = nn.Sequential(nn.LeakyReLU(0.2), Linear(width, width), nn.LeakyReLU(0.2), last)

    def forward(self, x: Tensor) -> Tensor:
        """Map h [B, width] to [B, width]."""
        added: Tensor = x + self.body(x)
        return added


def residual_generator(shape: Sequence[int], latent_dim: int, width: int = 128, blocks: int = 3) -> nn.Sequential:
    """Build a residual perceptron without normalization, from z [B, latent_dim] to data [B, *shape].

    Args:
        shape: shape of one sample.
        latent_dim: length of z.
        width: units of each layer.
        blocks: residual blocks, of two layers each.
    """
    return nn.Sequential(*_residual(latent_dim, prod(shape), width, blocks), _shaped(shape))


def residual_discriminator(shape: Sequence[int], width: int = 128, blocks: int = 3, packing: int = 1) -> nn.Sequential:
    """Build a residual perceptron without normalization, from data [B, ...] to logits [B].

    Args:
        shape: shape of one sample.
        width: units of each layer.
        blocks: residual blocks, of two layers each.
        packing: samples that are judged at once.
    """
    return nn.Sequential(nn.Flatten(), *_residual(packing * prod(shape), 1, width, blocks), nn.Flatten(0))


@checked
class Maxout(nn.Module):
    r"""A linear layer of which each unit is the largest of several.

    .. math:: y_i = \max_k (W_{ik} x + b_{ik})

    References: Maxout Networks (Goodfellow et al., 2013), https://arxiv.org/abs/1302.4389

    Args:
        inputs: numbers that come in.
        outputs: units.
        pieces: k, linear functions for each unit.
    """

    def __init__(self, inputs: int, outputs: int, pieces: int = 5) -> None:
        super().__init__()
        self.linear = Linear(inputs, outputs * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs] to [B, outputs]."""
        largest: Tensor = self.linear(x).unflatten(-1, (-1, self.pieces)).amax(-1)
        return largest


def pacgan_generator(
    shape: Sequence[int] = (2,), latent_dim: int = 2, widths: Sequence[int] = (400, 400, 400, 400)
) -> nn.Sequential:
    """Build the published generator of points in the plane: batch-normalized rectifiers and a linear output.

    References: PacGAN (Lin et al., 2018), section 4.1, https://arxiv.org/abs/1712.04086

    Args:
        shape: shape of one sample.
        latent_dim: length of z.
        widths: units of the hidden layers.

    Returns:
        A module from z [B, latent_dim] to data [B, *shape].
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *widths]):
        layers += [Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, Linear(widths[-1], prod(shape)), _shaped(shape))


def pacgan_discriminator(
    shape: Sequence[int] = (2,), packing: int = 1, widths: Sequence[int] = (200, 200, 200), pieces: int = 5
) -> nn.Sequential:
    """Build the published discriminator of points in the plane: maxout layers without normalization.

    References: PacGAN (Lin et al., 2018), section 4.1, https://arxiv.org/abs/1712.04086

    Args:
        shape: shape of one sample.
        packing: samples that are judged at once; only the first layer widens.
        widths: units of the hidden layers.
        pieces: linear functions for each unit.

    Returns:
        A module from data [B, ...] to logits [B].
    """
    units = [packing * prod(shape), *widths]
    layers = [Maxout(inputs, outputs, pieces) for inputs, outputs in pairwise(units)]
    return nn.Sequential(nn.Flatten(), *layers, Linear(widths[-1], 1), nn.Flatten(0))


def _rectified(units: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(units):
        layers += [Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return layers


def _residual(inputs: int, outputs: int, width: int, blocks: int) -> list[nn.Module]:
    body = [ResidualBlock(width) for _ in range(blocks)]
    return [Linear(inputs, width), *body, nn.LeakyReLU(0.2), Linear(width, outputs)]


def _shaped(shape: Sequence[int]) -> nn.Module:
    return nn.Identity() if len(shape) == 1 else nn.Unflatten(1, tuple(shape))
