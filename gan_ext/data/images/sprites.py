"""Sprites: a factorial data set made like dSprites, drawn on demand.

Figures on our sprites are not figures on dSprites: the factors are laid out alike, the pixels are others.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.seeds import mix

__all__ = ["FactorialImages", "SpriteStream", "Sprites"]

BatchT = TypeVar("BatchT", bound=tuple[Any, ...])  # a NamedTuple of tensors

_SHAPES = ("square", "ellipse", "heart")
# Lengths are in pixels of a canvas of 64.  At 14.9 no pixel's center lies on the edge of an upright sprite.
_CANVAS, _RADIUS, _TRAVEL = 64, 14.9, 31
_SHEAR = 0.8  # how far each half of the heart is sheared
_LIFT = _SHEAR * 4 / (3 * math.pi)  # height of the heart's center of mass over its middle


@checked
class FactorialImages(ABC):
    """White sprites on black, one image for each combination of five factors: shape, scale, orientation, x and y.

    Images are numbered in the order of dSprites (Matthey et al., 2017,
    https://github.com/deepmind/dsprites-dataset): y changes fastest, shape slowest.

    Attributes:
        factor_names: names of the five factors.
        sizes: number of values of each factor.
        size: pixels along a side.
    """

    factor_names = ("shape", "scale", "orientation", "x", "y")

    def __init__(self, size: int, levels: Sequence[Tensor]) -> None:
        self.size = size
        self.sizes: tuple[int, ...] = tuple(len(values) for values in levels)
        self._levels = tuple(values.float() for values in levels)

    def __len__(self) -> int:
        return math.prod(self.sizes)

    def factors(self, index: Tensor) -> Tensor:
        """Return the factors int64 [n, 5] of images with the numbers `index` int64 [n].

        Raises:
            ValueError: `index` is of another type or shape, or has a number that no image has.
        """
        if index.dtype != torch.int64 or index.ndim != 1:
            raise ValueError(f"index must be int64 [n], got {_described(index)}.")
        if ((index < 0) | (index >= len(self))).any():
            raise ValueError(
                f"index has values from {int(index.min())} to {int(index.max())}; images go from 0 to {len(self) - 1}."
            )
        return self._split(index)

    def index(self, factors: Tensor) -> Tensor:
        """Return the numbers int64 [n] of images with the factors int64 [n, 5].

        Raises:
            ValueError: `factors` are of another type or shape, or out of range.
        """
        self._check(factors)
        return self._join(factors)

    def values(self, factors: Tensor) -> Tensor:
        """Return what the factors int64 [n, 5] mean, float32 [n, 5].

        The columns are shape (1, 2, 3 for square, ellipse, heart), scale (dimensionless), orientation (radians), x and
        y (0 to 1).

        Raises:
            ValueError: `factors` are of another type or shape, or out of range.
        """
        self._check(factors)
        columns = zip(self._levels, factors.unbind(1), strict=True)
        return torch.stack([values.to(factors.device)[column] for values, column in columns], 1)

    def sample_factors(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw factors int64 [n, 5] uniformly, each independent of the others, on the generator's device."""
        device = torch.device("cpu") if generator is None else generator.device
        return self._split(torch.randint(len(self), (n,), generator=generator, device=device))

    def render(self, factors: Tensor) -> Tensor:
        """Return images float32 [n, 1, size, size], white (1) on black (0), on the device of the factors.

        Args:
            factors: int64 [n, 5].

        Raises:
            ValueError: `factors` are of another type or shape, or out of range, or (of a file's images) on another
                device than the images.
        """
        self._check(factors)
        return self._images(factors)

    @abstractmethod
    def _images(self, factors: Tensor) -> Tensor:
        """Render without a look at values, so that a GPU need not be waited for."""

    def to(self, device: torch.device) -> Self:
        """Return the same images on a device."""
        return self

    def _split(self, index: Tensor) -> Tensor:
        columns = []
        for size in reversed(self.sizes):
            columns.append(index % size)
            index = index // size
        return torch.stack(columns[::-1], 1)

    def _join(self, factors: Tensor) -> Tensor:
        index = torch.zeros_like(factors[:, 0])
        for size, column in zip(self.sizes, factors.unbind(1), strict=True):
            index = index * size + column
        return index

    def _check(self, factors: Tensor) -> None:
        if factors.dtype != torch.int64 or factors.ndim != 2 or factors.shape[1] != 5:
            raise ValueError(f"factors must be int64 [n, 5], got {_described(factors)}.")
        outside = (factors < 0) | (factors >= torch.tensor(self.sizes, device=factors.device))
        if outside.any():
            row, column = (int(place) for place in outside.nonzero()[0])
            raise ValueError(
                f"factors[{row}, {column}] is {int(factors[row, column])}; {self.factor_names[column]} goes from 0 to "
                f"{self.sizes[column] - 1}."
            )


@checked
class Sprites(FactorialImages):
    r"""Every combination of shape, scale, orientation and position of a white sprite on black, drawn when asked for.

    With the defaults these are 3 x 6 x 40 x 32 x 32 = 737 280 binary images, in the order of dSprites (Matthey et al.,
    2017, https://github.com/deepmind/dsprites-dataset). **Figures on these sprites are not figures on dSprites**:
    shapes, sizes and edges differ from those in the file, and orientations are evenly spaced in :math:`[0, 2\pi)`,
    where the file's end at :math:`2\pi`.

    In the sprite's frame, which is scaled, turned counter-clockwise and moved, with :math:`u` to the right and
    :math:`v` up, a point is white if

    .. math::
        \text{square: } \max(|u|, |v|) \le r/\sqrt2, \qquad \text{ellipse: } u^2 + (2v)^2 \le r^2, \qquad
        \text{heart: } u^2 + (v + c\,h - k|u|)^2 \le h^2

    with :math:`k = 0.8, c = 4k/3\pi, h = r/(1 + c)`. So each fits into a circle of radius :math:`r`, which is 14.9/64
    of the canvas times the scale, and turns about its center of mass. Centers go from 16.5/64 to 47.5/64 of the
    canvas, one pixel a step at the default size; y points down. No sprite is cut. As in dSprites, a square looks
    the same at four orientations and an ellipse at two.

    Below 64 pixels neighbors may share one binary image; `antialias` tells them apart.

    Args:
        size: pixels along a side, >= 16.
        shapes: the first so many of square, ellipse and heart.
        scales: number of scales, evenly spaced in [0.5, 1]; a single one is 0.75.
        orientations: number of angles, evenly spaced in :math:`[0, 2\pi)`.
        positions: number of positions along x and along y, evenly spaced in [0, 1]; a single one is 0.5.
        antialias: a pixel is the mean over `antialias` x `antialias` points, so gray at edges; 1 gives binary images.

    Raises:
        ValueError: an argument is not an integer or is out of range.
    """

    def __init__(
        self,
        size: int = 64,
        shapes: int = 3,
        scales: int = 6,
        orientations: int = 40,
        positions: int = 32,
        antialias: int = 1,
    ) -> None:
        counts = {"shapes": shapes, "scales": scales, "orientations": orientations, "positions": positions}
        for name, number in (counts | {"antialias": antialias}).items():
            _check_integer(name, number, 1, len(_SHAPES) if name == "shapes" else None)
        _check_integer("size", size, 16, None)
        self.antialias = antialias
        places = evenly(0.0, 1.0, positions)
        turns = torch.arange(orientations, dtype=torch.float64) * (2 * math.pi / orientations)
        sizes = evenly(0.5, 1.0, scales)
        super().__init__(size, (torch.arange(1, shapes + 1), sizes, turns, places, places))
        fine = size * antialias  # points along a side
        centers = (places - 0.5) * (_TRAVEL * fine / _CANVAS)
        points = torch.arange(fine, dtype=torch.float64) + (0.5 - fine / 2)
        frames = (_outlines(), sizes * (_RADIUS * fine / _CANVAS), torch.stack([turns.cos(), turns.sin()], 1))
        offsets = points - centers[:, None]
        self._placed = {torch.device("cpu"): tuple(table.float() for table in (*frames, offsets))}

    def _images(self, factors: Tensor) -> Tensor:
        # On a CPU small blocks stay in the cache.
        blocks = factors.split(16) if factors.device.type == "cpu" else (factors,)
        images = [self._drawn(block) for block in blocks]
        return images[0] if len(images) == 1 else torch.cat(images)

    def _drawn(self, factors: Tensor) -> Tensor:
        outlines, radii, turns, offsets = self._tables(factors.device)
        shape, scale, orientation, x, y = factors.unbind(1)
        narrow, flat, shear, lift, is_square = outlines[shape][..., None].unbind(1)  # [n, 1] each
        cos, sin = (turns[orientation] / radii[scale][:, None])[..., None].unbind(1)
        right, down = offsets[x], offsets[y]  # [n, fine]: from the center to each point
        u = _grid(narrow * cos * right, -narrow * sin * down).abs_()
        v = _grid(lift - flat * sin * right, -flat * cos * down)
        v.addcmul_(u, shear[..., None], value=-1)
        u.square_(), v.square_()
        level = torch.where(is_square[..., None] > 0, torch.maximum(u, v), u + v)
        images = level.le_(1)[:, None]
        return images if self.antialias == 1 else avg_pool2d(images, self.antialias)

    def _tables(self, device: torch.device) -> tuple[Tensor, ...]:
        if device not in self._placed:
            self._placed[device] = tuple(table.to(device) for table in self._placed[torch.device("cpu")])
        return self._placed[device]


@checked
class SpriteStream(Generic[BatchT]):
    """Endless batches of sprites whose factors are drawn uniformly, each image independent of all others.

    ``stream[draw]`` depends on the seed and on `draw` only. Factors are drawn on the CPU, images on the device.

    Args:
        batch: type of a batch, made from images [B, 1, size, size], such as :class:`~gan_ext.games.RealBatch`.
        sprites: what is drawn from.
        batch_size: images of a batch over all ranks, >= 1.
        seed: decides the factors.

    Raises:
        ValueError: `batch_size` is below 1, or (when placed) cannot be shared evenly.
    """

    def __init__(
        self, batch: Callable[[Tensor], BatchT], sprites: FactorialImages, batch_size: int, seed: int = 0
    ) -> None:
        _check_integer("batch_size", batch_size, 1, None)
        self.batch, self.sprites, self.batch_size, self.seed = batch, sprites, batch_size, seed
        self._device, self._rows = torch.device("cpu"), slice(0, batch_size)

    def __getitem__(self, draw: int) -> BatchT:
        generator = torch.Generator().manual_seed(mix(self.seed, draw))
        factors = self.sprites.sample_factors(self.batch_size, generator)[self._rows]
        return self.batch(self.sprites._images(factors.to(self._device)))

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with its images on a device."""
        if self.batch_size % ranks:
            raise ValueError(f"batch_size={self.batch_size} cannot be shared evenly by {ranks} ranks.")
        share = self.batch_size // ranks
        placed = copy.copy(self)
        placed._device, placed.sprites = device, self.sprites.to(device)
        placed._rows = slice(rank * share, (rank + 1) * share)
        return placed


def _outlines() -> Tensor:
    """Return [3, 5]: for each shape 1 / half width, 1 / half height (of r = 1), shear, lift, whether it is square."""
    square, heart = math.sqrt(2), 1 + _LIFT
    return torch.tensor([[square, square, 0, 0, 1], [1, 2, 0, 0, 0], [heart, heart, _SHEAR, _LIFT, 0]])


def _grid(across: Tensor, down: Tensor) -> Tensor:
    """Return all sums [n, h, w] of values along x [n, w] and along y [n, h]."""
    return across[:, None, :] + down[:, :, None]


def evenly(low: float, high: float, n: int) -> Tensor:
    ends = (low, high) if n > 1 else ((low + high) / 2,) * 2
    return torch.linspace(*ends, n, dtype=torch.float64)


def _check_integer(name: str, number: int, low: int, high: int | None) -> None:
    if not isinstance(number, int) or number < low or (high is not None and number > high):
        wanted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}={number!r} must be an integer, {wanted}.")


def _described(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}".removeprefix("torch.")
