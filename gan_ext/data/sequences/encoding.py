"""From lists of tokens to a padded tensor of token numbers, and back."""

import warnings
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gan_ext.data.sequences.vocabulary import SPECIALS, Vocab
from gan_ext.sequences import LabeledTokens, TokenBatch

__all__ = ["LabeledTokens", "OnLong", "TokenBatch", "check_tokens", "decode", "encode", "warn_of_long"]

PAD, UNK, BOS, EOS = SPECIALS
OnLong = Literal["truncate", "error"]
_MANY = 20  # sequences, of which one may be called an outlier


def encode(
    sequences: Sequence[list[str]],
    vocabulary: Vocab,
    length: int,
    end: bool = True,
    on_long: OnLong = "truncate",
) -> Tensor:
    """Number sequences of tokens, close each with ``<eos>`` and fill it up with ``<pad>``.

    A row holds `length` tokens. A sequence with fewer is followed by ``<eos>``; one with just as many fills its row,
    and a longer one is cut to it: these rows have no ``<eos>``, since no text ends where it was cut, and all their
    tokens count.

    Args:
        sequences: lists of tokens; an empty one becomes ``<eos>`` alone.
        vocabulary: numbers of the tokens. An unknown token gets the default index, or else the number of ``<unk>``.
        length: columns T of the result, >= 1.
        end: whether to append ``<eos>``.
        on_long: what is done with sequences of more than `length` tokens, ``"truncate"`` or ``"error"``.

    Returns:
        Token numbers [n, T], int64.

    Raises:
        ValueError: a sequence is too long; one holds ``<pad>``, ``<bos>`` or ``<eos>``, which would end it early; a
            token is unknown and has no number; a special token that is needed is not in the vocabulary.
        TypeError: a token is not a string.
    """
    _check_options(length, on_long, vocabulary)
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    long = np.flatnonzero(lengths > length)
    if len(long):
        if on_long == "error":
            raise ValueError(
                f"Sequence {long[0]} has {lengths[long[0]]} tokens, more than the {length} allowed "
                f'({len(long)} sequences have); allow more or cut them with on_long="truncate".'
            )
        sequences, lengths = [tokens[:length] for tokens in sequences], np.minimum(lengths, length)
    check_tokens(sequences)
    numbers = _numbers(sequences, vocabulary)
    _check_reserved(numbers, lengths, vocabulary)
    short = np.flatnonzero(lengths < length)
    table = np.full((len(sequences), length), _special(vocabulary, PAD) if len(short) else 0, np.int64)
    table[np.arange(length) < lengths[:, None]] = numbers
    if end and len(short):
        table[short, lengths[short]] = _special(vocabulary, EOS)
    return torch.from_numpy(table)


def _check_options(length: int, on_long: str, vocabulary: Vocab) -> None:
    default = vocabulary.get_default_index()
    if length < 1:
        raise ValueError(f"length={length} must be at least 1.")
    if default is not None and not 0 <= default < len(vocabulary):
        raise ValueError(
            f"The default index {default} is no number of the vocabulary, which has {len(vocabulary)} tokens."
        )
    if on_long not in ("truncate", "error"):
        raise ValueError(f'on_long={on_long!r} must be "truncate" or "error".')


def check_tokens(sequences: Iterable[list[str]]) -> None:
    """Raise TypeError unless all tokens are strings."""
    if all(issubclass(kind, str) for kind in set(map(type, chain.from_iterable(sequences)))):
        return
    row, column, token = next(
        (row, column, token)
        for row, tokens in enumerate(sequences)
        for column, token in enumerate(tokens)
        if not isinstance(token, str)
    )
    raise TypeError(
        f"Token {column} of sequence {row} is {token!r}, {type(token).__name__}; tokens must be strings, such as "
        f"{str(token)!r}."
    )


def warn_of_long(sequences: Sequence[list[str]]) -> None:
    """Warn if a few sequences are many times longer than nearly all: steps then cost as much as the longest."""
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    usual = max(1, int(np.quantile(lengths, 0.95, method="lower")))
    if len(lengths) >= _MANY and lengths.max() > max(50, 8 * usual):
        few = int((lengths > 2 * usual).sum())
        warnings.warn(
            f"Sequence {int(lengths.argmax())} has {lengths.max()} tokens, and 19 of 20 have at most {usual}: on a GPU "
            f"each step costs as much as {lengths.max() // usual}, elsewhere those with such a sequence do. Leave out "
            f"the {few} long ones, or cut them: max_length={2 * usual}.",
            stacklevel=4,
        )


def _numbers(sequences: Sequence[list[str]], vocabulary: Vocab) -> NDArray[np.int64]:
    if vocabulary.get_default_index() is None and UNK in vocabulary:
        vocabulary = Vocab(vocabulary.get_itos(), vocabulary[UNK])
    try:
        return np.array(vocabulary.lookup_indices(list(chain.from_iterable(sequences))), np.int64)
    except RuntimeError as error:
        row, token = next(
            (row, token) for row, tokens in enumerate(sequences) for token in tokens if token not in vocabulary
        )
        raise ValueError(
            f"Sequence {row} holds {token!r}, which the vocabulary of {len(vocabulary)} tokens lacks, and so it lacks "
            f"{UNK!r}; append that or call set_default_index."
        ) from error


def _check_reserved(numbers: NDArray[np.int64], lengths: NDArray[np.int64], vocabulary: Vocab) -> None:
    reserved = [vocabulary[token] for token in (PAD, BOS, EOS) if token in vocabulary]
    wrong = np.flatnonzero(np.isin(numbers, reserved))
    if len(wrong):
        row = int(np.searchsorted(lengths.cumsum(), wrong[0], side="right"))
        token = vocabulary.lookup_token(int(numbers[wrong[0]]))
        raise ValueError(f"Sequence {row} holds {token!r}, which is added where it belongs; leave it out of the text.")


def _special(vocabulary: Vocab, token: str) -> int:
    if token not in vocabulary:
        raise ValueError(
            f"The vocabulary of {len(vocabulary)} tokens lacks {token!r}; append_token({token!r}) adds it."
        )
    return vocabulary[token]


def decode(tokens: Tensor | ArrayLike, vocabulary: Vocab) -> list[list[str]]:
    """Return the tokens of each row up to the first ``<eos>``, without ``<pad>`` and ``<bos>``; ``<unk>`` stays.

    Args:
        tokens: token numbers [n, T].
        vocabulary: whose numbers they are.

    Raises:
        ValueError: they are not integers, have not two dimensions, or a number is out of range.
    """
    table = tokens.cpu().numpy() if isinstance(tokens, Tensor) else np.asarray(tokens)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise ValueError(f"tokens must be integers [n, T], got {table.dtype} {list(table.shape)}.")
    wrong = np.argwhere((table < 0) | (table >= len(vocabulary)))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"tokens[{row}, {column}] is {table[row, column]}; the vocabulary has the numbers 0 to "
            f"{len(vocabulary) - 1}."
        )
    known = vocabulary.get_itos()
    eos, *dropped = (vocabulary.get_stoi().get(token, -1) for token in (EOS, PAD, BOS))
    lines = (row[: row.index(eos)] if eos in row else row for row in table.tolist())
    return [[known[number] for number in line if number not in dropped] for line in lines]
