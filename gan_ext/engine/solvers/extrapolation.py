"""Extragradient, and extrapolation from the past: solvers that look ahead before they step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board, Tensors
from gan_ext.engine.solvers.solver import LinearGame, Solver
from gan_ext.engine.turns import Moves

__all__ = ["Extragradient", "ExtragradientFromPast"]


@checked
@dataclass(frozen=True)
class Extragradient(Solver):
    r"""Extragradient: take the gradients where everyone's step would lead, come back, and step with those.

    .. math:: w_{t + 1/2} = w_t - R\, v(w_t), \qquad w_{t+1} = w_t - R\, v(w_{t + 1/2})

    With Adam for an optimizer it is ExtraAdam: both steps feed the moments.  Two batches and twice the cost a step.
    On the bilinear game the radius is :math:`\sqrt{1 - \eta^2 + \eta^4}`.

    References: Korpelevich (1976); A Variational Inequality Perspective on GANs (Gidel et al., 2019),
    https://arxiv.org/abs/1802.10551
    """

    def moves(self, players: Sequence[str]) -> Moves:
        return (tuple(players),) * 2

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        there, here = batches
        start = board.copies(board.players)
        board.move(board.players, there)
        board.differentiate(board.players, here)
        board.put(start)
        board.step(board.players)

    def matrix(self, game: LinearGame) -> Tensor:
        return game.identity - game.step @ (game.identity - game.step)


@checked
@dataclass(frozen=True)
class ExtragradientFromPast(Solver):
    r"""Extrapolation from the past: look ahead with the previous step, so that a step costs no more than a plain one.

    .. math:: w_{t + 1/2} = w_t + u_{t-1}, \qquad u_t = -R\, v(w_{t + 1/2}), \qquad w_{t+1} = w_t + u_t

    where u is what the players' optimizers make of the gradients.  On the bilinear game the radius is the largest root
    of :math:`\lambda^2 - (1 - 2 i \eta) \lambda - i \eta`.

    References: Popov (1980); A Variational Inequality Perspective on GANs (Gidel et al., 2019), section 3.2,
    https://arxiv.org/abs/1802.10551
    """

    slots = ("past",)

    def moves(self, players: Sequence[str]) -> Moves:
        return (tuple(players),)

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        start, past = board.copies(board.players), board.memory["past"]
        board.put(_sums(start, past))
        board.differentiate(board.players, batches[0])
        board.put(start)
        board.step(board.players)
        with torch.no_grad():
            for name in board.players:
                torch._foreach_copy_(past[name], torch._foreach_sub(board.own(name), start[name]))

    def matrix(self, game: LinearGame) -> Tensor:
        step = game.step
        return torch.cat([torch.cat([game.identity - step, -step], 1), torch.cat([-step, -step], 1)])


def _sums(first: Tensors, second: Tensors) -> Tensors:
    return {name: list(torch._foreach_add(values, second[name])) for name, values in first.items()}
