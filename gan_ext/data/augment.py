"""Random transformations of images, on the device."""

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["RandomAffine"]


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
