"""Sequences of integers (events, notes, numbers of tokens): in and out as they are, texts in between."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["IntegerTokenizer", "as_texts", "is_integer_row"]


class IntegerTokenizer:
    """Rows of integers, each a token; the way back is exact, but for ``<unk>`` of data that were rare or new: -1."""

    def tokenize(self, text: Any) -> list[str]:
        return [str(int(number)) for number in text]

    def detokenize(self, tokens: list[str]) -> Any:
        return [int(token) if token.removeprefix("-").isdigit() else -1 for token in tokens]

    def config(self) -> dict[str, Any]:
        return {"name": "integers"}


def is_integer_row(item: Any) -> bool:
    """Return whether a sequence is one of integers: a list, a row of an array, or a tensor."""
    if isinstance(item, Tensor):
        return item.dim() == 1 and not item.is_floating_point() and not item.is_complex()
    if isinstance(item, np.ndarray):
        return item.ndim == 1 and item.dtype.kind in "iu"
    return isinstance(item, list) and bool(item) and all(map(_is_integer, item))


def as_texts(items: Sequence[Any]) -> list[list[str]]:
    """Return rows of integers as lists of tokens.

    Raises:
        TypeError: one is no row of integers (with its place).
    """
    wrong = next((i for i, item in enumerate(items) if not is_integer_row(item) and not _is_empty(item)), None)
    if wrong is not None:
        raise TypeError(
            f"Item {wrong} is {items[wrong]!r}, {type(items[wrong]).__name__}, and others are rows of integers; all "
            "sequences must be alike."
        )
    tokenizer = IntegerTokenizer()
    return [tokenizer.tokenize(item.tolist() if isinstance(item, Tensor | np.ndarray) else item) for item in items]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_empty(item: Any) -> bool:
    return isinstance(item, list) and not item
