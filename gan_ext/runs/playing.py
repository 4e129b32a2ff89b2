"""The engine of most recipes: Adam for every player, at rates that follow the step."""

from collections.abc import Mapping

from gan_ext.engine import Compute, Engine, Schedule, Solver, Turns, adam
from gan_ext.game import Game

__all__ = ["adam_engine"]


def adam_engine(
    game: Game,
    rates: Schedule | Mapping[str, Schedule],
    betas: tuple[float, float] = (0.9, 0.999),
    solver: Solver | Turns | None = None,
    *,
    seed: int = 0,
    ema: float | None = None,
    compute: Compute | None = None,
) -> Engine:
    """Return the engine of a game before its first step, with Adam at scheduled learning rates.

    Args:
        game: what is played.
        rates: schedule of the learning rate of all players, or of each by its name.
        betas: decays of Adam's moments, per step.
        solver: as in :class:`~gan_ext.engine.Engine`, like all that follows.
        seed: decides every draw.
        ema: decay of the averaged weights; None for none.
        compute: where, and with what precision.

    Raises:
        ValueError: a rate that is not positive at step 0, or of a player that the game has not.
    """
    of = dict(rates) if isinstance(rates, Mapping) else dict.fromkeys(game.players(), rates)
    return Engine(
        game,
        {player: adam(rate(0), betas) for player, rate in of.items()},
        solver,
        seed=seed,
        ema=ema,
        schedules={f"{player}.lr": rate for player, rate in of.items()},
        compute=compute,
    )
