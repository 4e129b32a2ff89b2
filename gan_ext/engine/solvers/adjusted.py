"""Consensus optimization and symplectic gradient adjustment: gradients corrected by the game's Jacobian."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board, Tensors
from gan_ext.engine.solvers.products import inner, jacobian_vector, vector_jacobian
from gan_ext.engine.solvers.solver import LinearGame, Solver
from gan_ext.engine.turns import Moves

__all__ = ["Consensus", "SymplecticAdjustment"]


class _Adjusted(Solver):
    """All players move at once, along corrected gradients."""

    second_order = True

    def moves(self, players: Sequence[str]) -> Moves:
        return (tuple(players),)

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        board.set_gradients(self._adjusted(board, board.field(batches[0])))
        board.step(board.players)

    @abstractmethod
    def _adjusted(self, board: Board, field: Tensors) -> Tensors:
        """Return what takes the place of the gradients."""


@checked
@dataclass(frozen=True)
class Consensus(_Adjusted):
    r"""Consensus optimization: every player also minimizes the length of everyone's gradients.

    .. math:: w \leftarrow w - R (v + \gamma J^\top v), \qquad J^\top v = \nabla \tfrac12 \lVert v \rVert^2

    On the bilinear game the radius is :math:`\sqrt{(1 - \eta\gamma)^2 + \eta^2}`.  Twice the cost of a plain step, and
    losses that can be differentiated twice in all players.  On mini-batches the correction is that of the batch.

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461

    Args:
        gamma: weight of the correction, > 0; 10 in the paper's image games, with RMSProp.
    """

    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not self.gamma > 0:
            raise ValueError(f"Consensus needs gamma > 0, got {self.gamma}.")

    def _adjusted(self, board: Board, field: Tensors) -> Tensors:
        pull = vector_jacobian(board, field, field)
        return {name: list(torch._foreach_add(field[name], pull[name], alpha=self.gamma)) for name in field}

    def matrix(self, game: LinearGame) -> Tensor:
        j = game.jacobian.double()
        return game.identity - game.step - self.gamma * game.scaled(j.T @ j)


@checked
@dataclass(frozen=True)
class SymplecticAdjustment(_Adjusted):
    r"""Symplectic gradient adjustment: turn the players' gradients back by what rotates in the game.

    .. math:: w \leftarrow w - R (v + \lambda A^\top v), \qquad A = \tfrac12 (J - J^\top)

    With alignment the sign of :math:`\lambda` is that of
    :math:`\langle v, \nabla H \rangle \langle A^\top v, \nabla H \rangle / n + \epsilon`, with
    :math:`\nabla H = J^\top v` and n the number of parameters, so that the correction leads to stable fixed points and
    away from unstable ones.  On the bilinear game the radius is that of :class:`Consensus` with
    :math:`\gamma = \lambda`.  Three times the cost of a plain step.

    References: The Mechanics of n-Player Differentiable Games (Balduzzi et al., 2018), https://arxiv.org/abs/1802.05642

    Args:
        strength: :math:`\lambda > 0`.
        align: whether the sign is chosen at every step.
        epsilon: :math:`\epsilon`, 0.1 as published.
    """

    strength: float = 1.0
    align: bool = True
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        if not self.strength > 0:
            raise ValueError(f"SymplecticAdjustment needs strength > 0, got {self.strength}.")

    def _adjusted(self, board: Board, field: Tensors) -> Tensors:
        back = vector_jacobian(board, field, field)
        forth = jacobian_vector(board, field, field)
        turn = {name: list(torch._foreach_mul(torch._foreach_sub(back[name], forth[name]), 0.5)) for name in field}
        sign = self._sign(field, back, turn) if self.align else torch.ones((), device=board.device)
        return {
            name: [v + self.strength * sign.to(a.dtype) * a for v, a in zip(field[name], turn[name], strict=True)]
            for name in field
        }

    def _sign(self, field: Tensors, slope: Tensors, turn: Tensors) -> Tensor:
        count = sum(value.numel() for values in field.values() for value in values)
        agreement = inner(field, slope) * inner(turn, slope) / count + self.epsilon
        return torch.where(agreement < 0, -1.0, 1.0)

    def matrix(self, game: LinearGame) -> Tensor:
        """Return the map of one step, with a sign of plus (as near stable fixed points)."""
        j = game.jacobian.double()
        return game.identity - game.step - self.strength * game.scaled((j.T - j) / 2 @ j)
