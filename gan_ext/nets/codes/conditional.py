"""Networks that are told a class: generators, and discriminators that judge a sample as one of its class.

Shapes: B is the batch, K the number of classes, F the number of features, d the coordinates of the prior.  Classes `y`
are numbers 0 .. K-1 [B], int64.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, one_hot
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from gan_ext.checks import checked
from gan_ext.nets.codes.strided import strided_net
from gan_ext.nets.images.conv import image_sides
from gan_ext.nets.layers.linear import Linear
from gan_ext.nets.layers.normalization import normalizer

__all__ = [
    "ClassJudgment",
    "ClassifyingDiscriminator",
    "ConcatenatedGenerator",
    "ConcatenationDiscriminator",
    "ConditionalBatchNorm",
    "ConditionalSequential",
    "ProjectionDiscriminator",
    "conv_conditional_generator",
    "fix_spectral_norms",
    "mlp_conditional_generator",
    "projection_pair",
    "with_classes",
]


def with_classes(x: Tensor, y: Tensor, classes: int) -> Tensor:
    """Append one-hot classes to data: K columns to a table [B, n], K constant channels to images [B, c, h, w]."""
    marks = one_hot(y, classes).to(x.dtype)
    marks = marks.view(*marks.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat([x, marks], dim=1)


@checked
class ConditionalBatchNorm(nn.Module):
    r"""Batch normalization whose gain and shift belong to the sample's class.

    .. math:: \gamma_y \odot \frac{h - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta_y

    with mean and variance over the whole batch, whatever its classes.

    References: Modulating early visual processing by language (de Vries et al., 2017), https://arxiv.org/abs/1707.00683

    Args:
        features: columns or channels of h.
        classes: K.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(classes, features))
        self.shift = nn.Parameter(torch.zeros(classes, features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.mean: Tensor
        self.variance: Tensor

    def forward(self, h: Tensor, y: Tensor) -> Tensor:
        normal = batch_norm(h, self.mean, self.variance, training=self.training)
        shape = (len(y), -1, *[1] * (h.dim() - 2))
        # A product with one-hot rows: its gradient is a small product too, that of indexing is a slow scatter.
        rows = one_hot(y, len(self.gain)).to(self.gain.dtype)
        gain, shift = (rows @ self.gain).view(shape), (rows @ self.shift).view(shape)
        return torch.addcmul(shift.to(normal.dtype), normal, gain.to(normal.dtype))


class ConditionalSequential(nn.Sequential):
    """Layers one after the other, of which those that take a class (:class:`ConditionalBatchNorm`) get it."""

    def forward(self, h: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            h = layer(h, y) if isinstance(layer, ConditionalBatchNorm) else layer(h)
        return h


@checked
class ConcatenatedGenerator(nn.Module):
    """A generator that reads the class as K more coordinates of its input.

    References: Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784

    Args:
        net: maps [B, d + K] to data, such as :func:`~gan_ext.nets.conv_generator` or
            :func:`~gan_ext.nets.mlp_generator` built for d + K coordinates.
        classes: K.
    """

    def __init__(self, net: nn.Module, classes: int) -> None:
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        made: Tensor = self.net(with_classes(z, y, self.classes))
        return made


def conv_conditional_generator(
    shape: Sequence[int], latent_dim: int, classes: int, channels: int = 64, output: nn.Module | None = None
) -> ConditionalSequential:
    """Build :func:`~gan_ext.nets.conv_generator` with conditional batch normalization.

    References: cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 4.
        latent_dim: d.
        classes: K.
        channels: channels before the first transposed convolution; half as many before the second.
        output: last activation; a sigmoid by default, for data in [0, 1].

    Returns:
        A module from (z [B, d], y [B]) to images [B, *shape].
    """
    colors, height, width = image_sides(shape)
    size = channels * (height // 4) * (width // 4)
    return ConditionalSequential(
        Linear(latent_dim, size, bias=False),
        ConditionalBatchNorm(size, classes),
        nn.ReLU(),
        nn.Unflatten(1, (channels, height // 4, width // 4)),
        nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False),
        ConditionalBatchNorm(channels // 2, classes),
        nn.ReLU(),
        nn.ConvTranspose2d(channels // 2, colors, 4, stride=2, padding=1),
        output or nn.Sigmoid(),
    )


def mlp_conditional_generator(
    shape: Sequence[int],
    latent_dim: int,
    classes: int,
    widths: Sequence[int] = (128, 128),
    output: nn.Module | None = None,
) -> ConditionalSequential:
    """Build a perceptron with conditional batch normalization, for samples of any shape.

    Args:
        shape: shape of one sample.
        latent_dim: d.
        classes: K.
        widths: units of the hidden layers.
        output: last activation; none by default.

    Returns:
        A module from (z [B, d], y [B]) to data [B, *shape].
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *widths]):
        layers += [Linear(inputs, outputs, bias=False), ConditionalBatchNorm(outputs, classes), nn.ReLU()]
    layers += [Linear(widths[-1], prod(shape)), output or nn.Identity(), nn.Unflatten(1, tuple(shape))]
    return ConditionalSequential(*layers)


@checked
class ProjectionDiscriminator(nn.Module):
    r"""A discriminator whose logit is linear in the class's embedding.

    .. math:: d(x, y) = e_y^\top f(x) + \psi(f(x))

    References: cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Args:
        trunk: maps data to features [B, F].
        features: F.
        classes: K.
        spectral: whether the embedding and :math:`\psi` are divided by their largest singular value.
    """

    def __init__(self, trunk: nn.Module, features: int, classes: int, spectral: bool = False) -> None:
        super().__init__()
        normal = normalizer(spectral)
        self.trunk = trunk
        self.judge = normal(Linear(features, 1))
        self.embedding = normal(Linear(features, classes, bias=False))  # row y is e_y

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        features = self.trunk(x)
        projected: Tensor = self.embedding(features).gather(1, y[:, None]) + self.judge(features)
        return projected[:, 0]

    def every_class(self, x: Tensor) -> Tensor:
        """Return the logits of data with every class [B, K], from one pass of the trunk."""
        features = self.trunk(x)
        together: Tensor = self.embedding(features) + self.judge(features)
        return together


def projection_pair(
    shape: Sequence[int], latent_dim: int, classes: int, channels: int = 64, output: nn.Module | None = None
) -> tuple[ConditionalSequential, ProjectionDiscriminator]:
    """Build a class-conditional generator of images and a projection discriminator normalized by spectrum.

    References: cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Args:
        shape: (channels, height, width) of one image; sides are multiples of 8.
        latent_dim: d.
        classes: K.
        channels: of the generator (:func:`conv_conditional_generator`); the discriminator's three strided convolutions
            have an eighth, a quarter and half as many.  A multiple of 8.
        output: the generator's last activation; a sigmoid by default, for data in [0, 1].

    Returns:
        Modules from (z [B, d], y [B]) to images [B, *shape], and from (images, y) to logits [B].
    """
    generator = conv_conditional_generator(shape, latent_dim, classes, channels, output)
    trunk = strided_net(shape, channels // 2, [channels // 8, channels // 4, channels // 2], spectral=True)
    return generator, ProjectionDiscriminator(trunk, channels // 2, classes, spectral=True)


@checked
class ConcatenationDiscriminator(nn.Module):
    """A discriminator that reads the class as K more columns or constant channels of the data.

    References: Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784

    Args:
        net: maps data with K more columns or channels to logits [B, 1].
        classes: K.
    """

    def __init__(self, net: nn.Module, classes: int) -> None:
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        logits: Tensor = self.net(with_classes(x, y, self.classes))
        return logits[:, 0]


class ClassJudgment(NamedTuple):
    """Logits of being real [B], and class logits [B, C], C being K, or 2 K for real and generated classes."""

    logits: Tensor
    classes: Tensor


@checked
class ClassifyingDiscriminator(nn.Module):
    """A trunk with two heads: one judges, one names the class.

    Args:
        trunk: maps data to features [B, F].
        features: F.
        outputs: C, class logits; K for :class:`~gan_ext.games.ACGAN`, 2 K for :class:`~gan_ext.games.ADCGAN`.
        spectral: whether both heads are divided by their largest singular value.
    """

    def __init__(self, trunk: nn.Module, features: int, outputs: int, spectral: bool = False) -> None:
        super().__init__()
        normal: Callable[[nn.Module], nn.Module] = normalizer(spectral)
        self.trunk = trunk
        self.judge, self.namer = normal(Linear(features, 1)), normal(Linear(features, outputs))

    def forward(self, x: Tensor) -> ClassJudgment:
        features = self.trunk(x)
        return ClassJudgment(self.judge(features)[:, 0], self.namer(features))


@torch.no_grad()
def fix_spectral_norms(module: nn.Module, steps: int = 5) -> None:
    """Turn spectrally normalized layers into plain ones with the weights they stand for, which can be pickled.

    Args:
        module: changed in place.
        steps: steps of the power method before, for layers whose vectors are averages.
    """
    for layer in module.modules():
        if is_parametrized(layer, "weight"):
            layer.train()
            for _ in range(steps):
                layer.weight  # noqa: B018  # every look is a step of the power method
            layer.eval()
            remove_parametrizations(layer, "weight")
