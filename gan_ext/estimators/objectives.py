"""What an objective of sequences is played with: the default networks, and a view of a game with one player."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

from gan_ext.game import Game, Player, owned_parameters
from gan_ext.nets import (
    CNNDiscriminator,
    LeakyGenerator,
    LSTMGenerator,
    MultiRepresentationDiscriminator,
    RecurrentDiscriminator,
)
from gan_ext.sequences import SequenceModel

__all__ = ["build_generator", "build_opponent", "opponent_of", "solo"]

_SMALL_CNN = partial(CNNDiscriminator, widths=(1, 2, 3, 4, 5), filters=(64, 128, 128, 64, 64))
_DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "sequence": _SMALL_CNN,
    "leaky": _SMALL_CNN,
    "token": partial(RecurrentDiscriminator, hidden=128, per_step=True),
    "representations": partial(MultiRepresentationDiscriminator, representations=16),
}


def opponent_of(objective: Callable[..., Game]) -> str:
    """Return what a game's generator plays against, from the class behind any number of partials.

    ``"sequence"``: a logit per sequence; ``"token"``: one per token; ``"representations"``: several per sequence, of
    tokens or rows; ``"mediator"``: another model of sequences; ``"leaky"``: features that the generator reads.
    """
    while isinstance(objective, partial):
        objective = objective.func
    name: str = getattr(objective, "opponent", "sequence")
    return name


def build_opponent(
    opponent: str, make: Callable[..., nn.Module] | None, vocabulary: int, length: int, tokens: dict[str, Any]
) -> nn.Module:
    """Build what the generator plays against.

    Args:
        opponent: see :func:`opponent_of`.
        make: builds it from the number of tokens and those of ``length, start, end, pad, classes`` that it takes; None
            for the default.
        vocabulary: number of tokens.
        length: longest sequence.
        tokens: start, end, pad, classes.
    """
    if opponent == "mediator":
        return build_generator(make, vocabulary, length, tokens)
    make = _DISCRIMINATORS[opponent] if make is None else make
    taken = inspect.signature(make).parameters
    return make(vocabulary, **{name: value for name, value in {"length": length, **tokens}.items() if name in taken})


def build_generator(
    make: Callable[..., Any] | None,
    vocabulary: int,
    length: int,
    tokens: dict[str, Any],
    leak: Any = None,
) -> SequenceModel:
    """Build a model of sequences, an LSTM by default; with `leak`, one that reads that discriminator's features.

    Raises:
        ValueError: what was made is no :class:`~gan_ext.sequences.SequenceModel` of these tokens and this length.
    """
    if leak is not None:
        seen = {name: value for name, value in tokens.items() if name != "classes"}
        size = leak.output.in_features
        made = (make or partial(LeakyGenerator, embedding=64, hidden=128))(
            vocabulary, length, leak.features, size, start_is_a_token=False, **seen
        )
    else:
        make = partial(LSTMGenerator, embedding=128, hidden=256, dropout=0.3) if make is None else make
        made = make(vocabulary, length, start_is_a_token=False, **tokens)
    if not isinstance(made, SequenceModel) or (made.vocabulary, made.length) != (vocabulary, length):
        raise ValueError(
            f"generator made {type(made).__name__}; it must make a SequenceModel of {vocabulary} tokens and length "
            f"{length}, from (vocabulary, length, start, end, pad, classes, start_is_a_token)."
        )
    return made


class _Solo(Game):
    def __init__(self, game: Game, player: str) -> None:
        super().__init__()
        self.game, self.player = game, player

    def players(self) -> dict[str, Player]:
        return {self.player: self.game.players()[self.player]}


@contextmanager
def solo(game: Game, player: str) -> Iterator[Game]:
    """Let one player of a game train alone, as in a discriminator's warm-up; the others are frozen meanwhile."""
    others = [
        parameter
        for name, other in game.players().items()
        if name != player
        for _, parameter in owned_parameters(other)
    ]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield _Solo(game, player)
    finally:
        for parameter in others:
            parameter.requires_grad_(True)
