"""Tokens and their numbers, under the names of ``torchtext.vocab.Vocab`` (0.9 to 0.18); needs Python alone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from gan_ext.checks import checked

__all__ = ["SPECIALS", "Vocab", "as_vocab", "build_vocab_from_iterator", "vocab"]

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""Tokens of a text vocabulary that are no text: filling, an unknown token, the start and the end of a sequence."""


class _Numbers(dict[str, int]):
    """Token -> number; a token that is not there has the number `default`, or raises."""

    default: int | None = None

    def __missing__(self, token: object) -> int:
        if not isinstance(token, str):
            raise TypeError(f"A token must be a string, got {token!r}, {type(token).__name__}.")
        if self.default is None:
            raise RuntimeError(
                f"Token {token!r} is not in the vocabulary of {len(self)} tokens and there is no default index; "
                f"set_default_index gives unknown tokens a number."
            )
        return self.default


@checked
class Vocab:
    """Tokens numbered 0, 1, ..., with the interface of torchtext's class of this name.

    Reference: torchtext 0.18, ``torchtext.vocab.Vocab``, https://docs.pytorch.org/text/stable/vocab.html

    Args:
        tokens: all different; their order gives their numbers.
        default_index: number of every token that is not there; None makes such a token an error.

    Raises:
        RuntimeError: (as torchtext) a token occurs twice, is not there, or a number is out of range.
        TypeError: a token is not a string.
    """

    _own_errors = True  # a RuntimeError for a token that occurs twice, as in torchtext

    def __init__(self, tokens: Iterable[str] = (), default_index: int | None = None) -> None:
        tokens = list(tokens)
        if wrong := [token for token in tokens if not isinstance(token, str)]:
            raise ValueError(f"tokens must be strings, got {wrong[0]!r}, {type(wrong[0]).__name__}.")
        self._tokens: list[str] = []
        self._numbers = _Numbers()
        self._numbers.default = default_index
        for token in tokens:
            self.append_token(token)

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __getitem__(self, token: str) -> int:
        return self._numbers[token]

    def __call__(self, tokens: Sequence[str]) -> list[int]:
        """Return the numbers of tokens."""
        return self.lookup_indices(tokens)

    def __repr__(self) -> str:
        first = ", ".join(map(repr, self._tokens[:6])) + (", ..." if len(self) > 6 else "")
        return f"Vocab of {len(self)} tokens: {first}"

    def forward(self, tokens: Sequence[str]) -> list[int]:
        """Return the numbers of tokens."""
        return self.lookup_indices(tokens)

    def get_default_index(self) -> int | None:
        """Return the number of unknown tokens, None if they are an error."""
        return self._numbers.default

    def set_default_index(self, index: int | None) -> None:
        """Give unknown tokens a number (any, as in torchtext), or make them an error with None."""
        self._numbers.default = index

    def append_token(self, token: str) -> None:
        """Add a token behind all others."""
        self.insert_token(token, len(self._tokens))

    def insert_token(self, token: str, index: int) -> None:
        """Add a token under a number; those from that number on move up by one, the default index does not."""
        if not isinstance(token, str):
            raise TypeError(f"A token must be a string, token {index} is {token!r}, {type(token).__name__}.")
        if token in self._numbers:
            raise RuntimeError(
                f"Token {token!r} occurs twice in the vocabulary, as number {self._numbers[token]} and {index}; "
                f"tokens must differ."
            )
        if not 0 <= index <= len(self._tokens):
            raise RuntimeError(f"index={index} is out of range: a token can be inserted at 0 to {len(self._tokens)}.")
        self._tokens.insert(index, token)
        for number in range(index, len(self._tokens)):
            self._numbers[self._tokens[number]] = number

    def lookup_token(self, index: int) -> str:
        """Return the token with a number."""
        return self.lookup_tokens([index])[0]

    def lookup_tokens(self, indices: Sequence[int]) -> list[str]:
        """Return the tokens with these numbers."""
        wrong = next((index for index in indices if not 0 <= index < len(self._tokens)), None)
        if wrong is not None:
            raise RuntimeError(
                f"Number {wrong} is out of range: the vocabulary has {len(self._tokens)} tokens, from 0."
            )
        return [self._tokens[index] for index in indices]

    def lookup_indices(self, tokens: Sequence[str]) -> list[int]:
        """Return the numbers of tokens."""
        return list(map(self._numbers.__getitem__, tokens))

    def get_stoi(self) -> dict[str, int]:
        """Return a copy of the dictionary from tokens to numbers."""
        return dict(self._numbers)

    def get_itos(self) -> list[str]:
        """Return a copy of the list of tokens."""
        return list(self._tokens)

    def to_json(self) -> dict[str, Any]:
        """Return everything in types that JSON has."""
        return {"tokens": self.get_itos(), "default_index": self.get_default_index()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Vocab":
        """Return the vocabulary that :meth:`to_json` described."""
        return cls(content["tokens"], content["default_index"])


def vocab(
    ordered_dict: Mapping[str, int],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
) -> Vocab:
    """Make a vocabulary from tokens and their frequencies, in the order in which they come.

    Args:
        ordered_dict: token -> frequency.
        min_freq: rarer tokens are left out.
        specials: tokens that are in anyway, and not by frequency.
        special_first: whether they come before the others or behind.

    Raises:
        RuntimeError: a special token occurs twice.
    """
    special = list(specials or ())
    tokens = [token for token, number in ordered_dict.items() if number >= min_freq and token not in special]
    return Vocab(special + tokens if special_first else tokens + special)


def build_vocab_from_iterator(
    iterator: Iterable[Iterable[str]],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
    max_tokens: int | None = None,
) -> Vocab:
    """Make a vocabulary from sequences of tokens: frequent tokens first, equally frequent ones in alphabetical order.

    Args:
        iterator: sequences of tokens.
        min_freq: rarer tokens are left out.
        specials: tokens that are in anyway, and not by frequency.
        special_first: whether they come before the others or behind.
        max_tokens: largest number of tokens, special ones included; None for any. As in torchtext, a special token
            that occurs in the sequences takes one of these places without filling it.

    Raises:
        ValueError: max_tokens leaves no place beside the special tokens.
        RuntimeError: a special token occurs twice.
    """
    room = None if max_tokens is None else max_tokens - len(specials or ())
    if room is not None and room < 1:
        raise ValueError(f"max_tokens={max_tokens} leaves no place beside the {len(specials or ())} special tokens.")
    counter: Counter[str] = Counter()
    for tokens in iterator:
        counter.update(tokens)
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return vocab(dict(islice(ordered, room)), min_freq, specials, special_first)


def as_vocab(source: Any) -> Vocab:
    """Return any vocabulary as a :class:`Vocab`; numbers stay what they are.

    Args:
        source: a :class:`Vocab` (returned itself), a torchtext vocabulary with methods (0.10 to 0.18; keeps its default
            index), an older one with ``itos`` and ``stoi``, a list of tokens, or a dictionary from tokens to numbers;
            the last three have ``<unk>`` as default index if they hold it.

    Raises:
        TypeError: it is none of these.
        ValueError: the numbers of a dictionary are not 0, 1, ..., each once.
        RuntimeError: a token occurs twice.
    """
    if isinstance(source, Vocab):
        return source
    if callable(getattr(source, "get_itos", None)) and callable(getattr(source, "get_default_index", None)):
        return Vocab(source.get_itos(), source.get_default_index())
    # The old `stoi` is no reverse of `itos`: looking up an unknown token adds it there.
    made = Vocab(_tokens_in_order(getattr(source, "itos", source)))
    made.set_default_index(made.get_stoi().get("<unk>"))
    return made


def _tokens_in_order(source: Any) -> Sequence[str]:
    if isinstance(source, Mapping):
        by_number = {number: token for token, number in source.items()}
        if by_number.keys() != set(range(len(source))):
            raise ValueError(
                "A dictionary is a vocabulary if its values are the numbers 0, 1, ..., each once; for frequencies use "
                "gan_ext.data.vocab."
            )
        return [by_number[number] for number in range(len(source))]
    if isinstance(source, list | tuple):
        return source
    raise TypeError(
        f"A vocabulary is a Vocab, one of torchtext's, a list of tokens, or a dictionary from tokens to numbers; got "
        f"{type(source).__name__}."
    )
