"""Competitive gradient descent: every player answers the step that the others are about to take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board, Tensors
from gan_ext.engine.solvers.products import inner, jacobian_operator, vector_jacobian
from gan_ext.engine.solvers.solver import LinearGame, Solver
from gan_ext.engine.turns import Moves

__all__ = ["CompetitiveGradientDescent"]

_TINY = 1e-30


@checked
@dataclass(frozen=True)
class CompetitiveGradientDescent(Solver):
    r"""Competitive gradient descent: step to the Nash equilibrium of the bilinear approximation of the game.

    .. math:: w \leftarrow w - R\, (I + J_{\times} R)^{-1} v

    where :math:`J_\times` is the Jacobian of the game without the blocks on its diagonal, of any number of players, and
    R the players' own rates.  The system is solved by conjugate gradients on its normal equations, a fixed
    number of rounds each of two products with the Jacobian.  With plain descent it is the published method; another
    optimizer takes the solution as its gradient.  On the bilinear game it is the proximal point method, with radius
    :math:`1 / \sqrt{1 + \eta^2}` at any rate.

    References: Competitive Gradient Descent (Schaefer and Anandkumar, 2019), https://arxiv.org/abs/1905.12103;
    Polymatrix Competitive Gradient Descent (Ma et al., 2021), https://arxiv.org/abs/2111.08565

    Args:
        rounds: of conjugate gradients, >= 1; few suffice where rates are small.
        rate: one for all in the place of R within the brackets, > 0; None takes the rates of the players' optimizers.
    """

    rounds: int = 5
    rate: float | None = None
    second_order = True

    def __post_init__(self) -> None:
        if self.rounds < 1 or (self.rate is not None and not self.rate > 0):
            raise ValueError(
                f"CompetitiveGradientDescent needs rounds >= 1 and rate > 0, got rounds={self.rounds}, "
                f"rate={self.rate}."
            )

    def moves(self, players: Sequence[str]) -> Moves:
        return (tuple(players),)

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        field = board.field(batches[0])
        forward = jacobian_operator(board, field, "opponents")
        rates = {name: board.rate(name) if self.rate is None else self.rate for name in board.players}
        board.set_gradients(
            conjugate_gradients(
                lambda u: _sum(u, forward(_scaled(u, rates))),
                lambda u: _sum(u, _scaled(vector_jacobian(board, field, u, "opponents"), rates)),
                {name: [value.detach() for value in values] for name, values in field.items()},
                self.rounds,
            )
        )
        board.step(board.players)

    def matrix(self, game: LinearGame) -> Tensor:
        """Return the map of one step, for enough rounds; `rate` counts as None."""
        answers = game.identity + game.step * (1 - game.blocks())
        step: Tensor = torch.linalg.solve(answers, game.step)
        return game.identity - step


def conjugate_gradients(
    forward: Callable[[Tensors], Tensors], backward: Callable[[Tensors], Tensors], right: Tensors, rounds: int
) -> Tensors:
    r"""Solve :math:`M x = b` by conjugate gradients on :math:`M^\top M x = M^\top b`, starting at 0.

    Args:
        forward: :math:`x \mapsto M x`.
        backward: :math:`x \mapsto M^\top x`.
        right: b.
        rounds: number of rounds; once solved, further ones change nothing.
    """
    x = {name: [torch.zeros_like(value) for value in values] for name, values in right.items()}
    left, slope = {name: list(values) for name, values in right.items()}, backward(right)
    direction, size = slope, inner(slope, slope)
    for _ in range(rounds):
        image = forward(direction)
        length = size / inner(image, image).clamp_min(_TINY)
        x, left = _axpy(x, direction, length), _axpy(left, image, -length)
        slope = backward(left)
        new = inner(slope, slope)
        direction = _axpy(slope, direction, new / size.clamp_min(_TINY))
        size = new
    return x


def _axpy(x: Tensors, y: Tensors, factor: Tensor) -> Tensors:
    return {
        name: [a + factor.to(a.dtype) * b for a, b in zip(values, y[name], strict=True)] for name, values in x.items()
    }


def _scaled(x: Tensors, rates: dict[str, float | Tensor]) -> Tensors:
    return {name: [rates[name] * value for value in values] for name, values in x.items()}


def _sum(x: Tensors, y: Tensors) -> Tensors:
    return {name: list(torch._foreach_add(values, y[name])) for name, values in x.items()}
