"""What an objective of sequences is played with: the default networks, and a view of a game with one player."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
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
    "ranker": _SMALL_CNN,
    "token": partial(RecurrentDiscriminator, hidden=128, per_step=True),
    "representations": partial(MultiRepresentationDiscriminator, representations=16),
}


def opponent_of(objective: Callable[..., Game]) -> str:
    """Return what a game's generator plays against, from the class behind any number of partials.

    ``"sequence"``: a logit per sequence; ``"token"``: one per token; ``"representations"``: several per sequence, of
    tokens or rows; ``"mediator"``: another model of sequences; ``"leaky"``: features that the generator reads;
    ``"ranker"``: features that are compared.
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

    Raises:
        ValueError: what was made is no network, or there are classes that `make` does not take.
    """
    if opponent == "mediator":
        return build_generator(make, vocabulary, length, tokens, "discriminator")
    make = _DISCRIMINATORS.get(opponent) if make is None else make
    if make is None:
        raise ValueError(f"objective plays against {opponent!r}, for which there is no default; give discriminator.")
    given = {"length": length, **tokens}
    if opponent == "ranker":  # it compares sentences, whatever their class
        del given["classes"]
    taken = inspect.signature(make).parameters
    if given.get("classes") and "classes" not in taken:
        raise ValueError(
            "discriminator takes no `classes`, but there are labels; give it that argument or leave out y."
        )
    made = make(vocabulary, **{name: value for name, value in given.items() if name in taken})
    if not isinstance(made, nn.Module):
        raise ValueError(f"discriminator made {type(made).__name__}; it must make a torch.nn.Module.")
    return made


def build_generator(
    make: Callable[..., Any] | None,
    vocabulary: int,
    length: int,
    tokens: dict[str, Any],
    name: str = "generator",
    leak: Any = None,
) -> SequenceModel:
    """Build a model of sequences, an LSTM by default; with `leak`, one that reads that discriminator's features.

    Args:
        make: builds it from (vocabulary, length, start, end, pad, classes, start_is_a_token); with `leak` from
            (vocabulary, length, features, size of the features, start, end, pad, start_is_a_token).  None for the
            default.
        vocabulary: number of tokens.
        length: longest sequence.
        tokens: start, end, pad, classes.
        name: of the setting that `make` is from.
        leak: a discriminator with ``features``.

    Raises:
        ValueError: what was made is no :class:`~gan_ext.sequences.SequenceModel` of these tokens and this length.
    """
    if leak is not None:
        seen = {key: value for key, value in tokens.items() if key != "classes"}
        with torch.no_grad():
            size = leak.features(torch.full((1, length), tokens["pad"])).shape[-1]
        made = (make or partial(LeakyGenerator, embedding=64, hidden=128))(
            vocabulary, length, leak.features, size, start_is_a_token=False, **seen
        )
    else:
        make = partial(LSTMGenerator, embedding=128, hidden=256, dropout=0.3) if make is None else make
        made = make(vocabulary, length, start_is_a_token=False, **tokens)
    if not isinstance(made, SequenceModel) or (made.vocabulary, made.length) != (vocabulary, length):
        raise ValueError(
            f"{name} made {type(made).__name__}; it must make a SequenceModel of {vocabulary} tokens and length "
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
