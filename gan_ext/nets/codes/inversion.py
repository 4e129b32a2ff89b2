"""Networks for plug and play: a classifier with a code inside, and denoisers."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.images.conv import image_sides
from gan_ext.nets.images.plain import plain_conv_discriminator, plain_conv_generator
from gan_ext.nets.layers.linear import GaussianNoise, Linear

__all__ = [
    "Affine",
    "CodeClassifier",
    "conv_code_classifier",
    "mlp_code_classifier",
    "residual_denoiser",
    "unit_image_nets",
    "unit_tanh",
]


@checked
class Affine(nn.Module):
    """Scale and shift numbers; ``Affine(2, -1)`` centers images in [0, 1] on 0.

    Args:
        scale: factor.
        shift: summand.
    """

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        """Return scale * x + shift."""
        return self.scale * x + self.shift


def unit_tanh() -> nn.Sequential:
    """Return (tanh + 1) / 2, the last activation of a generator of images in [0, 1]."""
    return nn.Sequential(nn.Tanh(), Affine(0.5, 0.5))


@checked
class CodeClassifier(nn.Module):
    """A classifier in three parts: features, a code of few numbers, and class logits.

    Args:
        lower: maps data [B, ...] to features.
        upper: maps features to codes [B, d].
        head: maps codes to class logits [B, K].
    """

    def __init__(self, lower: nn.Module, upper: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.lower, self.upper, self.head = lower, upper, head

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes [B, d] of data [B, ...]."""
        codes: Tensor = self.upper(self.lower(x))
        return codes

    def forward(self, x: Tensor) -> Tensor:
        """Return class logits [B, K] of data [B, ...]."""
        logits: Tensor = self.head(self.encode(x))
        return logits


def conv_code_classifier(
    shape: Sequence[int], classes: int, latent_dim: int = 32, channels: int = 32, hidden: int = 256, noise: float = 0.5
) -> CodeClassifier:
    """Build a classifier of images in [0, 1] whose codes have mean 0 and variance 1 in every coordinate.

    Two strided convolutions of centered images are the features; a hidden layer and a normalized linear layer make the
    code, which the head sees with noise: so that classes lie apart, and a small step in codes is a small step in
    images.

    Args:
        shape: (colors, height, width) of one image; sides are multiples of 4.
        classes: K.
        latent_dim: d, the numbers in a code.
        channels: channels after the first convolution; twice as many after the second.
        hidden: units of the hidden layer.
        noise: standard deviation of the noise on codes in training.
    """
    colors, height, width = image_sides(shape)
    lower = nn.Sequential(
        Affine(2.0, -1.0),
        nn.Conv2d(colors, channels, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 5, stride=2, padding=2),
        nn.ReLU(),
    )
    size = 2 * channels * (height // 4) * (width // 4)
    net = CodeClassifier(lower, _upper(size, hidden, latent_dim), _head(latent_dim, classes, noise))
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def mlp_code_classifier(
    shape: Sequence[int], classes: int, latent_dim: int = 32, hidden: int = 256, noise: float = 0.5
) -> CodeClassifier:
    """Build the same for data of any shape: the features are one rectified layer.

    Args:
        shape: shape of one sample.
        classes: K.
        latent_dim: d, the numbers in a code.
        hidden: units of the features and of the hidden layer.
        noise: standard deviation of the noise on codes in training.
    """
    lower = nn.Sequential(nn.Flatten(), Linear(prod(shape), hidden), nn.ReLU())
    return CodeClassifier(lower, _upper(hidden, hidden, latent_dim), _head(latent_dim, classes, noise))


def unit_image_nets(shape: Sequence[int], latent_dim: int = 32, channels: int = 32) -> tuple[nn.Module, nn.Module]:
    """Build a generator of images in [0, 1], and a discriminator that centers them; neither is normalized.

    Args:
        shape: (colors, height, width) of one image; sides are multiples of 4.
        latent_dim: length of z, or of the code that is inverted.
        channels: after the discriminator's first convolution; the generator starts from twice as many.
    """
    generator = plain_conv_generator(shape, latent_dim, 2 * channels, output=unit_tanh())
    discriminator = nn.Sequential(Affine(2.0, -1.0), plain_conv_discriminator(shape, channels))
    for net in (generator, discriminator):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator, discriminator


def residual_denoiser(shape: Sequence[int], hidden: int = 256, layers: int = 3) -> nn.Module:
    """Build a perceptron that adds a correction to its input, for denoising codes or small data.

    Args:
        shape: shape of one sample.
        hidden: units of each hidden layer.
        layers: hidden layers.
    """
    return _Corrected(shape, hidden, layers)


class _Corrected(nn.Module):
    def __init__(self, shape: Sequence[int], hidden: int, layers: int) -> None:
        super().__init__()
        sizes = [prod(shape), *[hidden] * layers]
        body: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            body += [Linear(inputs, outputs), nn.SiLU()]
        self.body = nn.Sequential(*body, Linear(sizes[-1], sizes[0]), nn.Unflatten(1, tuple(shape)))

    def forward(self, x: Tensor) -> Tensor:
        corrected: Tensor = x + self.body(x)
        return corrected


def _upper(inputs: int, hidden: int, codes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.3),
        Linear(inputs, hidden),
        nn.ReLU(),
        Linear(hidden, codes),
        nn.BatchNorm1d(codes, affine=False),
    )


def _head(codes: int, classes: int, noise: float) -> nn.Sequential:
    return nn.Sequential(GaussianNoise(noise), Linear(codes, classes))
