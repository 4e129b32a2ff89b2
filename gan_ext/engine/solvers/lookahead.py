"""Look-ahead: slow weights that follow the fast ones part of the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board
from gan_ext.engine.solvers.solver import InTurns, LinearGame, Solver, as_solver
from gan_ext.engine.turns import Moves

__all__ = ["Lookahead"]


@checked
@dataclass(frozen=True)
class Lookahead(Solver):
    r"""Lookahead: after every k steps of another solver, go back to between where they began and where they ended.

    .. math:: w \leftarrow w_{\text{slow}} + \alpha (w - w_{\text{slow}}), \qquad w_{\text{slow}} \leftarrow w

    for all players at once.  In between a run is that of the other solver: measure at multiples of k, or use averages.
    May be nested.

    References: Taming GANs with Lookahead-Minimax (Chavdarova et al., 2021), https://arxiv.org/abs/2006.14567;
    Lookahead Optimizer (Zhang et al., 2019), https://arxiv.org/abs/1907.08610

    Args:
        solver: how the k steps are played.
        every: k >= 2.
        alpha: :math:`\alpha` in (0, 1).
    """

    acts_between = True

    solver: Solver = field(default_factory=InTurns)
    every: int = 5
    alpha: float = 0.5

    def __post_init__(self) -> None:
        as_solver(self.solver)
        if not isinstance(self.solver, Solver):
            raise ValueError(f"Lookahead goes around a solver, such as InTurns({self.solver!r}), got {self.solver!r}.")
        if self.every < 2 or not 0 < self.alpha < 1:
            raise ValueError(f"Lookahead needs every >= 2 and alpha in (0, 1), got {self.every} and {self.alpha}.")

    @property
    def second_order(self) -> bool:  # type: ignore[override]
        """Whether the other solver is of second order."""
        return self.solver.second_order

    @property
    def _slot(self) -> str:
        return f"slow{self.every}"

    def moves(self, players: Sequence[str]) -> Moves:
        return self.solver.moves(players)

    def start(self, board: Board) -> None:
        self.solver.start(board)
        if self._slot in board.memory:
            raise ValueError(f"Lookahead is nested in one of the same every={self.every}; choose another.")
        board.memory[self._slot] = board.copies(board.players)

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        self.solver.play(board, batches)

    @torch.no_grad()
    def after(self, board: Board, step: int) -> None:
        if self.solver.acts_between:
            self.solver.after(board, step)
        if step % self.every:
            return
        for name, slow in board.memory[self._slot].items():
            fast = board.own(name)
            torch._foreach_lerp_(slow, fast, self.alpha)
            torch._foreach_copy_(fast, slow)

    def matrix(self, game: LinearGame) -> Tensor:
        r"""Return the map of k steps; the other solver's memory is left as it is."""
        fast: Tensor = torch.linalg.matrix_power(self.solver.matrix(game), self.every)
        mixed: Tensor = fast.clone()
        weights = slice(len(game.identity))
        mixed[weights] = self.alpha * fast[weights] + (1 - self.alpha) * torch.eye(len(fast)).double()[weights]
        return mixed

    def radius(self, game: LinearGame) -> float:
        return float(super().radius(game) ** (1 / self.every))
