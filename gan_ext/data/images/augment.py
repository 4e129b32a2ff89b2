"""Geometric data augmentation of images [B, c, h, w]: affine maps, shifts, flips, cutout, elastic deformation.

They are modules without weights, so :class:`torch.nn.Sequential` composes them.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate

from gan_ext.checks import checked

__all__ = ["Cutout", "RandomAffine", "RandomElastic", "RandomFlip", "RandomShift"]


@checked
class RandomAffine(nn.Module):
    r"""Rotate, stretch, shear and shift every image of a batch at random, each by an affine map of its own.

    Amounts are uniform on [-a, a]; pixels from outside are 0.

    Args:
        rotation: largest angle, in radians.
        stretch: largest change of each side's length, as a share of it.
        shear: largest shear, dimensionless.
        shift: largest shift along each side, in pixels.
    """

    def __init__(self, rotation: float = 0.26, stretch: float = 0.12, shear: float = 0.2, shift: float = 2.0) -> None:
        super().__init__()
        self.rotation, self.stretch, self.shear, self.shift = rotation, stretch, shear, shift

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        _check_images(self, x)
        height, width = x.shape[-2:]
        amount = torch.rand(6, len(x), device=x.device) * 2 - 1
        angle, shear = amount[0] * self.rotation, amount[3] * self.shear
        along, across = 1 + amount[1] * self.stretch, 1 + amount[2] * self.stretch
        cos, sin = angle.cos(), angle.sin()
        # From output to input, in units of half a side, as `affine_grid` wants it.
        shift_x, shift_y = amount[4] * 2 * self.shift / width, amount[5] * 2 * self.shift / height
        rows = [along * cos, along * (shear * cos - sin), shift_x, across * sin, across * (shear * sin + cos), shift_y]
        maps = torch.stack(rows, dim=1).view(-1, 2, 3).to(x.dtype)
        return grid_sample(x, affine_grid(maps, list(x.shape), align_corners=False), align_corners=False)

    def extra_repr(self) -> str:
        return f"rotation={self.rotation}, stretch={self.stretch}, shear={self.shear}, shift={self.shift}"


@checked
class RandomShift(nn.Module):
    """Shift every image by whole pixels, uniform on -pixels .. pixels along each side.

    Args:
        pixels: the largest shift.
        padding: what comes in from outside: ``"reflect"``, the image mirrored at its outermost pixels, or ``"zero"``.

    Raises:
        ValueError: a negative shift, another padding, or mirrored images with sides not above `pixels`.
    """

    def __init__(self, pixels: int, padding: Literal["reflect", "zero"] = "reflect") -> None:
        super().__init__()
        if pixels < 0:
            raise ValueError(f"RandomShift needs pixels >= 0, got {pixels}.")
        if padding not in ("reflect", "zero"):
            raise ValueError(f"padding must be 'reflect' or 'zero', got {padding!r}.")
        self.pixels, self.padding = pixels, padding

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        _check_images(self, x)
        if self.padding == "reflect" and min(x.shape[-2:]) <= self.pixels:
            raise ValueError(
                f"Images of {tuple(x.shape[-2:])} cannot be mirrored for shifts of {self.pixels}; shift by less, or "
                "pad with 'zero'."
            )
        offsets = torch.randint(-self.pixels, self.pixels + 1, (2, len(x)), device=x.device)
        return self._shifted(self._shifted(x.mT, offsets[0]).mT, offsets[1])

    def _shifted(self, x: Tensor, offsets: Tensor) -> Tensor:
        """Shift each image along its last side."""
        last = x.shape[-1] - 1
        sources = torch.arange(last + 1, device=x.device) - offsets[:, None]
        if self.padding == "reflect":
            places = last - (last - sources.abs()).abs()
            return x.gather(-1, places[:, None, None].expand(x.shape))
        inside = (sources >= 0) & (sources <= last)
        moved = x.gather(-1, sources.clamp(0, last)[:, None, None].expand(x.shape))
        return moved * inside[:, None, None].to(x.dtype)

    def extra_repr(self) -> str:
        return f"pixels={self.pixels}, padding={self.padding!r}"


@checked
class RandomFlip(nn.Module):
    """Mirror images, left for right, each with the same probability.

    Args:
        probability: that an image is mirrored.
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"RandomFlip needs a probability between 0 and 1, got {probability}.")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        _check_images(self, x)
        chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < self.probability
        return torch.where(chosen, x.flip(-1), x)

    def extra_repr(self) -> str:
        return f"probability={self.probability}"


@checked
class Cutout(nn.Module):
    """Blank a square of every image; its center is any pixel, so that part of it may lie outside.

    References: Improved Regularization of Convolutional Neural Networks with Cutout (DeVries and Taylor, 2017),
    https://arxiv.org/abs/1708.04552

    Args:
        size: side of the square, in pixels.
        fill: what blank pixels are.
    """

    def __init__(self, size: int, fill: float = 0.0) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"Cutout needs size >= 0, got {size}.")
        self.size, self.fill = size, fill

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        _check_images(self, x)
        rows, columns = (self._covered(len(x), side, x.device) for side in x.shape[-2:])
        return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], self.fill)

    def _covered(self, images: int, side: int, device: torch.device) -> Tensor:
        """Return whether the squares cover a row (or column), [B, side]."""
        begin = torch.randint(0, side, (images, 1), device=device) - self.size // 2
        place = torch.arange(side, device=device)
        return (place >= begin) & (place < begin + self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}, fill={self.fill}"


@checked
class RandomElastic(nn.Module):
    """Bend images: every pixel moves by a smooth field, random on a coarse grid and bicubic in between.

    Displacements of the grid's nodes are uniform on [-amount, amount] along each side; between them the field may
    exceed that a little.  Pixels from outside are 0.

    References: the field of Best Practices for Convolutional Neural Networks (Simard et al., 2003), section 2, from a
    coarse grid in place of smoothed white noise

    Args:
        amount: largest displacement of a node, in pixels.
        grid: nodes along each side, from the first pixel to the last; fewer bend more smoothly.
    """

    def __init__(self, amount: float = 2.0, grid: int = 4) -> None:
        super().__init__()
        if not amount >= 0 or grid < 2:
            raise ValueError(f"RandomElastic needs amount >= 0 and a grid of at least 2, got {amount} and {grid}.")
        self.amount, self.grid = amount, grid

    def forward(self, x: Tensor) -> Tensor:
        """Transform images [B, c, h, w]."""
        _check_images(self, x)
        height, width = x.shape[-2:]
        nodes = torch.rand(len(x), 2, self.grid, self.grid, device=x.device) * 2 - 1
        field = interpolate(nodes * self.amount, (height, width), mode="bicubic", align_corners=True)
        rows, columns = (
            (2 * torch.arange(side, device=x.device) + 1) / side - 1 for side in (height, width)
        )  # the pixels' centers, in units of half a side
        places = torch.stack([columns + field[:, 0] * 2 / width, rows[:, None] + field[:, 1] * 2 / height], dim=-1)
        return grid_sample(x, places.to(x.dtype), align_corners=False)

    def extra_repr(self) -> str:
        return f"amount={self.amount}, grid={self.grid}"


def _check_images(transformation: nn.Module, x: Tensor) -> None:
    if x.dim() != 4:
        raise ValueError(
            f"{type(transformation).__name__} transforms images [B, channels, height, width], got shape "
            f"{tuple(x.shape)}; reshape rows of pixels to images, or leave augment=None for tables."
        )
