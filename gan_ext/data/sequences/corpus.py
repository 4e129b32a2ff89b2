"""A corpus: strings or lists of tokens in, a padded tensor with its vocabulary out, and the way back."""

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import DataLoader

from gan_ext.checks import checked
from gan_ext.data.sequences.encoding import (
    LabeledTokens,
    OnLong,
    TokenBatch,
    check_tokens,
    decode,
    encode,
    warn_of_long,
)
from gan_ext.data.sequences.integers import IntegerTokenizer, as_texts, is_integer_row
from gan_ext.data.sequences.tokenization import BPETokenizer, Tokenizer, get_tokenizer
from gan_ext.data.sequences.torchtext_dataset import torchtext_dataset
from gan_ext.data.sequences.vocabulary import SPECIALS, Vocab, as_vocab, build_vocab_from_iterator
from gan_ext.sequences import SequenceSpec

__all__ = ["Corpus"]

PAD, UNK, BOS, EOS = SPECIALS


@checked
@dataclass(frozen=True, eq=False)
class Corpus:
    """Sequences as numbers, with what is needed to go back: ``Corpus.build(lines)``.

    Attributes:
        tokens: token numbers [n, T], int64.
        vocabulary: the tokens, special ones included.
        tokenizer: splits texts; None for a corpus of token lists.
        labels: class numbers [n], int64, of a corpus of (label, text) pairs; else None.
        classes: what these classes are, sorted.
    """

    tokens: Tensor
    vocabulary: Vocab
    tokenizer: Tokenizer | None = None
    labels: Tensor | None = None
    classes: tuple[Any, ...] = ()

    @classmethod
    def build(
        cls,
        X: Any,
        tokenizer: Any = "word",
        vocabulary: Any = None,
        max_tokens: int | None = None,
        min_freq: int = 1,
        max_length: int | None = None,
        on_long: OnLong = "truncate",
    ) -> "Corpus":
        """Tokenize, number and pad a corpus.

        Args:
            X: strings; or lists of tokens; or rows of integers (lists, an array, tensors); or pairs (label, text) or
                (label, list of tokens), as the iterators of torchtext 0.9 to 0.18 give; or a dataset of torchtext 0.6.
                Read once, so that an iterator will do.
            tokenizer: see :func:`~gan_ext.data.get_tokenizer`; not used for lists of tokens.
            vocabulary: anything :func:`~gan_ext.data.as_vocab` takes; special tokens that it lacks are appended to a
                copy, and unknown tokens become ``<unk>`` unless it has a default index. None counts the tokens of `X`;
                a torchtext 0.6 dataset brings its own if it has one.
            max_tokens: largest number of tokens of the vocabulary, special ones included; the frequent ones are kept.
            min_freq: tokens that are rarer become ``<unk>``.
            max_length: most tokens of a sequence, and columns of the table; give room for longer ones to come. None
                takes the longest sequence and one column for ``<eos>``.
            on_long: what to do with longer ones, ``"truncate"`` or ``"error"``; see :func:`encode`.

        Raises:
            ValueError: the corpus is empty; the vocabulary is larger than max_tokens; a sequence is too long; see
                :func:`encode` and :func:`~gan_ext.data.get_tokenizer`.
            TypeError: something is neither a string nor a list of strings (with its place).
        """
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length={max_length} must be at least 1, or None for the longest sequence.")
        if hasattr(X, "examples") and hasattr(X, "fields"):
            X, own = torchtext_dataset(X)
            vocabulary = own if vocabulary is None else vocabulary
        items, labels, classes = _labels(_items(X))
        used: Tokenizer | None = None
        if is_integer_row(items[0]):
            sequences, used = as_texts(items), IntegerTokenizer()
        else:
            _check_items(items)
            used = _trained(tokenizer, items, max_tokens) if isinstance(items[0], str) else None
            sequences = items if used is None else _tokenize(items, used)
        check_tokens(sequences)
        if vocabulary is None:
            vocabulary = _count(sequences, used, max_tokens, min_freq)
        complete = _with_specials(as_vocab(vocabulary), max_tokens)
        longest = max(map(len, sequences)) + 1
        if max_length is None:
            warn_of_long(sequences)
        length = longest if max_length is None else max_length
        return cls(encode(sequences, complete, length, True, on_long), complete, used, labels, classes)

    def rebuild(self, X: Any, on_long: OnLong = "truncate") -> "Corpus":
        """Return a corpus of other data with this one's vocabulary, tokenizer, columns and classes.

        Tokens that the vocabulary lacks become ``<unk>``.

        Args:
            X: see :meth:`build`.
            on_long: what to do with longer sequences, ``"truncate"`` or ``"error"``.

        Raises:
            ValueError: strings where this corpus has lists of tokens, or the reverse; labels where it has none, or
                none where it has some, or of classes that it lacks; and see :meth:`build`.
            TypeError: see :meth:`build`.
        """
        if hasattr(X, "examples") and hasattr(X, "fields"):
            X, _ = torchtext_dataset(X)
        items, labels, classes = _labels(_items(X))
        if isinstance(items[0], list) and self.are_strings:
            raise ValueError("This corpus was made of strings, and was given lists of tokens; give strings.")
        if bool(classes) != bool(self.classes):
            own = f"has the classes {list(self.classes)}" if self.classes else "has no classes"
            raise ValueError(f"This corpus {own}, and was given {'labels' if classes else 'no labels'}.")
        unknown = [each for each in classes if each not in self.classes]
        if unknown:
            raise ValueError(f"The label {unknown[0]!r} is none of this corpus's classes, {list(self.classes)}.")
        if labels is not None:
            labels = torch.tensor([self.classes.index(each) for each in classes])[labels]
        return replace(self, tokens=self.encode(items, on_long), labels=labels)

    @property
    def are_strings(self) -> bool:
        """Whether it was made of strings, so that :meth:`text` gives strings."""
        return self.tokenizer is not None and not self.are_integers

    @property
    def are_integers(self) -> bool:
        """Whether it was made of rows of integers, so that :meth:`text` gives lists of integers."""
        return isinstance(self.tokenizer, IntegerTokenizer)

    @property
    def length(self) -> int:
        """Columns T of `tokens`."""
        return self.tokens.shape[1]

    @property
    def pad(self) -> int:
        """Number of ``<pad>``."""
        return self.vocabulary[PAD]

    @property
    def start(self) -> int:
        """Number of ``<bos>``, the token before the first one."""
        return self.vocabulary[BOS]

    @property
    def end(self) -> int:
        """Number of ``<eos>``."""
        return self.vocabulary[EOS]

    @property
    def spec(self) -> SequenceSpec:
        """What networks of these sequences are built from."""
        return SequenceSpec(len(self.vocabulary), self.length, self.start, self.end, self.pad, len(self.classes))

    @property
    def data(self) -> TokenBatch | LabeledTokens:
        """All rows, as :class:`~gan_ext.data.ArrayStream` takes them."""
        return TokenBatch(self.tokens) if self.labels is None else LabeledTokens(self.tokens, self.labels)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, X: Any, on_long: OnLong = "truncate") -> Tensor:
        """Number other strings or lists of tokens like those of this corpus, [m, T].

        Raises:
            ValueError: there are none, or one is too long, or strings are given to a corpus of token lists.
            TypeError: something is neither a string nor a list of strings (with its place).
        """
        items = _items(X)
        if self.are_integers or is_integer_row(items[0]):
            if not self.are_integers:
                raise ValueError("This corpus was not made of integers, and was given rows of them.")
            return encode(as_texts(items), self.vocabulary, self.length, True, on_long)
        _check_items(items)
        if isinstance(items[0], str):
            if self.tokenizer is None:
                raise ValueError(
                    "This corpus was made of lists of tokens, so that it has no tokenizer; give such lists."
                )
            items = _tokenize(items, self.tokenizer)
        return encode(items, self.vocabulary, self.length, True, on_long)

    def text(self, tokens: Tensor | ArrayLike) -> list[str] | list[list[str]]:
        """Return the strings, lists of tokens or lists of integers of token numbers [m, T]; see :func:`decode`."""
        sequences = decode(tokens, self.vocabulary)
        return sequences if self.tokenizer is None else [self.tokenizer.detokenize(each) for each in sequences]


def _items(X: Any) -> list[Any]:
    if isinstance(X, DataLoader) and X.batch_sampler is not None:
        raise TypeError("A DataLoader gives batches, not sequences; pass its data set: loader.dataset.")
    if isinstance(X, Tensor | np.ndarray) and X.ndim == 2 and len(X) and is_integer_row(X[0]):
        return list(X)
    if isinstance(X, str | bytes | Mapping | os.PathLike | Tensor) or not isinstance(X, Iterable):
        advice = {
            str: "for one text write [text], for a file read_lines(path)",
            Tensor: "a tensor must be integers [n, T]",
        }
        remedy = next((words for kind, words in advice.items() if isinstance(X, kind)), "got something else")
        raise TypeError(
            f"A corpus is a list (or another iterable) of strings, of lists of tokens or of pairs (label, text), got "
            f"{type(X).__name__}; {remedy}."
        )
    items = list(X)
    if not items:
        raise ValueError("The corpus is empty; it needs at least one string or list of tokens.")
    return items


def _labels(items: list[Any]) -> tuple[list[Any], Tensor | None, tuple[Any, ...]]:
    """Take pairs (label, text) apart, if it is such a corpus."""
    if not isinstance(items[0], tuple):
        return items, None, ()
    wrong = next((i for i, item in enumerate(items) if not isinstance(item, tuple) or len(item) != 2), None)
    if wrong is not None:
        raise TypeError(
            f"Item {wrong} is {_shown(items[wrong])}; a tuple stands for a pair (label, text), and then all items "
            f"must be pairs. Lists of tokens must be lists."
        )
    labels = [label for label, _ in items]
    kinds = {str if isinstance(label, str) else int if isinstance(label, Integral) else type(label) for label in labels}
    if kinds not in ({int}, {str}):
        raise TypeError(f"Labels must be all integers or all strings, got {sorted(kind.__name__ for kind in kinds)}.")
    if -1 in labels or "-1" in labels:
        raise ValueError(
            f"{sum(label in (-1, '-1') for label in labels)} of {len(labels)} pairs have the label -1, which means 'no "
            "label'; every sequence needs a class here. Drop those pairs, or give that class another name."
        )
    classes = sorted(set(labels))
    numbers = {label: number for number, label in enumerate(classes)}
    return [text for _, text in items], torch.tensor([numbers[label] for label in labels]), tuple(classes)


def _check_items(items: list[Any]) -> None:
    kind = str if isinstance(items[0], str) else list
    wrong = next((i for i, item in enumerate(items) if not isinstance(item, kind)), None)
    if wrong is not None:
        others = "" if wrong == 0 else f" and item 0 is {_shown(items[0])}"
        raise TypeError(
            f"Item {wrong} is {_shown(items[wrong])}{others}; the items of a corpus are all strings or all lists of "
            f"tokens; pairs are (label, text)."
        )


def _shown(item: Any) -> str:
    text = repr(item)
    return f"{text if len(text) <= 40 else text[:37] + '...'}, {type(item).__name__}"


def _trained(tokenizer: Any, texts: list[str], max_tokens: int | None) -> Tokenizer:
    """Return the tokenizer, which has seen the texts if it must."""
    if tokenizer == "bpe" and max_tokens is not None:
        tokenizer = BPETokenizer(max(1, max_tokens - len(SPECIALS) + 1))  # <unk> is counted by both
    used = get_tokenizer(tokenizer)
    return copy.copy(used).fit(texts) if isinstance(used, BPETokenizer) and not used.trained else used


def _tokenize(texts: list[str], tokenizer: Tokenizer) -> list[list[str]]:
    sequences = [tokenizer.tokenize(text) for text in texts]
    wrong = next((i for i, tokens in enumerate(sequences) if not isinstance(tokens, list)), None)
    if wrong is not None:
        raise TypeError(
            f"The tokenizer made {_shown(sequences[wrong])} of item {wrong}; it must return a list of strings."
        )
    return sequences


def _count(sequences: Sequence[list[str]], tokenizer: Tokenizer | None, max_tokens: int | None, min_freq: int) -> Vocab:
    # Pieces that only occur within others here may stand alone in another text.
    pieces = [tokenizer.pieces()] if isinstance(tokenizer, BPETokenizer) and min_freq <= 1 else []
    return build_vocab_from_iterator([*sequences, *pieces], min_freq, SPECIALS, max_tokens=max_tokens)


def _with_specials(vocabulary: Vocab, max_tokens: int | None) -> Vocab:
    complete = Vocab(vocabulary.get_itos(), vocabulary.get_default_index())
    for token in SPECIALS:
        if token not in complete:
            complete.append_token(token)
    if complete.get_default_index() is None:
        complete.set_default_index(complete[UNK])
    if max_tokens is not None and len(complete) > max_tokens:
        raise ValueError(
            f"The vocabulary has {len(complete)} tokens, special ones included, more than max_tokens={max_tokens}; "
            f"raise that or give a smaller vocabulary."
        )
    return complete
