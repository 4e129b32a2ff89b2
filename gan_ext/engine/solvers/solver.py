"""How a step of a game is played: the interface of all solvers, and the plain ones."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.engine.board import Board
from gan_ext.engine.turns import Moves, Turns, checked_moves

__all__ = ["InTurns", "LinearGame", "Solver", "TurnsSolver", "as_solver", "moves_of"]


@checked
@dataclass(frozen=True)
class LinearGame:
    r"""A game near an equilibrium, where the players' gradients are linear: :math:`v(w) = J w`.

    J is the Jacobian of the gradients that players descend.  :func:`gan_ext.toys.field_jacobian` is that of the
    velocity, which has the other sign; :func:`gan_ext.toys.linear_game` takes a small game as it is.

    Args:
        jacobian: J [n, n], of all players' coordinates in one vector.
        rates: learning rate of every coordinate [n], or one for all, > 0.
        sizes: number of coordinates of each player, in the order of `players`.
        players: their names.
    """

    jacobian: Tensor
    rates: Tensor | float
    sizes: tuple[int, ...] = (1, 1)
    players: tuple[str, ...] = ("discriminator", "generator")

    def __post_init__(self) -> None:
        n = sum(self.sizes)
        if self.jacobian.shape != (n, n) or len(self.sizes) != len(self.players):
            raise ValueError(
                f"jacobian has shape {tuple(self.jacobian.shape)} and sizes={self.sizes} belong to players="
                f"{self.players}; give [n, n] with n the sum of sizes, and a size for each player."
            )
        rates = torch.as_tensor(self.rates, dtype=torch.float64)
        if rates.shape not in ((), (n,)) or not bool((rates > 0).all()) or not bool(self.jacobian.isfinite().all()):
            raise ValueError(
                f"LinearGame needs finite numbers in jacobian and rates > 0, one or {n} of them, got {self.rates!r}."
            )

    @property
    def identity(self) -> Tensor:
        """The identity [n, n] in float64."""
        return torch.eye(len(self.jacobian), dtype=torch.float64)

    @property
    def step(self) -> Tensor:
        """What a plain gradient step takes away: R J, with R the diagonal of the rates."""
        return self.scaled(self.jacobian)

    def scaled(self, matrix: Tensor) -> Tensor:
        """Return R times a matrix [n, n]."""
        rates = torch.as_tensor(self.rates, dtype=torch.float64).expand(len(self.jacobian))
        return rates[:, None] * matrix.double()

    def rows(self, players: Sequence[str]) -> Tensor:
        """Return the diagonal matrix that keeps the coordinates of some players and blanks the others."""
        owners = [name for name, size in zip(self.players, self.sizes, strict=True) for _ in range(size)]
        return torch.diag(torch.tensor([float(name in players) for name in owners], dtype=torch.float64))

    def blocks(self) -> Tensor:
        """Return a matrix of ones where both coordinates belong to the same player [n, n]."""
        ones = torch.ones_like(self.identity)
        return torch.stack([self.rows([name]) @ ones @ self.rows([name]) for name in self.players]).sum(0)


class Solver(ABC):
    """How a game is played: who moves when, and how the players' gradients become a step.

    A solver is a value: settings without state.  What it remembers from step to step lies in ``board.memory``, in
    `slots`, and so in checkpoints.

    Attributes:
        slots: names of what is remembered, one tensor like each parameter; 0 at first.
        second_order: whether losses are differentiated twice; such a solver cannot use compiled losses.
        acts_between: whether :meth:`after` is called between steps, outside of recorded graphs.
    """

    slots: tuple[str, ...] = ()
    second_order: bool = False
    acts_between: bool = False

    @abstractmethod
    def moves(self, players: Sequence[str]) -> Moves:
        """Return who moves on which batch: as many tuples of names as a step takes batches.

        Raises:
            ValueError: a player is unknown, or never moves.
        """

    @abstractmethod
    def play(self, board: Board, batches: Sequence[Any]) -> None:
        """Play one step, on one batch for each of :meth:`moves`."""

    def start(self, board: Board) -> None:
        """Make room for what is remembered."""
        for slot in self.slots:
            board.memory[slot] = {
                name: [torch.zeros_like(parameter) for parameter in parameters]
                for name, parameters in board.parameters.items()
            }

    def after(self, board: Board, step: int) -> None:  # noqa: B027  (nothing is a fair default)
        """Do what belongs between steps, given the number of steps done; nothing by default."""

    @abstractmethod
    def matrix(self, game: LinearGame) -> Tensor:
        r"""Return the linear map of one step of gradient descent in a linear game, in float64.

        It acts on the players' coordinates, followed by what the solver remembers.
        """

    def radius(self, game: LinearGame) -> float:
        r"""Return the spectral radius of a step: distances shrink by this factor a step, or grow if it is above 1.

        .. math:: \rho = \max_i |\lambda_i(M)|
        """
        return float(torch.linalg.eigvals(self.matrix(game)).abs().max())


class TurnsSolver(Solver):
    """A solver whose players move in turns; `turns` None lets each move once, one after the other."""

    turns: Turns | None = None

    def moves(self, players: Sequence[str]) -> Moves:
        return checked_moves(tuple(players) if self.turns is None else self.turns, players)


@checked
@dataclass(frozen=True)
class InTurns(TurnsSolver):
    r"""Gradient descent in turns: the movers of each move take a step of their optimizers.

    .. math:: w \leftarrow w - R P_m v(w) \qquad \text{for each move } m

    with :math:`P_m` the projection on its movers.  On the bilinear game one after the other has radius 1 (cycles, for
    rates below 2) and both at once :math:`\sqrt{1 + \eta^2}` (diverges).

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461; Negative Momentum for
    Improved Game Dynamics (Gidel et al., 2019), section 3, https://arxiv.org/abs/1807.04740

    Args:
        turns: moves of one step, names of players or tuples of names; see :func:`~gan_ext.engine.alternating` and
            :func:`~gan_ext.engine.simultaneous`.  None: each player once, one after the other.
    """

    turns: Turns | None = None

    def play(self, board: Board, batches: Sequence[Any]) -> None:
        for players, batch in zip(self.moves(board.players), batches, strict=True):
            board.move(players, batch)

    def matrix(self, game: LinearGame) -> Tensor:
        whole = game.identity
        for players in self.moves(game.players):
            whole = (game.identity - game.rows(players) @ game.step) @ whole
        return whole


def as_solver(value: Any, name: str = "solver") -> Solver:
    """Return a solver, from one, or from turns, or None for the default.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, Solver):
        return value
    if value is None or isinstance(value, tuple | list):
        return InTurns(None if value is None else tuple(value))
    what = (
        f"the class {value.__name__}; pass {value.__name__}()"
        if isinstance(value, type)
        else f"{value!r}; pass a solver"
    )
    raise ValueError(
        f"{name} is {what}, such as gan_ext.engine.Extragradient(), or a tuple of players in the order of their moves. "
        "Learning rates of the players belong to the optimizers."
    )


def moves_of(value: Any, players: Sequence[str]) -> Moves:
    """Return who moves on which batch, by a solver or turns as :func:`as_solver` takes them.

    Raises:
        ValueError: it is no solver, or does not fit these players.
    """
    solver = as_solver(value)
    try:
        return solver.moves(players)
    except ValueError as error:
        raise ValueError(f"solver={value!r} does not fit the game: {error}") from error
