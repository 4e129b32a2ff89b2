"""What `fit` is given, as a corpus: in a new vocabulary, or in that of the last fit."""

import warnings
from collections.abc import Iterable, Sequence, Sized
from typing import Any, Literal, Protocol

import numpy as np
from torch import Tensor

from gan_ext.data import Corpus, encode
from gan_ext.estimators.base.labels import every_label
from gan_ext.estimators.base.parameters import Constraint

__all__ = ["VOCABULARY", "CorpusParameters", "read_corpus", "read_prefix"]

VOCABULARY = Constraint(
    "a vocabulary of torchtext, or an object like one",
    lambda value: not isinstance(value, type) and (hasattr(value, "get_itos") or hasattr(value, "itos")),
)
"""What a vocabulary may be that is no list and no mapping."""


class CorpusParameters(Protocol):
    """A :class:`~gan_ext.SequenceGAN`, by the parameters that say how its data become token numbers."""

    @property
    def tokenizer(self) -> Any: ...
    @property
    def vocabulary(self) -> Any: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def min_freq(self) -> int: ...
    @property
    def max_length(self) -> int | None: ...
    @property
    def on_long(self) -> Literal["truncate", "error"]: ...


def read_corpus(settings: CorpusParameters, X: Any, y: Any, before: Corpus | None) -> Corpus:
    """Return data as a corpus; warn of one that has nothing but empty sequences.

    Args:
        settings: how they become token numbers.
        X: see :meth:`gan_ext.data.Corpus.build`.
        y: a class for each sequence, or None.
        before: the corpus of the last fit, whose vocabulary, tokenizer, length and classes are taken; None for new
            ones.

    Raises:
        ValueError: no such data, or other than `before`.
    """
    data = X if y is None else _pairs(X, y)
    if before is None:
        corpus = Corpus.build(
            data, settings.tokenizer, settings.vocabulary, settings.max_tokens, settings.min_freq,
            settings.max_length, settings.on_long,
        )  # fmt: skip
        if bool((corpus.tokens[:, 0] == corpus.end).all()):
            warnings.warn(f"All {len(corpus.tokens)} sequences are empty: there is nothing to learn.", stacklevel=4)
        return corpus
    if settings.max_length not in (None, before.length):
        raise ValueError(
            f"max_length={settings.max_length}, but warm_start=True goes on from a generator of sequences of at most "
            f"{before.length} tokens."
        )
    try:
        return before.rebuild(data, settings.on_long)
    except ValueError as error:
        raise ValueError(f"warm_start=True needs data as in the last fit: {error}") from error


def read_prefix(corpus: Corpus, prefix: str | Sequence[Any], n: int) -> Tensor | None:
    """Return the first tokens [n, P] of n sequences; None if there are none.

    Args:
        corpus: of the model.
        prefix: a text, or a list of tokens, as `fit` was given.
        n: how many sequences begin with it.

    Raises:
        ValueError: a prefix of another kind, longer than the model's sequences, or with tokens that it does not know.
    """
    fits = isinstance(prefix, str) if corpus.are_strings else not np.isscalar(prefix) and isinstance(prefix, Sized)
    if isinstance(prefix, Sized) and not len(prefix):
        return None
    if not fits:
        wanted = "a string" if corpus.are_strings else "a list of tokens"
        raise ValueError(f"prefix={prefix!r} must be {wanted}, as the data were.")
    tokens = corpus.tokenizer.tokenize(prefix) if isinstance(prefix, str) and corpus.tokenizer else list(prefix)
    tokens = [str(token) for token in tokens] if corpus.are_integers else tokens
    if not tokens:
        return None
    if len(tokens) > corpus.length:
        raise ValueError(f"prefix has {len(tokens)} tokens, but sequences of this model have at most {corpus.length}.")
    numbers = encode([tokens], corpus.vocabulary, len(tokens), end=False)
    unknown = [token for token in tokens if token not in corpus.vocabulary]
    if unknown:
        raise ValueError(f"prefix has {unknown[0]!r}, which is not in the vocabulary of what fit was given.")
    return numbers.expand(n, -1)


def _pairs(X: Any, y: Any) -> Any:
    if isinstance(X, str) or not isinstance(X, Iterable):
        return X  # the corpus says what is wrong
    items, labels = list(X), every_label(y, remedy="give that class another name").tolist()
    if not isinstance(labels, list) or len(items) != len(labels):
        n = len(labels) if isinstance(labels, list) else 1
        raise ValueError(f"y has {n} labels for {len(items)} sequences; give one for each.")
    return list(zip(labels, items, strict=True))
