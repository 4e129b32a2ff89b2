"""Color augmentation of images, and the strong augmentation (as RandAugment) of consistency methods.

Images are [B, c, h, w] on any device, each with a draw of its own.  Pixels lie in a range, (low, high): low is black.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from gan_ext.checks import checked
from gan_ext.data.images.augment import Cutout, RandomAffine, RandomFlip, RandomShift

__all__ = [
    "AutoContrast",
    "RandomChoice",
    "RandomColor",
    "RandomPosterize",
    "RandomSharpness",
    "RandomSolarize",
    "strong_augmentation",
    "weak_and_strong",
]


@checked
class _OfPixels(nn.Module):
    """What transformations of colors share: the range of their pixels, and draws for each image."""

    def __init__(self, pixels: tuple[float, float]) -> None:
        super().__init__()
        self.low, self.high = pixels
        if not self.low < self.high:
            raise ValueError(f"pixels must be (low, high) with low < high, such as (0, 1) or (-1, 1), got {pixels}.")

    def extra_repr(self) -> str:
        return f"pixels=({self.low}, {self.high})"


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    """Return a number for each image, uniform on [low, high], [B, 1, 1, 1]."""
    return (low + (high - low) * torch.rand(len(x), 1, 1, 1, device=x.device)).to(x.dtype)


def _gray(x: Tensor) -> Tensor:
    """Return brightness [B, 1, h, w]: of red, green and blue by ITU-R BT.601, of other channels their mean."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


@checked
class RandomColor(_OfPixels):
    r"""Change brightness, contrast and saturation of every image, in this order, and clip to the range of pixels.

    .. math:: x \leftarrow o + (1 + a) (x - o), \qquad a \sim U[-A, A]

    with origin o black for brightness, the image's mean gray for contrast and each pixel's gray for saturation, and an
    amount a of its own for each.

    Args:
        brightness: A for brightness, dimensionless.
        contrast: A for contrast.
        saturation: A for saturation; images with one channel have none.
        pixels: (low, high), the range of pixels.

    Raises:
        ValueError: a negative amount, or a range without extent.
    """

    def __init__(
        self,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        pixels: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        super().__init__(pixels)
        if not min(brightness, contrast, saturation) >= 0:
            raise ValueError(
                f"RandomColor needs amounts >= 0, got brightness={brightness}, contrast={contrast} and "
                f"saturation={saturation}."
            )
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        if self.brightness:
            x = self.low + self._factor(x, self.brightness) * (x - self.low)
        if self.contrast:
            x = torch.lerp(_gray(x).mean((2, 3), keepdim=True).expand_as(x), x, self._factor(x, self.contrast))
        if self.saturation:
            x = torch.lerp(_gray(x).expand_as(x), x, self._factor(x, self.saturation))
        return x.clamp(self.low, self.high)

    def _factor(self, x: Tensor, amount: float) -> Tensor:
        return _uniform(x, 1 - amount, 1 + amount)

    def extra_repr(self) -> str:
        amounts = f"brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}"
        return f"{amounts}, {super().extra_repr()}"


@checked
class RandomSharpness(_OfPixels):
    """Blur or sharpen every image: away from or towards its mean over 3 x 3 pixels, by an amount on [-A, A].

    Args:
        amount: A; at -1 the image is its own 3 x 3 mean.
        pixels: (low, high), the range of pixels, to which results are clipped.
    """

    def __init__(self, amount: float = 0.9, pixels: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__(pixels)
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        blurred = avg_pool2d(pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        return torch.lerp(blurred, x, _uniform(x, 1 - self.amount, 1 + self.amount)).clamp(self.low, self.high)

    def extra_repr(self) -> str:
        return f"amount={self.amount}, {super().extra_repr()}"


@checked
class RandomPosterize(_OfPixels):
    """Round pixels down to a few levels, 2 to the power of a number of bits that is drawn for each image.

    Args:
        bits: (fewest, most), of which 8 would leave images of bytes as they are.
        pixels: (low, high), the range of pixels.

    Raises:
        ValueError: bits that are not 1 <= fewest <= most.
    """

    def __init__(self, bits: tuple[int, int] = (4, 8), pixels: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__(pixels)
        if not 1 <= bits[0] <= bits[1]:
            raise ValueError(f"bits must be (fewest, most) with 1 <= fewest <= most, got {bits}.")
        self.bits = bits

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        bits = torch.randint(self.bits[0], self.bits[1] + 1, (len(x), 1, 1, 1), device=x.device)
        levels, width = (2.0**bits).to(x.dtype), self.high - self.low
        bytes_ = ((x - self.low) * (255 / width)).round()  # as images are stored, so that 8 bits are all
        return (bytes_ * (levels / 256)).floor() * (256 / levels) * (width / 255) + self.low

    def extra_repr(self) -> str:
        return f"bits={self.bits}, {super().extra_repr()}"


@checked
class RandomSolarize(_OfPixels):
    """Invert all pixels above a threshold, which is drawn for each image, uniform on the range of pixels.

    Args:
        pixels: (low, high), the range of pixels.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        return torch.where(x > _uniform(x, self.low, self.high), self.low + self.high - x, x)

    def __init__(self, pixels: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__(pixels)


@checked
class AutoContrast(_OfPixels):
    """Stretch every channel of every image over the range of pixels; constant channels stay as they are.

    Args:
        pixels: (low, high), the range of pixels.
    """

    def __init__(self, pixels: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__(pixels)

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        least, most = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        stretched = self.low + (x - least) * ((self.high - self.low) / (most - least).clamp_min(1e-6))
        return torch.where(most > least, stretched, x)


@checked
class RandomChoice(nn.Module):
    """Transform every image by some of several modules, drawn with replacement and applied one after the other.

    All modules see all images and masks pick the results, so nothing waits for the device.

    Args:
        operations: modules from images [B, c, h, w] to images of the same shape, none of which mixes images.
        count: how many are applied to each image.

    Raises:
        ValueError: no operations, or a negative count.
    """

    def __init__(self, operations: Sequence[nn.Module], count: int = 1) -> None:
        super().__init__()
        if not operations or count < 0:
            raise ValueError(f"RandomChoice needs operations and count >= 0, got {len(operations)} and {count}.")
        self.operations, self.count = nn.ModuleList(operations), count

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        for _ in range(self.count):
            choice = torch.randint(0, len(self.operations), (len(x), 1, 1, 1), device=x.device)
            made = x
            for number, operation in enumerate(self.operations):
                made = torch.where(choice == number, operation(x), made)
            x = made
        return x

    def extra_repr(self) -> str:
        return f"count={self.count}"


def strong_augmentation(
    pixels: tuple[float, float] = (-1.0, 1.0), count: int = 2, cutout: int = 16, strength: float = 1.0
) -> nn.Sequential:
    """Build a strong augmentation of color images: a few operations drawn for each image, then Cutout.

    The operations are none, rotation, shear, shift, brightness, contrast, saturation, sharpness, posterisation,
    solarisation and stretched contrast, with amounts uniform up to a largest.  Equalization, which the published lists
    have too, is left out.

    References: RandAugment (Cubuk et al., 2020), https://arxiv.org/abs/1909.13719; FixMatch (Sohn et al., 2020),
    https://arxiv.org/abs/2001.07685

    Args:
        pixels: (low, high), the range of pixels: (-1, 1) or (0, 1).  Cut squares are the middle of it; pixels that
            rotation, shear and shift bring in from outside are 0.
        count: operations for each image.
        cutout: side of the square that is cut out, in pixels: half the image's side in FixMatch.
        strength: factor of the largest amounts: rotations of 30 degrees, shears of 0.3, shifts of 10 pixels, changes of
            color by 0.9.

    Returns:
        A module from images [B, c, h, w] to such images.

    Raises:
        ValueError: a range without extent, or a negative count, size or strength.
    """
    if not strength >= 0:
        raise ValueError(f"strong_augmentation needs strength >= 0, got {strength}.")
    color = 0.9 * strength
    operations: list[nn.Module] = [
        nn.Identity(),
        RandomAffine(0.52 * strength, 0, 0, 0),
        RandomAffine(0, 0, 0.3 * strength, 0),
        RandomAffine(0, 0, 0, 10.0 * strength),
        RandomColor(brightness=color, pixels=pixels),
        RandomColor(contrast=color, pixels=pixels),
        RandomColor(saturation=color, pixels=pixels),
        RandomSharpness(color, pixels),
        RandomPosterize(pixels=pixels),
        RandomSolarize(pixels),
        AutoContrast(pixels),
    ]
    return nn.Sequential(RandomChoice(operations, count), Cutout(cutout, fill=sum(pixels) / 2))


def weak_and_strong(level: Literal["none", "weak", "strong"] = "strong", shift: int = 4) -> tuple[nn.Module, nn.Module]:
    """Return what color images go through before a teacher sees them, and before its student does.

    Args:
        level: ``"none"``: neither is changed; ``"weak"``: both are moved and mirrored; ``"strong"``: the student's
            image goes through :func:`strong_augmentation` besides.
        shift: largest move, in pixels.

    Returns:
        Modules from images [B, c, h, w] in [-1, 1] to such images.

    Raises:
        ValueError: another level.
    """
    if level not in ("none", "weak", "strong"):
        raise ValueError(f"level must be 'none', 'weak' or 'strong', got {level!r}.")
    if level == "none":
        return nn.Identity(), nn.Identity()
    weak = nn.Sequential(RandomShift(shift), RandomFlip())
    return weak, nn.Sequential(weak, strong_augmentation()) if level == "strong" else weak
