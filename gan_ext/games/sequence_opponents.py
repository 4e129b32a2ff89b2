"""What the generator of a text game plays against: which networks, built how, who learns first, how verdicts are read.

A game of sequences names one of these in its class attribute ``opponent``; whoever fits the game asks that object for
the networks, so that a new game, with a new kind of opponent if it needs one, is one file.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets import CNNDiscriminator, LeakyGenerator, LSTMGenerator, RecurrentDiscriminator
from gan_ext.sequences import SequenceModel, SequenceSpec, judged, real_positions

__all__ = [
    "LeakyOpponent",
    "Make",
    "MediatorOpponent",
    "Opponent",
    "RankingOpponent",
    "ReadsFeatures",
    "SequenceOpponent",
    "TokenOpponent",
    "build_generator",
]

Make = Callable[..., nn.Module]
"""What builds a network from the number of tokens and keywords."""


@runtime_checkable
class ReadsFeatures(Protocol):
    """A generator that reads the features of the discriminator it plays against."""

    def leak_from(self, leak: Callable[[Tensor], Tensor]) -> None:
        """Take features from a function of tokens [B, T]."""
        ...


_CNN: Make = partial(CNNDiscriminator, widths=(1, 2, 3, 4, 5), filters=(64, 128, 128, 64, 64))
_TOKENWISE: Make = partial(RecurrentDiscriminator, hidden=128, per_step=True)


def build_generator(make: Make | None, spec: SequenceSpec, name: str = "generator") -> SequenceModel:
    """Build a model of sequences, an LSTM of 256 by default.

    Args:
        make: builds it from (vocabulary, length, start, end, pad, classes, start_is_a_token); None for the default.
        spec: sizes and special tokens.
        name: of the parameter that `make` is from.

    Raises:
        ValueError: what was made is no :class:`~gan_ext.sequences.SequenceModel` of these tokens and this length.
    """
    make = partial(LSTMGenerator, embedding=128, hidden=256, dropout=0.3) if make is None else make
    made = make(spec.vocabulary, spec.length, start_is_a_token=False, **spec.tokens(), classes=spec.classes)
    return _checked(made, spec, name)


def _checked(made: nn.Module, spec: SequenceSpec, name: str) -> SequenceModel:
    if not isinstance(made, SequenceModel) or (made.vocabulary, made.length) != (spec.vocabulary, spec.length):
        raise ValueError(
            f"{name} made {type(made).__name__}; it must make a SequenceModel of {spec.vocabulary} tokens and length "
            f"{spec.length}, from (vocabulary, length, start, end, pad, classes, start_is_a_token)."
        )
    return made


class Opponent(ABC):
    """What a generator of sequences plays against; a value, without networks of its own."""

    learns_first: ClassVar[bool] = False
    """Whether it is trained before the generator's maximum likelihood, because the generator reads its features."""

    judges: ClassVar[bool] = True
    """Whether :meth:`log_odds` has an answer."""

    @abstractmethod
    def build(self, make: Make | None, spec: SequenceSpec) -> nn.Module:
        """Build the opponent by a user's `make`, or the default one if that is None.

        Raises:
            ValueError: it makes no such network.
        """

    def build_generator(self, make: Make | None, spec: SequenceSpec, opponent: nn.Module) -> SequenceModel:
        """Build the generator that plays against `opponent`."""
        return build_generator(make, spec)

    def is_like(self, other: "Opponent | None") -> bool:
        """Return whether another object, such as a copy, builds and reads the same kind of opponent."""
        return other is not None and type(other) is type(self) and repr(vars(other)) == repr(vars(self))

    def log_odds(self, opponent: nn.Module, tokens: Tensor, labels: Tensor | None, end: int | None) -> Tensor:
        """Return the log-odds [B] that sequences [B, T] are real: the logit, or the mean of several."""
        logits = judged(opponent, tokens, labels).double()
        return logits.flatten(1).mean(1) if logits.dim() > 1 else logits


@checked
@dataclass(frozen=True)
class SequenceOpponent(Opponent):
    """A discriminator of whole sequences: one logit each, or several.

    Args:
        default: builds it from the number of tokens and those of ``length, start, end, pad, classes`` that it takes.
    """

    default: Make = field(default_factory=lambda: _CNN)

    def build(self, make: Make | None, spec: SequenceSpec) -> nn.Module:
        make = self.default if make is None else make
        given = {"length": spec.length, **spec.tokens(), **self._classes(spec)}
        taken = inspect.signature(make).parameters
        if given.get("classes") and "classes" not in taken:
            raise ValueError(
                "discriminator takes no `classes`, but there are labels; give it that argument or leave out y."
            )
        made = make(spec.vocabulary, **{name: value for name, value in given.items() if name in taken})
        if not isinstance(made, nn.Module):
            raise ValueError(f"discriminator made {type(made).__name__}; it must make a torch.nn.Module.")
        return made

    def _classes(self, spec: SequenceSpec) -> dict[str, int]:
        return {"classes": spec.classes}


@checked
@dataclass(frozen=True)
class TokenOpponent(SequenceOpponent):
    """A discriminator that judges every prefix: one logit for each token."""

    default: Make = field(default_factory=lambda: _TOKENWISE)

    def log_odds(self, opponent: nn.Module, tokens: Tensor, labels: Tensor | None, end: int | None) -> Tensor:
        """Return the mean logit [B] of real tokens."""
        real = real_positions(tokens, end)
        return (judged(opponent, tokens, labels).double() * real).sum(1) / real.sum(1)


@checked
@dataclass(frozen=True)
class RankingOpponent(SequenceOpponent):
    """A network whose features of sentences are compared; it judges no single one, and sees no classes."""

    judges: ClassVar[bool] = False

    def _classes(self, spec: SequenceSpec) -> dict[str, int]:
        return {}


@checked
@dataclass(frozen=True)
class LeakyOpponent(SequenceOpponent):
    """A discriminator whose ``features`` the generator reads, so that it learns first."""

    learns_first: ClassVar[bool] = True

    def build(self, make: Make | None, spec: SequenceSpec) -> nn.Module:
        if spec.classes:
            raise ValueError(
                "objective has no class-conditional form, for its generator reads what the discriminator sees; leave "
                "out y or choose another objective."
            )
        return super().build(make, spec)

    def build_generator(self, make: Make | None, spec: SequenceSpec, opponent: Any) -> SequenceModel:
        """Build the generator from (vocabulary, length, features, their size, start, end, pad, start_is_a_token)."""
        with torch.no_grad():
            size = opponent.features(torch.full((1, spec.length), spec.pad)).shape[-1]
        make = partial(LeakyGenerator, embedding=64, hidden=128) if make is None else make
        made = make(spec.vocabulary, spec.length, opponent.features, size, start_is_a_token=False, **spec.tokens())
        return _checked(made, spec, "generator")


@checked
@dataclass(frozen=True)
class MediatorOpponent(Opponent):
    """Another model of the same sequences."""

    judges: ClassVar[bool] = False

    def build(self, make: Make | None, spec: SequenceSpec) -> nn.Module:
        return build_generator(make, spec, "discriminator")
