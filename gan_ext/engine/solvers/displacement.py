"""Optimistic gradient descent and (negative) momentum: solvers that add a share of the step before."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board
from gan_ext.engine.solvers.solver import LinearGame, TurnsSolver
from gan_ext.engine.turns import Turns, checked_moves

__all__ = ["Momentum", "Optimistic"]


class _Displacement(TurnsSolver):
    """Players move in turns; what each optimizer does to its parameters is changed by what is remembered."""

    slots = ("past",)

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        for players, batch in zip(self.moves(board.players), batches, strict=True):
            start = board.copies(players)
            board.move(players, batch)
            with torch.no_grad():
                for name in players:
                    parameters, past = board.own(name), board.memory["past"][name]
                    self._displace(parameters, list(torch._foreach_sub(parameters, start[name])), past)

    @abstractmethod
    def _displace(self, parameters: list[Tensor], update: list[Tensor], past: list[Tensor]) -> None:
        """Correct parameters that the optimizer has just moved by `update`, and remember."""


@checked
@dataclass(frozen=True)
class Optimistic(_Displacement):
    r"""Optimistic gradient descent: take each optimizer's step twice and the one before back.

    .. math:: w_{t+1} = w_t + 2 u_t - u_{t-1}

    where :math:`u_t` is what the optimizer makes of the gradient at :math:`w_t`; with Adam this is Optimistic Adam,
    with plain descent optimistic gradient descent.  The step before the first counts as 0.  All at once on the bilinear
    game, the radius is the largest root of :math:`\lambda^2 - (1 - 2 i \eta) \lambda - i \eta`: 0.7071 at 0.5, and
    above 1 from :math:`1/\sqrt 3` on.

    References: Training GANs with Optimism (Daskalakis et al., 2018), https://arxiv.org/abs/1711.00141

    Args:
        turns: moves of one step; None lets all players move at once.
    """

    turns: Turns | None = None

    def moves(self, players: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        return checked_moves((tuple(players),) if self.turns is None else self.turns, players)

    def _displace(self, parameters: list[Tensor], update: list[Tensor], past: list[Tensor]) -> None:
        torch._foreach_add_(parameters, update)
        torch._foreach_sub_(parameters, past)
        torch._foreach_copy_(past, update)

    def matrix(self, game: LinearGame) -> Tensor:
        n, whole = len(game.identity), torch.eye(2 * len(game.identity), dtype=torch.float64)
        for players in self.moves(game.players):
            rows = game.rows(players)
            step, stay = rows @ game.step, game.identity - rows
            top = torch.cat([game.identity - 2 * step, -rows], 1)
            whole = torch.cat([top, torch.cat([-step, stay], 1)]) @ whole
        assert len(whole) == 2 * n
        return whole


@checked
@dataclass(frozen=True)
class Momentum(_Displacement):
    r"""Add a share of the previous step to each optimizer's step; a negative share damps the rotation of a game.

    .. math:: d_t = u_t + \beta d_{t-1}, \qquad w_{t+1} = w_t + d_t

    where :math:`u_t` is what the optimizer makes of the gradient.  One after the other with :math:`\beta = -1/2` the
    bilinear game converges, at once it never does.

    References: Negative Momentum for Improved Game Dynamics (Gidel et al., 2019), https://arxiv.org/abs/1807.04740

    Args:
        beta: share of the previous step, in (-1, 1).
        turns: moves of one step; None: each player once, one after the other.
    """

    beta: float = -0.5
    turns: Turns | None = None

    def __post_init__(self) -> None:
        if not -1 < self.beta < 1:
            raise ValueError(f"Momentum needs beta in (-1, 1), got {self.beta}.")

    def _displace(self, parameters: list[Tensor], update: list[Tensor], past: list[Tensor]) -> None:
        torch._foreach_mul_(past, self.beta)
        torch._foreach_add_(parameters, past)
        torch._foreach_add_(past, update)

    def matrix(self, game: LinearGame) -> Tensor:
        whole = torch.eye(2 * len(game.identity), dtype=torch.float64)
        for players in self.moves(game.players):
            rows = game.rows(players)
            step, stay = rows @ game.step, game.identity - rows
            top = torch.cat([game.identity - step, self.beta * rows], 1)
            whole = torch.cat([top, torch.cat([-step, stay + self.beta * rows], 1)]) @ whole
        return whole
