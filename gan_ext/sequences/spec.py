"""What networks of sequences are built from: sizes and special tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gan_ext.checks import checked

__all__ = ["SequenceSpec"]


@checked
@dataclass(frozen=True)
class SequenceSpec:
    """Sizes and special tokens of a corpus; what a network of its sequences is built from.

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T, closing token included.
        start: the token fed first.
        end: the token that closes a sequence.
        pad: the token that fills up closed sequences.
        classes: number of classes; 0 without.
    """

    vocabulary: int
    length: int
    start: int
    end: int
    pad: int
    classes: int = 0

    def options(self) -> dict[str, Any]:
        """Return the arguments of a generator's constructor: sizes and special tokens; the start is no token."""
        return {"vocabulary": self.vocabulary, "length": self.length, **self.tokens(), "start_is_a_token": False}

    def tokens(self) -> Mapping[str, int]:
        """Return start, end and pad by name."""
        return {"start": self.start, "end": self.end, "pad": self.pad}
