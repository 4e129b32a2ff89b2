"""The order in which a stream draws rows: endless shuffles with random access."""

import copy
from collections import OrderedDict

import torch
from torch import Tensor

from gan_ext.seeds import mix

__all__ = ["Order", "share_of"]


class Order:
    """The endless concatenation of shuffles of range(n), cut into blocks that are drawn from (seed, block).

    Args:
        n: how many rows there are.
        batch_size: rows of a batch over all ranks.
        seed: decides the shuffles.
    """

    def __init__(self, n: int, batch_size: int, seed: int) -> None:
        self.n, self.batch_size, self.seed = n, batch_size, seed
        self.repeats = max(1, -(-64 * batch_size // n)) if n < 16 * batch_size else 1
        self.rows = slice(0, batch_size)
        self.device = torch.device("cpu")
        self._blocks: OrderedDict[int, Tensor] = OrderedDict()

    def __getitem__(self, draw: int) -> Tensor:
        """Return the numbers of the rows of batch number `draw`, int64, on the device."""
        first, length = draw * self.batch_size, self.n * self.repeats
        start, end = first + self.rows.start, first + self.rows.stop
        pieces = []
        while start < end:
            block, offset = divmod(start, length)
            pieces.append(self._block(block)[offset : offset + end - start])
            start += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _block(self, block: int) -> Tensor:
        if block not in self._blocks:
            generator = torch.Generator().manual_seed(mix(self.seed, block))
            shuffles = [torch.randperm(self.n, generator=generator) for _ in range(self.repeats)]
            self._blocks[block] = torch.cat(shuffles).to(self.device)
            if len(self._blocks) > 2:
                self._blocks.popitem(last=False)
        return self._blocks[block]

    def place(self, device: torch.device, rank: int, ranks: int) -> "Order":
        """Return the order of one rank's share of every batch, on a device."""
        placed = copy.copy(self)
        placed.device, placed._blocks = device, OrderedDict()
        placed.rows = share_of(self.batch_size, rank, ranks)
        return placed


def share_of(batch_size: int, rank: int, ranks: int) -> slice:
    """Return which rows of a batch are those of one rank.

    Raises:
        ValueError: they cannot be shared evenly.
    """
    if batch_size % ranks:
        raise ValueError(f"batch_size={batch_size} cannot be shared evenly by {ranks} ranks.")
    share = batch_size // ranks
    return slice(rank * share, (rank + 1) * share)
