"""Sentences as the counting metrics read them: lists of tokens without pads."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from torch import Tensor

from gan_ext.sequences import real_positions

__all__ = ["Sentence", "check_order", "check_sentences", "token_lists"]

Sentence = Sequence[Hashable]


def token_lists(tokens: Tensor, end: int | None = None) -> list[list[int]]:
    """Turn token numbers [B, T] into lists without the closing token and the pads after it.

    Args:
        tokens: token numbers [B, T].
        end: the token that closes a sequence; None if all T tokens count.

    Raises:
        ValueError: tokens that are not [B, T].
    """
    if tokens.dim() != 2:
        raise ValueError(f"tokens must have shape [sequences, tokens], got {tuple(tokens.shape)}.")
    kept = real_positions(tokens, end)
    if end is not None:
        kept = kept & (tokens != end)
    return [row[:n] for row, n in zip(tokens.tolist(), kept.sum(1).tolist(), strict=True)]


def check_sentences(name: str, sentences: Iterable[Sentence], least: int = 1) -> list[Sentence]:
    """Return the sentences as a list; raise ValueError for tensors, for strings, or for fewer than `least` of them."""
    if isinstance(sentences, str):
        raise ValueError(f"{name} is one string, {sentences[:30]!r}: give a list of lists of tokens.")
    found = list(sentences)
    if isinstance(sentences, np.ndarray) or any(isinstance(each, Tensor) for each in found):
        raise ValueError(
            f"{name} is or holds an array, in which pads would count as words: give lists of tokens, for example "
            f"gan_ext.metrics.sequences.token_lists(tokens, end)."
        )
    text = next((sentence for sentence in found if isinstance(sentence, str)), None)
    if text is not None:
        raise ValueError(
            f"{name} holds the string {text[:30]!r} where a list of tokens must be: split it into words "
            f"(text.split()) or into characters (list(text))."
        )
    if len(found) < least:
        raise ValueError(f"{name} holds {len(found)} sequences; at least {least} are needed.")
    return found


def check_order(n: int) -> None:
    """Raise ValueError unless `n` is the order of an n-gram."""
    if n < 1:
        raise ValueError(f"n={n} must be at least 1: an n-gram has n tokens.")
