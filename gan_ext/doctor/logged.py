"""Losses, penalties and entropies of codes as the players log them, as means since the record before."""

from typing import Any

import torch

from gan_ext.engine import Engine

__all__ = ["PREFIX", "code_entropies", "losses_since"]

PREFIX = "watch/"


def losses_since(engine: Engine) -> dict[str, float]:
    """Return means since the record before (``loss/``), and what the next record needs to do the same.

    ``mean/`` and ``moves/`` are the meters as they are: means, and their numbers of moves, since somebody read them.
    """
    now, before = _means(engine), _record_before(engine)
    found = {}
    for player in engine.parameters:
        counts = engine.meters.counts
        count = float(counts[player]) if player in counts else 0.0
        found[f"moves/{player}"] = count
        for name in [name for name in now if name.startswith(f"{player}/")]:
            found[f"mean/{name}"] = now[name]
            found[f"loss/{name}"] = _since(engine, before, player, name, count, now[name])
    return found | _penalties(engine, found)


def code_entropies(engine: Engine) -> dict[str, float]:
    """Return the entropy in nats of each code, of games whose `codes` are a product."""
    codes: Any = getattr(engine.game, "codes", None)
    if not callable(getattr(codes, "codes", None)):
        return {}
    return {f"entropy/{name}": float(code.entropy().detach()) for name, code in codes.codes().items()}


def _means(engine: Engine) -> dict[str, float]:
    """Return the losses' means; where another callback has just read the meters, those of its record."""
    seen = engine.meters.peek()
    if seen or not engine.history or engine.history[-1]["step"] != engine.step:
        return seen
    known = {f"{player}/{name}" for player, names in engine.meters.names.items() for name in names}
    return {name: value for name, value in engine.history[-1].items() if name in known}


def _record_before(engine: Engine) -> dict[str, Any]:
    mark = f"{PREFIX}moves/{next(iter(engine.parameters))}"
    return next((entry for entry in reversed(engine.history) if mark in entry), {})


def _since(engine: Engine, before: dict[str, Any], player: str, name: str, count: float, mean: float) -> float:
    """Return the mean since a record, from the means up to then and up to now."""
    if f"{PREFIX}mean/{name}" not in before:
        return mean
    past, moves = before[f"{PREFIX}moves/{player}"], sum(move.count(player) for move in engine.moves)
    if count - past < moves * max(1, engine.step - before["step"]):  # somebody read the meters in between
        return mean
    return float((count * mean - past * before[f"{PREFIX}mean/{name}"]) / (count - past))


def _penalties(engine: Engine, found: dict[str, float]) -> dict[str, float]:
    """Return penalties as they count in the discriminator's loss."""
    sizes, game = {}, engine.game
    penalties: Any = getattr(game, "penalties", {})
    r1: Any = getattr(game, "r1", None)
    weights = {name: penalty.weighted for name, penalty in penalties.items()}
    if isinstance(r1, (int, float)):
        weights["r1"] = lambda measured: r1 / 2 * measured
    for name, weighted in weights.items():
        if f"loss/discriminator/{name}" in found:
            measured = torch.tensor(found[f"loss/discriminator/{name}"], device=engine.device)
            sizes[f"penalty/{name}"] = float(weighted(measured))
    return sizes
