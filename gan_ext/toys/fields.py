"""The vector field of a small game: velocities on a plane, its Jacobian, and the paths that solvers take."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.engine import Engine, LinearGame
from gan_ext.game import TwoPlayerGame, opponents_free

__all__ = ["Trajectory", "field_jacobian", "linear_game", "plane_field", "position"]


def position(game: TwoPlayerGame) -> Tensor:
    """Return all parameters of the game in one row [P], the generator's before the discriminator's."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in _parameters(game)])


def plane_field(game: TwoPlayerGame, points: Tensor, batch: Any = None) -> Tensor:
    r"""Return in which direction simultaneous gradient descent moves from each point of a game of two numbers.

    .. math:: v(\theta, \psi) = (-\nabla_\theta L_G, -\nabla_\psi L_D)

    The game stays where it is.

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461

    Args:
        game: with one number for each player.
        points: [n, 2], the generator's number and the discriminator's.
        batch: what the losses are given.

    Returns:
        Velocities [n, 2], per unit of the learning rate.

    Raises:
        ValueError: a game of more numbers, or points of another shape.
    """
    parameters = _parameters(game)
    if [parameter.numel() for parameter in parameters] != [1, 1]:
        raise ValueError(f"plane_field needs a game of two numbers, this one has {position(game).numel()}.")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points must be [n, 2], got {tuple(points.shape)}.")
    before, velocities = position(game), []
    try:
        with _all_differentiable(game):
            for point in points:
                _move(game, point)
                velocities.append(_velocity(game, batch).detach())
    finally:
        _move(game, before)
    return torch.stack(velocities)


def field_jacobian(game: TwoPlayerGame, batch: Any = None) -> Tensor:
    r"""Return the Jacobian [P, P] of the game's vector field where the game stands, for few parameters.

    .. math:: J = \nabla v, \qquad v = (-\nabla_\theta L_G, -\nabla_\psi L_D)

    Small steps converge to a solution if all eigenvalues of J there have negative real parts; imaginary parts turn.
    The sign is that of velocities; :func:`linear_game` has that of gradients, as solvers take it.

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461

    Args:
        game: a game whose losses can be differentiated twice.
        batch: what the losses are given.
    """
    with _all_differentiable(game):
        rows = [_gradient(each, _parameters(game)).detach() for each in _velocity(game, batch)]
    return torch.stack(rows)


def linear_game(game: TwoPlayerGame, rates: float | Sequence[float], batch: Any = None) -> LinearGame:
    r"""Return a small game as it is near where it stands, for :meth:`gan_ext.engine.Solver.radius`.

    .. math:: J = \nabla (\nabla_\theta L_G, \nabla_\psi L_D)

    that is, minus :func:`field_jacobian`.

    Args:
        game: a game whose losses can be differentiated twice, at its solution.
        rates: learning rates of the generator and the discriminator, or one for both.
        batch: what the losses are given.
    """
    sizes = tuple(sum(p.numel() for p in player.parameters()) for player in (game.generator, game.discriminator))
    each = [rates] * 2 if isinstance(rates, int | float) else list(rates)
    if len(each) != 2:
        raise ValueError(f"rates={rates!r} must be one number, or one for the generator and one for the discriminator.")
    per_coordinate = torch.cat([torch.full((n,), float(rate)) for n, rate in zip(sizes, each, strict=True)])
    return LinearGame(-field_jacobian(game, batch), per_coordinate, sizes, ("generator", "discriminator"))


@checked
class Trajectory:
    """Callback that keeps where a small game is, at the start and after every step.

    Args:
        game: the engine's game, on the CPU.
    """

    def __init__(self, game: TwoPlayerGame) -> None:
        self._positions = [position(game)]

    def __call__(self, engine: Engine) -> None:
        assert isinstance(engine.game, TwoPlayerGame)
        self._positions.append(position(engine.game))

    @property
    def points(self) -> Tensor:
        """Positions [steps + 1, P], the generator's numbers first."""
        return torch.stack(self._positions)


def _parameters(game: TwoPlayerGame) -> list[nn.Parameter]:
    return [*game.generator.parameters(), *game.discriminator.parameters()]


@contextmanager
def _all_differentiable(game: TwoPlayerGame) -> Iterator[None]:
    """Within a step of the engine some parameters are frozen."""
    flags = [(parameter, parameter.requires_grad) for parameter in _parameters(game)]
    try:
        for parameter, _ in flags:
            parameter.requires_grad_(True)
        with torch.enable_grad(), opponents_free():
            yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


@torch.no_grad()
def _move(game: TwoPlayerGame, to: Tensor) -> None:
    parameters = _parameters(game)
    pieces = to.split([parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.copy_(piece.reshape(parameter.shape))


def _velocity(game: TwoPlayerGame, batch: Any) -> Tensor:
    both = ((game.generator, game.generator_loss), (game.discriminator, game.discriminator_loss))
    return torch.cat([-_gradient(loss(batch)[0], list(player.parameters())) for player, loss in both])


def _gradient(number: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """Return the gradient of a number in one row, zero where it does not depend on a parameter."""
    found: Sequence[Tensor | None] = [None] * len(parameters)
    if number.requires_grad:
        found = torch.autograd.grad(number, parameters, create_graph=True, allow_unused=True)
    rows = [(p.new_zeros(p.numel()) if g is None else g.reshape(-1)) for g, p in zip(found, parameters, strict=True)]
    return torch.cat(rows)
