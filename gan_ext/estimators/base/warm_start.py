"""Warm start: networks of one fit as plain tensors, and loading them into the game of the next."""

from torch import Tensor

from gan_ext.game import Game

__all__ = ["load_players", "player_states"]

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
        try:
            module.load_state_dict(states[name])
        except RuntimeError as error:
            raise ValueError(f"warm_start=True needs networks as in the last fit; {name} differs: {error}") from error
