"""Meters: running means of losses and terms, kept on the device until somebody reads them."""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["Meters"]

_NEVER = 2**62


class Meters:
    """Means of each player's loss and terms since the last :meth:`read`, and where one was first not finite.

    Args:
        device: where losses live.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.names: dict[str, list[str]] = {}
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, Tensor] = {}
        self.first_bad: dict[str, Tensor] = {}

    def add(self, player: str, loss: Tensor, terms: Mapping[str, Tensor], step: Tensor) -> None:
        """Take in one move's loss and terms; nothing is copied to the host."""
        values = torch.stack([loss.detach().float(), *(term.float() for term in terms.values())])
        if player not in self.names:
            self._start(player, ["loss", *terms])
        elif self.names[player] != ["loss", *terms]:
            raise ValueError(
                f"Player {player!r} first logged {self.names[player][1:]} and now {list(terms)}; the terms of a loss "
                "must be the same at every step."
            )
        self.sums[player] += values
        self.counts[player] += 1
        bad = torch.where(values.isfinite(), _NEVER, step)
        torch.minimum(self.first_bad[player], bad, out=self.first_bad[player])

    def _start(self, player: str, names: list[str]) -> None:
        self.names[player] = names
        self.sums[player] = torch.zeros(len(names), device=self.device)
        self.counts[player] = torch.zeros((), device=self.device)
        self.first_bad[player] = torch.full((len(names),), _NEVER, dtype=torch.int64, device=self.device)

    def peek(self) -> dict[str, float]:
        """Return the means so far as ``{"player/term": value}``; on a GPU this waits for the device."""
        means: dict[str, float] = {}
        for player, names in self.names.items():
            if self.counts[player] > 0:
                values = (self.sums[player] / self.counts[player]).tolist()
                means |= {f"{player}/{name}": value for name, value in zip(names, values, strict=True)}
        return means

    def read(self) -> dict[str, float]:
        """Return the means as :meth:`peek` does, and start anew."""
        means = self.peek()
        for player in self.names:
            self.sums[player].zero_()
            self.counts[player].zero_()
        return means

    def first_non_finite(self) -> tuple[int, str, str] | None:
        """Return (step, player, term) of the first value that was not finite, if any."""
        found = []
        for player, steps in self.first_bad.items():
            for name, step in zip(self.names[player], steps.tolist(), strict=True):
                # A term is named before the loss it spoilt.
                found += [(step, name == "loss", player, name)] if step < _NEVER else []
        if not found:
            return None
        step, _, player, name = min(found)
        return step, player, name

    def state(self) -> dict[str, Tensor]:
        """Return the running sums by name, for a checkpoint."""
        sums = {f"{player}/sums": value for player, value in self.sums.items()}
        return sums | {f"{player}/counts": value for player, value in self.counts.items()}

    def load(self, names: Mapping[str, list[str]], state: Mapping[str, Tensor]) -> None:
        """Take up sums where :meth:`state` left them."""
        for player, terms in names.items():
            self._start(player, list(terms))
            self.sums[player].copy_(state[f"{player}/sums"])
            self.counts[player].copy_(state[f"{player}/counts"])
