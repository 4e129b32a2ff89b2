"""The one idea of the package: a GAN is a game, and a game is its players.

A :class:`Game` says what is played.  It owns the networks and names the players; each player owns some parameters and
minimizes its own loss.  It knows nothing of optimizers, devices, ranks or logging: those belong to the
:class:`~gan_ext.engine.Engine`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = [
    "Game",
    "Loss",
    "Player",
    "TwoPlayerGame",
    "alone",
    "opponents_free",
    "opponents_held",
    "owned_parameters",
]

Loss = tuple[Tensor, dict[str, Tensor]]
"""A scalar to minimize, and detached scalars worth logging."""


_held = True  # a plain global: compiled losses look at it


def opponents_held() -> torch.set_grad_enabled:
    """Return the context in which a loss lets an opponent move: no gradient is kept, unless a solver asks for it.

    A discriminator's loss needs generated data, not how they came about::

        with opponents_held():
            fake = self.generator(z)

    A solver that looks at how players answer each other (consensus, symplectic, competitive, unrolled) differentiates
    each loss in all players: within :func:`opponents_free` the gradient is kept.
    """
    return torch.set_grad_enabled(not _held and torch.is_grad_enabled())


@contextmanager
def opponents_free() -> Iterator[None]:
    """Within this context :func:`opponents_held` keeps the gradients that it leaves out otherwise."""
    global _held
    before, _held = _held, False
    try:
        yield
    finally:
        _held = before


class Player(NamedTuple):
    """One who learns: the modules whose parameters only this player may change, and the loss it minimizes.

    The loss maps a batch (a ``NamedTuple`` of fixed-size tensors) to :data:`Loss`.  It may draw noise, and is then a
    function of (weights, batch, seed).
    """

    modules: tuple[nn.Module, ...]
    loss: Callable[[Any], Loss]


class Game(nn.Module, ABC):
    """What is played: networks, priors and the players' losses.

    Subclass it, store the networks as attributes, and return the players.  Numbers that change during training (a
    temperature, a penalty's weight) are 0-dim buffers, so that a schedule can fill them and a checkpoint keeps them.
    :func:`gan_ext.testing.check_game` tells whether a game is sound.
    """

    @abstractmethod
    def players(self) -> dict[str, Player]:
        """Return the players by name."""


@checked
class TwoPlayerGame(Game):
    r"""The common case: a generator against a discriminator.

    .. math:: \min_G L_G(D, G), \qquad \min_D L_D(D, G)

    References: Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661

    Args:
        generator: any module that makes data.
        discriminator: any module that judges data.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator

    @abstractmethod
    def discriminator_loss(self, batch: Any) -> Loss:
        """Return what the discriminator minimizes on this batch."""

    @abstractmethod
    def generator_loss(self, batch: Any) -> Loss:
        """Return what the generator minimizes on this batch."""

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator,), self.generator_loss),
        }


def owned_parameters(player: Player) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the player's trainable parameters with their names, each once."""
    seen: set[int] = set()
    for index, module in enumerate(player.modules):
        for name, parameter in module.named_parameters(prefix=str(index)):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter


class _Alone(Game):
    def __init__(self, game: Game, names: Collection[str]) -> None:
        super().__init__()
        self.game, self.names = game, frozenset(names)

    def players(self) -> dict[str, Player]:
        return {name: player for name, player in self.game.players().items() if name in self.names}


@contextmanager
def alone(game: Game, names: Collection[str]) -> Iterator[Game]:
    """Let some players of a game train alone, as in a discriminator's warm-up; the others are frozen meanwhile.

    Args:
        game: the whole game.
        names: of those who train.

    Yields:
        The game of these players.

    Raises:
        ValueError: a name is no player's, or there is none.
    """
    players = game.players()
    if not names or not set(names) <= players.keys():
        raise ValueError(f"names={tuple(names)!r} must name some of the game's players, {', '.join(players)}.")
    frozen = [
        parameter for name, other in players.items() if name not in names for _, parameter in owned_parameters(other)
    ]
    try:
        for parameter in frozen:
            parameter.requires_grad_(False)
        yield _Alone(game, names)
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
