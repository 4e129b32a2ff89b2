"""Turns: who moves when, alternating or simultaneous.

One step of the engine is a sequence of moves.  A move is a player's name, or a tuple of names of players who move
together, from the same point and on the same batch.
"""

from collections.abc import Iterable, Mapping

__all__ = ["Moves", "Turns", "alternating", "checked_moves", "simultaneous"]

Turns = tuple[str | tuple[str, ...], ...]
Moves = tuple[tuple[str, ...], ...]


def alternating(moves: Mapping[str, int]) -> Turns:
    """Let the players move one after the other, each as often as told.

    ``alternating({"discriminator": 5, "generator": 1})`` is the schedule of Wasserstein GAN (Arjovsky et al., 2017),
    https://arxiv.org/abs/1701.07875.

    Args:
        moves: moves of each player in one step, each >= 1.
    """
    wrong = {player: count for player, count in moves.items() if count < 1}
    if wrong:
        raise ValueError(f"Every player must move at least once in a step, got {wrong}.")
    return tuple(player for player, count in moves.items() for _ in range(count))


def simultaneous(*players: str) -> Turns:
    """Let the players move at once: all gradients are taken before anyone steps.

    References: The Numerics of GANs (Mescheder et al., 2017), https://arxiv.org/abs/1705.10461
    """
    return (tuple(players),)


def checked_moves(turns: Turns, players: Iterable[str]) -> Moves:
    """Return every move as a tuple of names, or say which name is no player."""
    players = tuple(players)
    moves = tuple((move,) if isinstance(move, str) else tuple(move) for move in turns)
    unknown = sorted({name for move in moves for name in move} - set(players))
    if unknown or not moves or not all(moves):
        raise ValueError(f"its moves {turns!r} must name players of the game, which are {', '.join(players)}.")
    doubled = [name for move in moves for name in move if move.count(name) > 1]
    if doubled:
        raise ValueError(f"its moves {turns!r} let {doubled[0]!r} twice into one move; give it a move of its own.")
    idle = sorted(set(players) - {name for move in moves for name in move})
    if idle:
        raise ValueError(f"its moves {turns!r} never let {', '.join(idle)} move; name every player of the game.")
    return moves
