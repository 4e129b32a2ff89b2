"""An objective of sequences: the opponent that it names, copies of the generator in its game."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from gan_ext.game import Game, owned_parameters
from gan_ext.games import Opponent, SeqGAN

__all__ = ["copies_of", "opponent_of", "players_of", "renew"]


def opponent_of(objective: Callable[..., Game]) -> Opponent:
    """Return what a game's generator plays against, from the class behind any number of partials.

    Raises:
        ValueError: its attribute ``opponent`` is something else.
    """
    while isinstance(objective, partial):
        objective = objective.func
    opponent = getattr(objective, "opponent", SeqGAN.opponent)
    if not isinstance(opponent, Opponent):
        raise ValueError(
            f"objective plays against opponent={opponent!r}, which must be a gan_ext.games.Opponent, such as "
            "SequenceOpponent()."
        )
    return opponent


def players_of(game: Game, network: nn.Module) -> list[str]:
    """Return the names of the players who train parameters of a network."""
    own = {id(parameter) for parameter in network.parameters()}
    return [
        name
        for name, player in game.players().items()
        if any(id(parameter) in own for _, parameter in owned_parameters(player))
    ]


def copies_of(game: Game, generator: nn.Module, opponent: nn.Module) -> list[nn.Module]:
    """Return the copies of the generator that a game holds: lagged policies, references of a divergence.

    A copy is a module of the same class and the same weights that shares none of them; the opponent is none.
    """
    state = generator.state_dict()
    others = {id(module) for network in (generator, opponent) for module in network.modules()}
    return [
        module
        for module in game.modules()
        if type(module) is type(generator) and id(module) not in others and _holds(module, state)
    ]


def _holds(module: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    own = module.state_dict()
    return own.keys() == state.keys() and all(torch.equal(value, state[name]) for name, value in own.items())


def renew(copies: Sequence[nn.Module], generator: nn.Module) -> None:
    """Let copies be those of the generator as it is now."""
    for copy in copies:
        copy.load_state_dict(generator.state_dict())
