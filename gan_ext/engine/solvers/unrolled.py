"""Unrolled GAN: a player sees what its opponents would do next, and how that depends on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board
from gan_ext.engine.solvers.solver import LinearGame, TurnsSolver
from gan_ext.engine.turns import Turns
from gan_ext.game import opponents_free

__all__ = ["Unrolled"]


@checked
@dataclass(frozen=True)
class Unrolled(TurnsSolver):
    r"""Unrolled GAN: let a player minimize its loss at where its opponents would be after k steps of theirs.

    .. math::
        \phi_0 = \phi, \qquad \phi_{j+1} = \phi_j - r \nabla_\phi L_\phi(\theta, \phi_j), \qquad
        \theta \leftarrow \theta - R \frac{d}{d\theta} L_\theta(\theta, \phi_k(\theta))

    The derivative goes through the k steps.  They are plain descent with a rate of their own, on the player's batch,
    and are then forgotten; everyone else plays as usual.

    References: Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163

    Args:
        steps: k >= 1; 5 to 10 in the paper.
        rate: r > 0, or one for each opponent by name.
        player: who looks ahead.
        turns: moves of one step; None: each player once, one after the other.
    """

    steps: int = 5
    rate: float | Mapping[str, float] = 0.1
    player: str = "generator"
    turns: Turns | None = None
    second_order: bool = field(default=True, init=False, repr=False)

    def __post_init__(self) -> None:
        rates = list(self.rate.values()) if isinstance(self.rate, Mapping) else [self.rate]
        if self.steps < 1 or not all(rate > 0 for rate in rates):
            raise ValueError(f"Unrolled needs steps >= 1 and rate > 0, got steps={self.steps}, rate={self.rate}.")

    def start(self, board: Board) -> None:
        rates = set(self.rate) if isinstance(self.rate, Mapping) else set(board.players) - {self.player}
        if self.player not in board.players or rates != set(board.players) - {self.player}:
            raise ValueError(
                f"Unrolled lets player={self.player!r} look ahead, with rate={self.rate!r} for its opponents; the "
                f"players of the game are {', '.join(board.players)}."
            )

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        for players, batch in zip(self.moves(board.players), batches, strict=True):
            plain = [name for name in players if name != self.player]
            board.differentiate(plain, batch)
            if self.player in players:
                kept = {name: [parameter.grad for parameter in board.parameters[name]] for name in plain}
                self._look_ahead(board, batch)
                for name, gradients in kept.items():
                    for parameter, gradient in zip(board.parameters[name], gradients, strict=True):
                        parameter.grad = gradient
            board.step(players)

    def _look_ahead(self, board: Board, batch: Any) -> None:
        board.free()
        others: dict[str, list[Tensor]] = {n: list(ps) for n, ps in board.parameters.items() if n != self.player}
        with opponents_free():
            for _ in range(self.steps):
                others = self._stepped(board, batch, others)
            loss = board.loss_at(self.player, batch, others)
        own = board.parameters[self.player]
        board.set_gradients({self.player: list(torch.autograd.grad(loss, own, materialize_grads=True))})

    def _stepped(self, board: Board, batch: Any, others: dict[str, list[Tensor]]) -> dict[str, list[Tensor]]:
        stepped = {}
        for name, values in others.items():
            loss = board.loss_at(name, batch, others)
            slopes = torch.autograd.grad(loss, values, create_graph=True, materialize_grads=True)
            stepped[name] = [value - self._rate(name) * slope for value, slope in zip(values, slopes, strict=True)]
        return stepped

    def _rate(self, name: str) -> float:
        return self.rate[name] if isinstance(self.rate, Mapping) else self.rate

    def matrix(self, game: LinearGame) -> Tensor:
        r"""Return the map of one step in a two-player zero-sum game, where :math:`L_\theta = -L_\phi`.

        With :math:`a = \theta`'s coordinates and b its opponent's, :math:`b_k = S^k b + T a` and the gradient is
        :math:`J_{aa} a + J_{ab} b_k + T^\top (J_{ba}' a + J_{bb}' b_k)`, where primes change the sign.
        """
        if len(game.players) != 2:
            raise ValueError(f"Unrolled.matrix is for two players in a zero-sum game, got {', '.join(game.players)}.")
        (other,) = set(game.players) - {self.player}
        mine, theirs = game.rows([self.player]), game.rows([other])
        j, rate = game.jacobian.double(), self._rate(other)
        ahead = torch.linalg.matrix_power(theirs @ (game.identity - rate * j) + mine, self.steps)
        sensitivity = theirs @ ahead @ mine
        slope = (mine @ j - sensitivity.T @ j) @ ahead
        whole = game.identity
        for players in self.moves(game.players):
            plain = game.rows([name for name in players if name != self.player]) @ j
            looking = game.rows([self.player]) @ slope if self.player in players else torch.zeros_like(j)
            whole = (game.identity - game.scaled(plain + looking)) @ whole
        return whole
