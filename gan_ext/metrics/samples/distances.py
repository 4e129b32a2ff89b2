"""Distances of rows: products of matrices where they tell enough, differences of the rows as given where they do not.

Distances that are handed out are those of differences: 0 for equal rows, and equal where numbers are.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "ROWS",
    "Centered",
    "by_differences",
    "by_products",
    "centered",
    "near_pairs",
    "nearest_of",
    "nearest_squares",
    "pairs_at_once",
    "squared_distances",
    "ties",
]

ROWS = 512  # of a block of distances
_SPARE = 2  # neighbors looked at anew beyond those that are wanted
_NEAR = 1e-6  # share of the norms below which a squared distance is computed from differences
_BLURRED = 1e-9  # error of a squared distance, as a share of it, above which all are computed so
_ROUNDING = 2.0**-50  # squares of differences that are closer than this, relatively, are equal


class Centered(NamedTuple):
    """Rows as given, less a common mean, and those fast, times a unit; squared norms, and the largest norm."""

    given: Tensor
    exact: Tensor
    fast: Tensor
    unit: float
    norms: Tensor
    largest: float

    @property
    def fast_norms(self) -> Tensor:
        """Squared norms of the fast rows."""
        return (self.norms * self.unit**2).to(self.fast.dtype)

    @property
    def margin(self) -> float:
        """Largest error of a squared distance by products of fast rows."""
        return product_error(self.fast) * (self.largest * self.unit) ** 2


def centered(first: Tensor, second: Tensor, double: bool = False) -> tuple[Centered, Centered]:
    """Return two sets less the mean of the first: products of large numbers would hide small distances.

    Their squares must stay within float64, see :func:`gan_ext.metrics.features.moderated`; fast rows are multiplied by
    a power of two where they would not stay within float32.
    """
    mean = first.double().mean(0)
    exact = [each.double() - mean for each in (first, second)]
    norms = [each.square().sum(1) for each in exact]
    largest = float(torch.stack([each.max() for each in norms]).max()) ** 0.5
    unit = 1.0 if double or largest == 0 or 1e-10 < largest < 1e10 else 2.0 ** -math.frexp(largest)[1]
    kind = torch.float64 if double else torch.float32
    sets = zip((first, second), exact, norms, strict=True)
    a, b = (Centered(given, x, (x if unit == 1 else x * unit).to(kind), unit, norm, largest) for given, x, norm in sets)
    return a, b


def nearest_squares(points: Tensor, rows: Tensor, k: int = 1, same: bool = False) -> tuple[Tensor, Tensor]:
    """Return squared distances to the k nearest rows and which they are, [n, k] each, in float64.

    They are those of differences: 0 for equal rows, and the same where two rows are as far.

    Args:
        points: [n, F].
        rows: [m, F].
        k: how many.
        same: whether both are one set, in which a row is no neighbor of itself.
    """
    a, b = centered(points, rows, double=True)
    squares, numbers = [], []
    for start in range(0, len(points), ROWS):
        part = slice(start, start + ROWS)
        block = by_products(a.exact[part], b.exact, a.norms[part], b.norms)
        if same:
            block.diagonal(start).fill_(torch.inf)
        found, which = nearest_of(block, points[part], b, k)
        squares.append(found)
        numbers.append(which)
    return torch.cat(squares), torch.cat(numbers)


def squared_distances(points: Tensor, rows: Tensor) -> Iterator[Tensor]:
    """Yield squared distances [:data:`ROWS`, m] of points to rows in float64, of close ones by differences.

    They are 0 for equal rows.
    """
    a, b = centered(points, rows, double=True)
    for start in range(0, len(points), ROWS):
        part = slice(start, start + ROWS)
        squares = by_products(a.exact[part], b.exact, a.norms[part], b.norms)
        near = (squares <= _NEAR * (a.norms[part, None] + b.norms)).nonzero()
        for pairs in near.split(pairs_at_once(rows)):
            squares[pairs[:, 0], pairs[:, 1]] = by_differences(points[part][pairs[:, 0]], rows[pairs[:, 1]])
        yield squares


def near_pairs(rows: Tensor, distance: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the pairs of rows [p], [p] that are closer than a distance, each once."""
    a = centered(rows, rows, double=True)[0]
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        block = by_products(a.exact[part], a.exact[start:], a.norms[part], a.norms[start:])
        for pairs in (block < distance**2 + a.margin).triu_(1).nonzero().split(pairs_at_once(rows)):
            first, second = pairs.T + start
            close = by_differences(rows[first], rows[second]).sqrt() < distance
            yield first[close], second[close]


def ties(squares: Tensor, largest: float) -> Tensor:
    """Return by how much squared distances of rows may be apart by rounding alone.

    Args:
        squares: squared distances.
        largest: norm of a row.
    """
    return _ROUNDING * (squares + squares.sqrt() * largest)


def nearest_of(block: Tensor, points: Tensor, rows: Centered, k: int) -> tuple[Tensor, Tensor]:
    """Return squared distances of points to their k nearest rows, by differences, and which they are, [n, k] each.

    Args:
        block: squared distances [n, m] by products in float64; infinite where a row is not to be counted.
        points: as given [n, F].
        rows: of which neighbors are.
        k: how many.
    """
    near = block.topk(min(k + _SPARE, block.shape[1]), dim=1, largest=False)
    apart = torch.stack([by_differences(points, rows.given[each]) for each in near.indices.T], dim=1)
    order = apart.masked_fill_(near.values.isinf(), torch.inf).argsort(dim=1, stable=True)[:, :k]
    found, which = apart.gather(1, order), near.indices.gather(1, order)
    # Far from the mean but close to each other, rows differ by less than the margin of products: then all are tried.
    margin, last = product_error(rows.exact) * rows.largest**2, found[:, -1]
    for point in ((near.values[:, -1] <= last + 2 * margin) & (margin > _BLURRED * last) & (last > 0)).nonzero()[:, 0]:
        tried = by_differences(points[point], rows.given).masked_fill_(block[point].isinf(), torch.inf)
        found[point], which[point] = tried.topk(k, largest=False)
    return found, which


def product_error(products: Tensor) -> float:
    """Return the largest error of squared distances by products, as a share of the largest squared norm.

    Rounding errors of a sum of F products grow with the root of F (Higham and Mary, 2019); six times that is never
    reached.  The rest is for the rounding of rows and norms themselves.
    """
    digits = 53 if products.dtype == torch.float64 else 24
    return math.ldexp(12 * math.sqrt(products.shape[1]) + 16, -digits)


def pairs_at_once(rows: Tensor) -> int:
    """Return of how many pairs of rows the differences are held at a time: 16 MiB of them."""
    return max(ROWS, 2**21 // rows.shape[1])


def by_products(a: Tensor, b: Tensor, norms_a: Tensor, norms_b: Tensor) -> Tensor:
    """Return norms_a + norms_b - 2 a.b as [len(a), len(b)]."""
    return torch.addmm(norms_b, a, b.T, alpha=-2).add_(norms_a[:, None])


def by_differences(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances of pairs of rows by their differences, in float64."""
    return (a.double() - b.double()).square().sum(1)
