"""Solvers on two games of two numbers: convergence rates, in closed form and measured, trajectories, vector fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, LinearGame, Lookahead, Solver, sgd
from gan_ext.games import RealBatch
from gan_ext.toys.fields import Trajectory, plane_field
from gan_ext.toys.games import BilinearGame, DiracGame
from gan_ext.toys.rates import measured_radius

__all__ = ["SMALL_GAMES", "SmallGame", "solver_radii"]


def _nothing() -> ArrayStream[RealBatch]:
    """Return a stream for games that need no data."""
    return ArrayStream(RealBatch(torch.zeros(1, 1)), 1)


@checked
@dataclass(frozen=True)
class SmallGame:
    r"""A game of two numbers, one for each player, whose solution is at 0.

    Args:
        kind: makes it from where both start.
        jacobian: of the vector field at the solution, rows and columns in the order (discriminator, generator).
    """

    kind: type[BilinearGame] | type[DiracGame]
    jacobian: tuple[tuple[float, float], tuple[float, float]]

    def engine(self, solver: Solver, rates: Mapping[str, float], start: float = 1.0, double: bool = False) -> Engine:
        """Return plain gradient descent from (start, start), before its first step."""
        game = self.kind(start, start)
        players = {name: sgd(rate) for name, rate in rates.items()}
        return Engine(game.double() if double else game, players, solver, compute=Compute("cpu"))

    def radius(self, solver: Solver, rates: Mapping[str, float]) -> tuple[float, float]:
        """Return the spectral radius of a step near the solution: in closed form, and as the engine does it."""
        local = LinearGame(torch.tensor(self.jacobian), torch.tensor([rates["discriminator"], rates["generator"]]))
        every = solver.every if isinstance(solver, Lookahead) else 1
        make = partial(self.engine, solver, rates, 0.0, True)
        return solver.radius(local), measured_radius(make, _nothing(), every)

    def path(self, solver: Solver, rates: Mapping[str, float], steps: int = 60) -> Tensor:
        """Return the trajectory [steps + 1, 2] of plain gradient descent from (1, 1)."""
        engine = self.engine(solver, rates)
        assert isinstance(engine.game, BilinearGame | DiracGame)
        track = Trajectory(engine.game)
        engine.fit(_nothing(), steps, [track])
        return torch.as_tensor(track.points)

    def field(self, places: Tensor) -> Tensor:
        """Return the vector field [n, n, 2] on the grid of places [n] by places."""
        across, down = torch.meshgrid(places, places, indexing="xy")
        points = torch.stack([across, down], -1).reshape(-1, 2).float()
        return plane_field(self.kind(1.0, 1.0), points, RealBatch(torch.zeros(1))).reshape(*across.shape, 2)


SMALL_GAMES: dict[str, SmallGame] = {
    "bilinear": SmallGame(BilinearGame, ((0.0, -1.0), (1.0, 0.0))),
    "Dirac": SmallGame(DiracGame, ((0.0, 0.5), (-0.5, 0.0))),
}
"""min max xy, and the smallest GAN without a penalty (:class:`BilinearGame`, :class:`DiracGame`)."""


def solver_radii(solver: Solver, rates: Mapping[str, float]) -> dict[str, float]:
    """Return the spectral radii of a solver on both small games, as ``"bilinear, closed form"``, ``", measured"``.

    Args:
        solver: how a step is played.
        rates: learning rate of each player.
    """
    found: dict[str, float] = {}
    for name, game in SMALL_GAMES.items():
        exact, measured = game.radius(solver, rates)
        found |= {f"{name.lower()}, closed form": exact, f"{name.lower()}, measured": measured}
    return found
