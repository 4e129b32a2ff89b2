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
from gan_ext.metrics.samples.distances import (
    ROWS,
    Centered,
    by_differences,
    by_products,
    nearest_of,
    pairs_at_once,
    ties,
)

__all__ = ["Balls", "Inside", "Question", "balls", "count_inside"]

COLUMNS = 4096  # of a block of distances
_OPEN = 1e-3  # share of pairs that may be left open by float32


class Balls:
    """Balls around rows: squared radii [n, orders] by products, and exact ones where they are asked for."""

    def __init__(self, rows: Centered, orders: tuple[int, ...], squares: Tensor) -> None:
        self.rows, self.orders, self.squares = rows, orders, squares
        self._exact = torch.full_like(squares, torch.nan, dtype=torch.float64)
        self._copies: Tensor | None = None

    def exact(self, numbers: Tensor, order: int) -> Tensor:
        """Return the squared radii of some balls, each computed once."""
        rows, most = self.rows, max(self.orders) + 1
        for part in numbers[self._exact[numbers, order].isnan()].unique().split(ROWS):
            squares = by_products(rows.exact[part], rows.exact, rows.norms[part], rows.norms)
            found, _ = nearest_of(squares, rows.given[part], rows, most)
            self._exact[part] = found[:, list(self.orders)]
        return self._exact[numbers, order]

    def weights(self, numbers: Tensor, order: int) -> Tensor:
        """Return what a point in a ball counts: 1, and in a ball of radius 0 the share of its copies in it.

        A row with c copies, itself among them, has a ball of radius 0 where c is above the order k.  If ties were
        broken at random, k / c of all further copies would lie in it.
        """
        counted = torch.ones(len(numbers), dtype=torch.float64, device=numbers.device)
        empty = self.exact(numbers, order) == 0
        if bool(empty.any()):
            if self._copies is None:
                _, which, counts = self.rows.given.unique(dim=0, return_inverse=True, return_counts=True)
                self._copies = counts[which].double()
            counted[empty] = self.orders[order] / self._copies[numbers[empty]]
        return counted


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
    """The answer: how many pairs (if asked), which balls have a point in them (if so), which points are in a ball.

    Pairs of copies in a ball of radius 0 count as :meth:`Balls.weights` says.
    """

    pairs: float
    hit: Tensor
    inside: Tensor


def balls(rows: Centered, orders: tuple[int, ...]) -> Balls:
    """Return balls that reach to neighbors of the given orders (1 is the nearest other row).

    Every block of distances serves its rows and its columns, so that half of them are computed.
    """
    n, most = len(rows.fast), max(orders) + 1  # a row itself, at distance 0, is the first of its own neighbors
    kept = rows.fast.new_full((n, most), torch.inf)
    norms = rows.fast_norms
    with full_precision():
        for start in range(0, n, ROWS):
            end = min(start + ROWS, n)
            for left in range(start, n, COLUMNS):
                right = min(left + COLUMNS, n)
                block = by_products(rows.fast[start:end], rows.fast[left:right], norms[start:end], norms[left:right])
                kept[start:end] = _smallest(kept[start:end], block)
                below = max(left, end)  # columns that are not rows of this block
                if below < right:
                    kept[below:right] = _smallest(kept[below:right], block[:, below - left :].T)
    ordered = kept.sort(dim=1).values
    return Balls(rows, orders, ordered[:, list(orders)])


def count_inside(first: Centered, second: Centered, questions: Sequence[Question]) -> list[Inside] | None:
    """Answer questions about two sets in one pass over their distances; None if float32 leaves too many pairs open.

    Strictly inside is what counts; a point on the surface of a ball, to within rounding, is outside.  The middle of a
    ball of radius 0 is inside.
    """
    n, m = len(first.fast), len(second.fast)
    norms, others = first.fast_norms, second.fast_norms
    tallies = [_Tally(question, first, second) for question in questions]
    with full_precision():
        for start in range(0, n, ROWS):
            rows = slice(start, min(start + ROWS, n))
            for left in range(0, m, COLUMNS):
                columns = slice(left, min(left + COLUMNS, m))
                block = by_products(first.fast[rows], second.fast[columns], norms[rows], others[columns])
                for tally in tallies:
                    tally.add(block, rows, columns)
                if norms.dtype == torch.float32 and sum(tally.open for tally in tallies) > _OPEN * n * m:
                    return None
    return [tally.answer() for tally in tallies]


def _smallest(kept: Tensor, block: Tensor) -> Tensor:
    """Return the smallest of what was kept and of a block, row by row."""
    found = block.topk(min(kept.shape[1], block.shape[1]), dim=1, largest=False, sorted=False).values
    return torch.cat([kept, found], dim=1).topk(kept.shape[1], dim=1, largest=False, sorted=False).values


class _Tally:
    """What is known so far of one question."""

    def __init__(self, question: Question, first: Centered, second: Centered) -> None:
        self.question, around = question, question.balls.rows
        self.points = first if question.across else second
        self.radii = question.balls.squares[:, question.order]
        self.margin, self.pairs, self.open = 2 * around.margin, 0.0, 0
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
        self.pairs += int(sure.count_nonzero())
        self._mark(pairs[sure])
        unsure = pairs[~sure]
        self.open += len(unsure)
        if not self.question.pairs:
            unsure = unsure[~self.inside[unsure[:, 1]]]
        for part in unsure.split(pairs_at_once(self.points.given)):
            inside = self._resolved(part)
            self.pairs += float(self.question.balls.weights(inside[:, 0], self.question.order).sum())
            self._mark(inside)

    def answer(self) -> Inside:
        return Inside(self.pairs, self.hit, self.inside)

    def _mark(self, pairs: Tensor) -> None:
        """Take up pairs (ball, point) [p, 2] of which it is sure that the point is inside."""
        self.hit[pairs[:, 0]], self.inside[pairs[:, 1]] = True, True

    def _resolved(self, pairs: Tensor) -> Tensor:
        """Return those pairs [p, 2] in which the point is inside."""
        around, order = self.question.balls, self.question.order
        radii = around.exact(pairs[:, 0], order)
        apart = by_differences(around.rows.given[pairs[:, 0]], self.points.given[pairs[:, 1]])
        return pairs[(apart < radii - ties(radii, around.rows.largest)) | ((radii == 0) & (apart == 0))]
