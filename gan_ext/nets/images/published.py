"""The published convolutional nets for small color images, for images of any size.

Shapes: B is the batch, K the number of classes, F the number of features.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gan_ext.nets.images.conv import channels_last
from gan_ext.nets.layers.linear import Classifier, GaussianNoise, Linear, WeightNormLinear
from gan_ext.nets.layers.normalization import batch_or_group
from gan_ext.nets.layers.weight_norm import WeightNormConv2d, WeightNormConvTranspose2d

__all__ = ["benchmark_classifier", "cnn13", "salimans_discriminator", "salimans_generator", "wide_resnet"]


def salimans_discriminator(
    shape: Sequence[int],
    classes: int,
    widths: Sequence[int] = (96, 192),
    input_dropout: float = 0.2,
    dropout: float = 0.5,
    input_noise: float = 0.0,
) -> Classifier:
    """Build the published K-logit discriminator of CIFAR-10 and SVHN: nine weight-normalized convolutions.

    Gains are fixed except in the last layer, so call :func:`~gan_ext.nets.data_dependent_init` before training.
    Samples do not see each other.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498 (layers
    as in the authors' code; `widths` are (96, 192) for CIFAR-10 and (64, 128) for SVHN).  Bad GAN (Dai et al., 2017),
    https://arxiv.org/abs/1705.09783, adds `input_noise` 0.05.

    Args:
        shape: (channels, height, width) of one image; sides are at least 9.
        classes: K.
        widths: channels of the first three convolutions, and of the other six; the latter is F.
        input_dropout: share of pixels that are dropped from the input.
        dropout: share that is dropped after each third convolution.
        input_noise: standard deviation of the noise on the input, in units of the input.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).

    Raises:
        ValueError: sides that are too small.
    """
    _check_sides("salimans_discriminator", shape, 9)
    first, second = widths
    trunk = nn.Sequential(
        GaussianNoise(input_noise),
        nn.Dropout(input_dropout),
        *_weight_normal(shape[0], first, padding=1),
        *_weight_normal(first, first, padding=1),
        *_weight_normal(first, first, padding=1, stride=2),
        nn.Dropout(dropout),
        *_weight_normal(first, second, padding=1),
        *_weight_normal(second, second, padding=1),
        *_weight_normal(second, second, padding=1, stride=2),
        nn.Dropout(dropout),
        *_weight_normal(second, second),
        *_weight_normal(second, second, kernel=1),
        *_weight_normal(second, second, kernel=1),
        *_global_average(),
    )
    return channels_last(Classifier(trunk, WeightNormLinear(second, classes, True, std=0.05, output_std=0.1)))


def _weight_normal(inputs: int, outputs: int, kernel: int = 3, padding: int = 0, stride: int = 1) -> list[nn.Module]:
    return [WeightNormConv2d(inputs, outputs, kernel, stride, padding), nn.LeakyReLU(0.2)]


def _global_average() -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def _check_sides(name: str, shape: Sequence[int], least: int) -> None:
    if len(shape) != 3 or min(shape[1:]) < least:
        raise ValueError(
            f"{name} needs images (channels, height, width) with sides of at least {least}, got {tuple(shape)}; "
            "enlarge the images."
        )


def salimans_generator(
    shape: Sequence[int],
    latent_dim: int = 100,
    widths: Sequence[int] = (512, 256, 128),
    output: nn.Module | None = None,
) -> nn.Sequential:
    """Build the published generator of CIFAR-10 and SVHN: a dense layer and three transposed convolutions.

    Batch normalization has no gain, as in the authors' code; the last layer is weight-normalized.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Args:
        shape: (channels, height, width) of one image, of any size: the sides halve three times, rounded up.
        latent_dim: number of coordinates d of the prior.
        widths: channels before each transposed convolution, the smallest images first.
        output: last activation; tanh by default, for data in [-1, 1].

    Returns:
        A module from z [B, d] to images [B, *shape].
    """
    colors, *sides = shape
    steps = [[-(-side // 2**halvings) for side in sides] for halvings in (3, 2, 1, 0)]
    first, second, third = widths
    size = first * steps[0][0] * steps[0][1]
    # 5 x 5 kernels with a step of 2 make 2 s - 1 pixels of s: one more is added where the next side is even.
    added = [(larger[0] - 2 * small[0] + 1, larger[1] - 2 * small[1] + 1) for small, larger in pairwise(steps)]
    return nn.Sequential(
        _normal_start(Linear(latent_dim, size, bias=False)),
        _without_gain(nn.BatchNorm1d(size)),
        nn.ReLU(),
        nn.Unflatten(1, (first, *steps[0])),
        _normal_start(nn.ConvTranspose2d(first, second, 5, 2, 2, added[0], bias=False)),
        _without_gain(nn.BatchNorm2d(second)),
        nn.ReLU(),
        _normal_start(nn.ConvTranspose2d(second, third, 5, 2, 2, added[1], bias=False)),
        _without_gain(nn.BatchNorm2d(third)),
        nn.ReLU(),
        WeightNormConvTranspose2d(third, colors, 5, 2, 2, added[2], train_gain=True, output_std=0.1),
        output or nn.Tanh(),
    )


def _normal_start(layer: Linear | nn.ConvTranspose2d) -> nn.Module:
    nn.init.normal_(layer.weight, std=0.05)
    return layer


def _without_gain(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    norm.weight.requires_grad_(False)
    return norm


def cnn13(
    shape: Sequence[int],
    classes: int,
    norm: Literal["weight", "batch"] = "batch",
    noise: float = 0.15,
    dropout: float = 0.5,
    width: int = 128,
) -> Classifier:
    """Build the 13-layer net in which semi-supervised methods are compared: nine convolutions, pools and one layer.

    With ``"weight"`` samples do not see each other; call :func:`~gan_ext.nets.data_dependent_init` before training.

    References: Temporal Ensembling (Laine and Aila, 2017), https://arxiv.org/abs/1610.02242; Mean Teacher (Tarvainen
    and Valpola, 2017), https://arxiv.org/abs/1703.01780

    Args:
        shape: (channels, height, width) of one image; sides are at least 12.
        classes: K.
        norm: ``"weight"``: weight normalization with learned gains; ``"batch"``: batch normalization.
        noise: standard deviation of the noise on the input, in units of the input.
        dropout: share that is dropped after each pool.
        width: channels of the first three convolutions; the others have 2, 4, 2 and 1 times as many; this is F.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).

    Raises:
        ValueError: another `norm`, or sides that are too small.
    """
    if norm not in ("weight", "batch"):
        raise ValueError(f"norm must be 'weight' or 'batch', got {norm!r}.")
    _check_sides("cnn13", shape, 12)
    block = _weight_block if norm == "weight" else _batch_block
    trunk = nn.Sequential(
        GaussianNoise(noise),
        *block(shape[0], width),
        *block(width, width),
        *block(width, width),
        *(nn.MaxPool2d(2), nn.Dropout(dropout)),
        *block(width, 2 * width),
        *block(2 * width, 2 * width),
        *block(2 * width, 2 * width),
        *(nn.MaxPool2d(2), nn.Dropout(dropout)),
        *block(2 * width, 4 * width, padding=0),
        *block(4 * width, 2 * width, 1, 0),
        *block(2 * width, width, 1, 0),
        *_global_average(),
    )
    head = WeightNormLinear(width, classes, train_gain=True) if norm == "weight" else Linear(width, classes)
    return channels_last(Classifier(trunk, head))


def _weight_block(inputs: int, outputs: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [WeightNormConv2d(inputs, outputs, kernel, padding=padding, train_gain=True), nn.LeakyReLU(0.1)]


def _batch_block(inputs: int, outputs: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [_conv(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size of gradients (He et al., 2015)."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, a=0.1, mode="fan_out")
    return layer


def wide_resnet(
    shape: Sequence[int],
    classes: int,
    depth: int = 28,
    width: int = 2,
    norm: Literal["batch", "group"] = "batch",
    dropout: float = 0.0,
) -> Classifier:
    """Build a wide residual net with leaky units, by default the WRN-28-2 of semi-supervised comparisons.

    With ``"group"`` samples do not see each other, so that real and generated ones may share a batch.

    References: Wide Residual Networks (Zagoruyko and Komodakis, 2016), https://arxiv.org/abs/1605.07146; Realistic
    Evaluation of Deep Semi-Supervised Learning Algorithms (Oliver et al., 2018), https://arxiv.org/abs/1804.09170;
    Group Normalization (Wu and He, 2018), https://arxiv.org/abs/1803.08494

    Args:
        shape: (channels, height, width) of one image; sides are at least 4.
        classes: K.
        depth: 6 n + 4 layers, n blocks for each of three sizes.
        width: factor of the channels 16, 32 and 64; F is 64 times it.
        norm: ``"batch"``: batch normalization; ``"group"``: group normalization, 8 groups.
        dropout: share that is dropped within each block.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).

    Raises:
        ValueError: a `depth` that is not 6 n + 4, another `norm`, or sides that are too small.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth must be 6 n + 4 with n of at least 1, such as 16, 22 or 28, got {depth}.")
    _check_sides("wide_resnet", shape, 4)
    normal = batch_or_group(norm)
    layers: list[nn.Module] = [_conv(shape[0], 16, 3)]
    inputs = 16
    for stage in range(3):
        outputs = 16 * 2**stage * width
        for block in range(blocks):
            layers.append(_Residual(inputs, outputs, 2 if stage and not block else 1, normal, dropout))
            inputs = outputs
    trunk = nn.Sequential(*layers, normal(inputs), nn.LeakyReLU(0.1), *_global_average())
    return channels_last(Classifier(trunk, Linear(inputs, classes)))


def benchmark_classifier(
    net: Literal["cnn13", "wide_resnet"], shape: Sequence[int], classes: int, width: int, apart: bool = False
) -> Classifier:
    """Build one of the two nets in which semi-supervised methods are compared.

    Args:
        net: :func:`cnn13` or :func:`wide_resnet`.
        shape: (channels, height, width) of one image.
        classes: K.
        width: of that net.
        apart: whether samples do not see each other, so that real and generated ones may share a batch: weight or
            group normalization takes the place of batch normalization.

    Returns:
        A module from images [B, *shape] to (logits [B, K], features [B, F]).
    """
    if net == "cnn13":
        return cnn13(shape, classes, "weight" if apart else "batch", width=width)
    return wide_resnet(shape, classes, width=width, norm="group" if apart else "batch")


class _Residual(nn.Module):
    """Two convolutions after their norms, beside a shortcut; where the size changes, both start from the norm."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, normal: Callable[[int], nn.Module], dropout: float
    ) -> None:
        super().__init__()
        self.start = nn.Sequential(normal(inputs), nn.LeakyReLU(0.1))
        self.change = nn.Sequential(
            _conv(inputs, outputs, 3, stride),
            normal(outputs),
            nn.LeakyReLU(0.1),
            nn.Dropout(dropout),
            _conv(outputs, outputs, 3),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else _conv(inputs, outputs, 1, stride, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        ready = self.start(x)
        kept = x if self.shortcut is None else self.shortcut(ready)
        return torch.add(kept, self.change(ready))
