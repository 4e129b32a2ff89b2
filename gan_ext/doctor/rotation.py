"""Rotation of a game's vector field: eigenvalues of its Jacobian, or its antisymmetric share."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.engine import Compute, Engine, Ranks
from gan_ext.engine.board import Board, Tensors
from gan_ext.engine.solvers.products import inner, jacobian_operator, vector_jacobian
from gan_ext.game import Game, owned_parameters
from gan_ext.seeds import RandomStateLike, as_seed, mix, seeded

__all__ = ["Rotation", "rotation"]


@dataclass(frozen=True)
class Rotation:
    r"""What turns in a game.

    Attributes:
        antisymmetric: share of the Jacobian that turns, :math:`\lVert A \rVert_F^2 / \lVert J \rVert_F^2` with
            :math:`A = (J - J^\top) / 2`: 0 for one that only falls or rises, 1 for one that only turns.
        ratio: largest :math:`|\Im \lambda| / |\Re \lambda|` over the eigenvalues of J, up to infinity; None if the game
            was too large for them.
        growth: largest :math:`\Re \lambda`, per unit of learning rate: small steps leave where they are if it is
            positive; None if the game was too large.
        eigenvalues: all of them, complex [P]; None if the game was too large.
    """

    antisymmetric: float
    ratio: float | None = None
    growth: float | None = None
    eigenvalues: Tensor | None = None


def rotation(
    run: Game | Engine, batch: Any, *, small: int = 500, directions: int = 8, random_state: RandomStateLike = 0
) -> Rotation:
    r"""Return how much the vector field of a game turns where the game stands.

    .. math:: v = (-\nabla_{\theta_1} L_1, \dots, -\nabla_{\theta_n} L_n), \qquad J = \nabla v

    A game with :math:`|\Im \lambda| \gg |\Re \lambda|` needs steps so small that plain gradient descent cycles in
    practice.  For few parameters the eigenvalues are exact.  For many, the norms of the symmetric and of the
    antisymmetric part are estimated by products with random vectors:
    :math:`\lVert A \rVert_F^2 = E \lVert A u \rVert^2` for :math:`u \sim N(0, I)`.  A copy of the game is played, so
    that nothing in it changes.

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461

    Args:
        run: a game whose losses can be differentiated twice, or the engine that plays it.
        batch: what the losses are given.
        small: most parameters for which eigenvalues are computed.
        directions: random vectors for larger games, at least 1.
        random_state: of these, and of what the losses draw.

    Raises:
        ValueError: no direction.
    """
    if directions < 1:
        raise ValueError(f"directions={directions} must be at least 1.")
    board = _board(run)
    with seeded(mix(as_seed(random_state)), device=board.device), torch.enable_grad():
        field = board.field(batch)
        if sum(value.numel() for values in field.values() for value in values) <= small:
            return _exact(_jacobian(board, field))
        return Rotation(_estimated(board, field, directions))


def _board(run: Game | Engine) -> Board:
    """Return the players of a copy of the game, all of them free to move."""
    game = run.game if isinstance(run, Engine) else run
    copied = copy.deepcopy(game)
    twins = {id(own): twin for own, twin in zip(game.parameters(), copied.parameters(), strict=True)}
    if isinstance(run, Engine):  # within a run opponents are held, so that owners cannot be told by that flag
        owned = {name: [twins[id(own)] for own in parameters] for name, parameters in run.parameters.items()}
    else:
        owned = {name: [value for _, value in owned_parameters(each)] for name, each in copied.players().items()}
    device = next(game.parameters()).device
    return Board(copied, owned, {}, {}, Compute(device), False, Ranks(), device)


def _jacobian(board: Board, field: Tensors) -> Tensor:
    """Return the Jacobian [P, P] of the velocities, in float64."""
    rows = []
    for name, values in field.items():
        for number, value in enumerate(values):
            for place in range(value.numel()):
                unit = {other: [torch.zeros_like(each) for each in each_of] for other, each_of in field.items()}
                unit[name][number].view(-1)[place] = 1
                rows.append(-_flat(vector_jacobian(board, field, unit)).double())
    return torch.stack(rows).detach()


def _exact(jacobian: Tensor) -> Rotation:
    values = torch.linalg.eigvals(jacobian)
    turning = (jacobian - jacobian.T).square().sum() / 4 / jacobian.square().sum().clamp_min(1e-300)
    # What is below rounding counts as 0, so that a field that only turns has an infinite ratio.
    size = 1e-12 * values.abs().max()
    real = torch.where(values.real.abs() <= size, 0.0, values.real.abs())
    imaginary = torch.where(values.imag.abs() <= size, 0.0, values.imag.abs())
    ratios = torch.where(imaginary == 0, 0.0, imaginary / real)
    return Rotation(float(turning), float(ratios.max()), float(values.real.max()), values.cpu())


def _estimated(board: Board, field: Tensors, directions: int) -> float:
    forward, even, odd = jacobian_operator(board, field), 0.0, 0.0
    for _ in range(directions):
        u = {name: [torch.randn_like(value) for value in values] for name, values in field.items()}
        ahead, back = forward(u), vector_jacobian(board, field, u)
        both = float(inner(ahead, ahead)) + float(inner(back, back))
        cross = 2 * float(inner(ahead, back))
        even, odd = even + both + cross, odd + both - cross
    return odd / max(odd + even, 1e-300)


def _flat(vector: Tensors) -> Tensor:
    return torch.cat([value.reshape(-1) for values in vector.values() for value in values])
