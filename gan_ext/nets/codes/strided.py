"""Convolutional nets of any depth for square images: each stage halves or doubles the sides."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from gan_ext.nets.codes.informed import InfoDiscriminator
from gan_ext.nets.layers.linear import Linear
from gan_ext.nets.layers.normalization import normalizer

__all__ = ["strided_channels", "strided_generator", "strided_info_discriminator", "strided_net"]


def strided_channels(side: int, width: int = 64) -> tuple[int, ...]:
    """Return the channels of a generator of square images, one for each doubling of the side from 4 pixels on.

    They are (width, width, width / 2, width / 2), as published for 64 pixels, and the first of these for fewer; a
    discriminator has the same backwards.

    References: InfoGAN-CR (Lin et al., 2020), https://arxiv.org/abs/1906.06034

    Args:
        side: 8, 16, 32 or 64 pixels.
        width: most channels, at least 2.

    Raises:
        ValueError: another side, or too few channels.
    """
    stages = {8: 1, 16: 2, 32: 3, 64: 4}
    if side not in stages:
        raise ValueError(f"Images of {side} pixels a side have no such net; {list(stages)} are known.")
    if width < 2:
        raise ValueError(f"width={width} must be at least 2.")
    return (width, width, width // 2, width // 2)[: stages[side]]


def strided_generator(
    shape: Sequence[int],
    latent_dim: int,
    channels: Sequence[int] = (64, 64, 32, 32),
    hidden: int = 128,
    output: nn.Module | None = None,
) -> nn.Sequential:
    """Build a generator of images: two batch-normalized linear layers and a transposed convolution for each stage.

    References: with the defaults and 64 x 64 images, the net for dSprites of InfoGAN-CR (Lin et al., 2020),
    https://arxiv.org/abs/1906.06034

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 2 to the number of `channels`.
        latent_dim: length of the input vector.
        channels: channels before each transposed convolution, the smallest images first.
        hidden: units of the first linear layer.
        output: last activation; a sigmoid by default, for data in [0, 1].

    Returns:
        A module from z [B, latent_dim] to images [B, *shape].

    Raises:
        ValueError: sides that cannot be halved so often.
    """
    colors, height, width = _sides(shape, channels)
    size = channels[0] * height * width
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, hidden, size]):
        layers += [Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    layers.append(nn.Unflatten(1, (channels[0], height, width)))
    for inputs, outputs in pairwise(channels):
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]
    last = nn.ConvTranspose2d(channels[-1], colors, 4, stride=2, padding=1)
    return nn.Sequential(*layers, last, output or nn.Sigmoid())


def strided_info_discriminator(
    shape: Sequence[int],
    statistics: int,
    channels: Sequence[int] = (32, 32, 64, 64),
    features: int = 128,
    spectral: bool = True,
    gain: float = 1.0,
) -> InfoDiscriminator:
    """Build a net that judges images and reads codes: a strided convolution for each stage and a dense layer.

    References: with the defaults and 64 x 64 images, the net for dSprites of InfoGAN-CR (Lin et al., 2020),
    https://arxiv.org/abs/1906.06034; spectral normalization (Miyato et al., 2018), https://arxiv.org/abs/1802.05957

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 2 to the number of `channels`.
        statistics: S, the `width` of the codes.
        channels: channels after each convolution.
        features: F.
        spectral: whether all layers but the reader's last are divided by their largest singular value.
        gain: what images are multiplied by first, dimensionless; with `spectral` no layer can, and small images or few
            stages may leave too little to judge by.

    Raises:
        ValueError: sides that cannot be halved so often.
    """
    normal = normalizer(spectral)
    reader = nn.Sequential(normal(Linear(features, 128)), nn.LeakyReLU(0.1), Linear(128, statistics))
    return InfoDiscriminator(_trunk(shape, channels, features, spectral, gain), normal(Linear(features, 1)), reader)


def strided_net(
    shape: Sequence[int],
    outputs: int,
    channels: Sequence[int] = (32, 32, 64, 64),
    features: int = 128,
    spectral: bool = True,
    gain: float = 1.0,
) -> nn.Sequential:
    """Build the same net with one head, such as the contrast network of :class:`~gan_ext.games.InfoGANCR`.

    Args:
        shape: (channels, height, width) of the input: for pairs of images, twice the channels of one.
        outputs: numbers that come out for each input.
        channels: channels after each convolution.
        features: units of the last hidden layer.
        spectral: whether all layers are divided by their largest singular value.
        gain: what the input is multiplied by first, dimensionless.

    Returns:
        A module from [B, *shape] to [B, outputs].

    Raises:
        ValueError: sides that cannot be halved so often.
    """
    head = normalizer(spectral)(Linear(features, outputs))
    return nn.Sequential(_trunk(shape, channels, features, spectral, gain), head)


class _Gain(nn.Module):
    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


def _trunk(shape: Sequence[int], channels: Sequence[int], features: int, spectral: bool, gain: float) -> nn.Sequential:
    colors, height, width = _sides(shape, channels)
    normal = normalizer(spectral)
    layers: list[nn.Module] = [_Gain(gain)]
    for inputs, outputs in pairwise([colors, *channels]):
        layers += [normal(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)), nn.LeakyReLU(0.1)]
    dense = normal(Linear(channels[-1] * height * width, features))
    return nn.Sequential(*layers, nn.Flatten(), dense, nn.LeakyReLU(0.1))


def _sides(shape: Sequence[int], channels: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width) of the smallest images, or raise ValueError."""
    colors, height, width = shape
    halvings = 2 ** len(channels)
    if not channels or height % halvings or width % halvings:
        raise ValueError(
            f"{len(channels)} stages need sides that are multiples of {halvings}, got {tuple(shape)}: give other "
            f"channels than {tuple(channels)}, at least one."
        )
    return colors, height // halvings, width // halvings
