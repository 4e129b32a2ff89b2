"""Nearest-neighbor distances in blocks, and who lies in whose ball: as fast as float32, as exact as float64.

A block of squared distances is a matrix product in float32.  It is wrong by at most a margin that is known; what it
leaves open (a few pairs in a million) is computed again from differences in float64.  Where it leaves more open, as
with tight clusters far apart, the products are in float64 too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.metrics.features import full_precision

__all__ = ["Balls", "Centered", "Inside", "Question", "balls", "centered", "count_inside", "nearest_squares"]

ROWS, COLUMNS = 512, 4096  # of a block of distances
_OPEN = 1e-3  # share of pairs that may be left open by float32
_SPARE = 9  # neighbors looked at anew beyond the one that is wanted
_ROUNDING = 2.0**-50  # squares of differences that are closer than this, relatively, are equal


class Centered(NamedTuple):
    """Rows less a common mean, exact and fast; squared norms; the margin of products, and the largest norm."""

    exact: Tensor
    fast: Tensor
    norms: Tensor
    margin: float
    largest: float


class Balls:
    """Balls around rows: squared radii [n, orders] by products, and exact ones where they are asked for."""

    def __init__(self, rows: Centered, orders: tuple[int, ...], squares: Tensor) -> None:
        self.rows, self.orders, self.squares = rows, orders, squares
        self._exact = torch.full_like(squares, torch.nan, dtype=torch.float64)

    def exact(self, numbers: Tensor, order: int) -> Tensor:
        """Return the squared radii of some balls, each computed once."""
        for part in numbers[self._exact[numbers, order].isnan()].unique().split(ROWS):
            squares = _squares(self.rows.exact[part], self.rows.exact, self.rows.norms[part], self.rows.norms)
            near = squares.topk(min(max(self.orders) + _SPARE, squares.shape[1]), dim=1, largest=False).indices
            found = torch.stack([_apart(self.rows.exact[part], self.rows.exact[each]) for each in near.T], dim=1)
            self._exact[part] = found.sort(dim=1).values[:, list(self.orders)]
        return self._exact[numbers, order]


class Question(NamedTuple):
    """Which points lie in which balls.

    Args:
        balls: around rows of one set.
        order: number of the order among those of the balls.
        across: whether the balls are those of the second set, and the points those of the first.
        pairs: whether to count pairs too; else only who is in any ball.
    """

    balls: Balls
    order: int = 0
    across: bool = False
    pairs: bool = False


class Inside(NamedTuple):
    """The answer: how many pairs (if asked), which balls have a point in them (if so), which points are in a ball."""

    pairs: int
    hit: Tensor
    inside: Tensor


def centered(first: Tensor, second: Tensor, double: bool = False) -> tuple[Centered, Centered]:
    """Return two sets less the mean of the first: products of large numbers would hide small distances."""
    mean = first.double().mean(0)
    exact = [each.double() - mean for each in (first, second)]
    norms = [each.square().sum(1) for each in exact]
    largest = float(torch.stack([each.max() for each in norms]).max())
    # Rounding errors of a sum of F products grow with the root of F (Higham and Mary, 2019); six times that is never
    # reached.  The rest is for the rounding of rows and norms themselves.
    share = 2.0 ** (-53 if double else -24) * (12 * first.shape[1] ** 0.5 + 16)
    kind = torch.float64 if double else torch.float32
    a, b = (Centered(x, x.to(kind), norm, share * largest, largest**0.5) for x, norm in zip(exact, norms, strict=True))
    return a, b


def balls(rows: Centered, orders: tuple[int, ...]) -> Balls:
    """Return balls that reach to neighbors of the given orders (1 is the nearest other row).

    Every block of distances serves its rows and its columns, so that half of them are computed.
    """
    n, most = len(rows.fast), max(orders) + 1  # a row itself, at distance 0, is the first of its own neighbors
    kept = rows.fast.new_full((n, most), torch.inf)
    norms = rows.norms.to(rows.fast.dtype)
    with full_precision():
        for start in range(0, n, ROWS):
            end = min(start + ROWS, n)
            for left in range(start, n, COLUMNS):
                right = min(left + COLUMNS, n)
                block = _squares(rows.fast[start:end], rows.fast[left:right], norms[start:end], norms[left:right])
                kept[start:end] = _smallest(kept[start:end], block)
                below = max(left, end)  # columns that are not rows of this block
                if below < right:
                    kept[below:right] = _smallest(kept[below:right], block[:, below - left :].T)
    ordered = kept.sort(dim=1).values
    return Balls(rows, orders, ordered[:, list(orders)])


def count_inside(first: Centered, second: Centered, questions: Sequence[Question]) -> list[Inside] | None:
    """Answer questions about two sets in one pass over their distances; None if float32 leaves too many pairs open.

    Strictly inside is what counts; a point on the surface of a ball, to within rounding, is outside.
    """
    n, m = len(first.fast), len(second.fast)
    norms, others = (each.norms.to(each.fast.dtype) for each in (first, second))
    tallies = [_Tally(question, first, second) for question in questions]
    with full_precision():
        for start in range(0, n, ROWS):
            rows = slice(start, min(start + ROWS, n))
            for left in range(0, m, COLUMNS):
                columns = slice(left, min(left + COLUMNS, m))
                block = _squares(first.fast[rows], second.fast[columns], norms[rows], others[columns])
                for tally in tallies:
                    tally.add(block, rows, columns)
                if norms.dtype == torch.float32 and sum(tally.open for tally in tallies) > _OPEN * n * m:
                    return None
    return [tally.answer() for tally in tallies]


def nearest_squares(points: Tensor, rows: Tensor, k: int = 1, same: bool = False) -> tuple[Tensor, Tensor]:
    """Return squared distances to the k nearest rows and which they are, [n, k] each, in float64.

    Args:
        points: [n, F].
        rows: [m, F].
        k: how many.
        same: whether both are one set, in which a row is no neighbor of itself.
    """
    a, b = centered(points, rows, double=True)
    squares, numbers = [], []
    for start in range(0, len(points), ROWS):
        block = _squares(a.exact[start : start + ROWS], b.exact, a.norms[start : start + ROWS], b.norms)
        if same:
            block.diagonal(start).fill_(torch.inf)
        nearest = block.topk(k, dim=1, largest=False)
        squares.append(nearest.values.clamp_min(0))
        numbers.append(nearest.indices)
    return torch.cat(squares), torch.cat(numbers)


def _squares(a: Tensor, b: Tensor, norms_a: Tensor, norms_b: Tensor) -> Tensor:
    """Return norms_a + norms_b - 2 a.b as [len(a), len(b)]."""
    return torch.addmm(norms_b, a, b.T, alpha=-2).add_(norms_a[:, None])


def _smallest(kept: Tensor, block: Tensor) -> Tensor:
    """Return the smallest of what was kept and of a block, row by row."""
    found = block.topk(min(kept.shape[1], block.shape[1]), dim=1, largest=False, sorted=False).values
    return torch.cat([kept, found], dim=1).topk(kept.shape[1], dim=1, largest=False, sorted=False).values


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances of pairs of rows by their differences."""
    return (a - b).square().sum(1)


class _Tally:
    """What is known so far of one question."""

    def __init__(self, question: Question, first: Centered, second: Centered) -> None:
        self.question, around = question, question.balls.rows
        self.points = first if question.across else second
        self.radii = question.balls.squares[:, question.order]
        self.margin, self.pairs, self.open = 2 * around.margin, 0, 0
        self.hit, self.inside = (
            torch.zeros(len(each.fast), dtype=torch.bool, device=each.fast.device) for each in (around, self.points)
        )

    def add(self, block: Tensor, rows: slice, columns: slice) -> None:
        """Take up squared distances; few of them are as small as the radii, and only those are looked at twice."""
        across = self.question.across
        radii = self.radii[columns] if across else self.radii[rows, None]
        near = (block <= radii + self.margin).nonzero()
        pairs = near + torch.tensor([rows.start, columns.start], device=near.device)
        pairs = pairs.flip(1) if across else pairs
        beyond = block[near[:, 0], near[:, 1]] - self.radii[pairs[:, 0]]
        sure = beyond < -self.margin
        self._count(pairs[sure])
        unsure = pairs[~sure]
        self.open += len(unsure)
        if not self.question.pairs:
            unsure = unsure[~self.inside[unsure[:, 1]]]
        self._count(self._resolved(unsure))

    def answer(self) -> Inside:
        return Inside(self.pairs, self.hit, self.inside)

    def _count(self, pairs: Tensor) -> None:
        """Take up pairs (ball, point) [p, 2] of which it is sure that the point is inside."""
        self.pairs += len(pairs)
        self.hit[pairs[:, 0]], self.inside[pairs[:, 1]] = True, True

    def _resolved(self, pairs: Tensor) -> Tensor:
        """Return those pairs [p, 2] in which the point is inside."""
        around, order = self.question.balls, self.question.order
        found = [pairs[:0]]
        for part in pairs.split(4 * ROWS):
            radii = around.exact(part[:, 0], order)
            apart = _apart(around.rows.exact[part[:, 0]], self.points.exact[part[:, 1]])
            slack = _ROUNDING * (radii + radii.sqrt() * around.rows.largest)
            found.append(part[apart < radii - slack])
        return torch.cat(found)
