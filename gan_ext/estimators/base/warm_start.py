"""Warm start: networks of one fit as plain tensors, and loading them into the game of the next."""

from collections.abc import Mapping

from torch import Tensor, nn

from gan_ext.game import Game

__all__ = ["load_players", "load_weights", "player_states"]

States = dict[str, dict[str, Tensor]]


def player_states(game: Game) -> States:
    """Return copies, on the CPU, of the parameters and buffers of all players' modules."""
    return {
        f"{name}.{number}": {key: value.detach().cpu().clone() for key, value in module.state_dict().items()}
        for name, player in game.players().items()
        for number, module in enumerate(player.modules)
    }


def load_players(game: Game, states: States) -> None:
    """Go on from the networks of :func:`player_states`; what else the game has (weights of terms) stays its own.

    Raises:
        ValueError: networks of other sizes.
    """
    modules = {
        f"{name}.{number}": module
        for name, player in game.players().items()
        for number, module in enumerate(player.modules)
    }
    if modules.keys() != states.keys():
        raise ValueError(f"warm_start=True needs the players {sorted(states)} as before, got {sorted(modules)}.")
    for name, module in modules.items():
        load_weights(module, states[name], name)


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Give a network the weights of the last fit; `name` is said in the error.

    Raises:
        ValueError: a network of other sizes.
    """
    own = module.state_dict()
    for key in [*own, *weights]:
        here, there = (None if key not in of else tuple(of[key].shape) for of in (own, weights))
        if here != there:
            was, now = ("missing" if shape is None else f"of shape {shape}" for shape in (there, here))
            raise ValueError(
                f"warm_start=True needs networks with the sizes of the last fit; {key!r} of the {name} was {was} and "
                f"is {now}."
            )
    module.load_state_dict(weights)
