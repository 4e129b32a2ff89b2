"""Tokenizers: from a text to a list of tokens and back."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from gan_ext.checks import checked
from gan_ext.data.sequences.integers import IntegerTokenizer

__all__ = [
    "TOKENIZERS",
    "BPETokenizer",
    "CharTokenizer",
    "FunctionTokenizer",
    "SmilesTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "get_tokenizer",
    "tokenizer_config",
    "tokenizer_from_config",
]


@runtime_checkable
class Tokenizer(Protocol):
    """What a tokenizer is: anything with these two methods."""

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens of a text."""

    def detokenize(self, tokens: list[str]) -> str:
        """Return the text of tokens."""


_CLITIC = r"'(?:s|m|d|ll|re|ve)|n't"
_OPENING_QUOTE = re.compile(r'(?<![^\s(\[{<])"')
_OPENING_APOSTROPHE = re.compile(r"(?<![\w'])'(?=\w)(?!(?:re|ve|ll|m|t|s|d|n)\b)", re.IGNORECASE)
_CLOSING = re.compile(rf"(?<=[^\s'])({_CLITIC}|')(?![\w'])", re.IGNORECASE)
_PLAIN = r"[^\s.,:;@#$%&?!*()\[\]{}<>«»“”\u2012-\u2015-]"
_WORD = re.compile(
    rf"""
    <unk>
    | (?<!\S)(?:[^\W\d_]\.)+(?=\s+\S)                        # u.s. within a text
    | (?:{_PLAIN}+ | -(?!-) | [,:](?=\d) | \.(?=[^\W_]))+    # 11:59, 3.50, multi-story
    | \.\.+ | --
    | \S
    """,
    re.VERBOSE,
)
_GLUE_LEFT = re.compile(rf" (?:(?<!\. )(?=\.+(?!\S))|(?=(?:[,:;?!%)\]}}»”]|''|{_CLITIC}|')(?!\S)))", re.IGNORECASE)
_GLUE_RIGHT = re.compile(r"(?<!\S)([(\[{$#«“]|``) ")


@checked
class WordTokenizer:
    r"""Words and punctuation marks, as NLTK's ``word_tokenize`` splits them.

    ``"a man's dog, it is 11:59."`` becomes ``a man 's dog , it is 11:59 .``; double quotes become two backticks or two
    apostrophes, as in the Penn Treebank. Differences: a full stop before a blank ends a sentence unless it follows
    single letters (``u.s.``), where NLTK asks a trained model; contractions without an apostrophe (``cannot``) stay
    whole. `detokenize` puts one blank between tokens, and none beside punctuation marks where English has none.

    Args:
        lower: make everything lower case first.
        punctuation: split punctuation off; without, tokens are what stands between blanks (for texts that are tokenized
            already, such as WikiText).
    """

    def __init__(self, lower: bool = False, punctuation: bool = True) -> None:
        self.lower, self.punctuation = lower, punctuation

    def tokenize(self, text: str) -> list[str]:
        text = text.lower() if self.lower else text
        if not self.punctuation:
            return text.split()
        if '"' in text:
            text = _OPENING_QUOTE.sub(" `` ", text).replace('"', " '' ")
        if "'" in text:
            text = _CLOSING.sub(r" \1 ", _OPENING_APOSTROPHE.sub("' ", text))
        return _WORD.findall(text)

    def detokenize(self, tokens: list[str]) -> str:
        text = " ".join(tokens)
        if not self.punctuation:
            return text
        text = _GLUE_RIGHT.sub(r"\1", _GLUE_LEFT.sub("", text))
        return text.replace("``", '"').replace("''", '"')

    def config(self) -> dict[str, Any]:
        return {"name": "word", "lower": self.lower, "punctuation": self.punctuation}


class CharTokenizer:
    """Characters (Unicode code points); the way back is exact."""

    def tokenize(self, text: str) -> list[str]:
        return list(text)

    def detokenize(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def config(self) -> dict[str, Any]:
        return {"name": "char"}


class SmilesTokenizer:
    """Symbols of a molecule's SMILES: atoms (``[nH]``, ``Cl``, ``c``), bonds, branches, ring closures (``%12``).

    Every character is in some token, so that the way back is exact for any text.

    Reference: SMILES, a Chemical Language and Information System (Weininger, 1988),
    https://doi.org/10.1021/ci00057a005
    """

    _SYMBOL = re.compile(r"\[[^\[\]]*\]|Br|Cl|%\d\d|%\(\d+\)|.", re.DOTALL)

    def tokenize(self, text: str) -> list[str]:
        return self._SYMBOL.findall(text)

    def detokenize(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def config(self) -> dict[str, Any]:
        return {"name": "smiles"}


@checked
class BPETokenizer:
    """Frequent pieces of words, found by merging bytes (byte-pair encoding); the way back is exact.

    It must see a corpus first (:meth:`fit`). Bytes that were not in it become ``<unk>``. Needs the package
    `tokenizers`.

    Reference: Neural Machine Translation of Rare Words with Subword Units (Sennrich et al., 2016),
    https://arxiv.org/abs/1508.07909

    Args:
        size: largest number of pieces, ``<unk>`` included.
        model: a trained tokenizer as `tokenizers` writes it in JSON; None for one to be trained.

    Raises:
        ImportError: the package `tokenizers` is missing.
        ValueError: used before it was trained.
    """

    def __init__(self, size: int = 4000, model: str | None = None) -> None:
        try:
            import tokenizers
        except ImportError as error:
            raise ImportError(
                'tokenizer="bpe" needs the package `tokenizers`: python -m pip install "gan_ext[bpe]" (or pass '
                "another tokenizer)."
            ) from error
        self.size = size
        try:
            self._tokenizer = None if model is None else tokenizers.Tokenizer.from_str(model)
        except Exception as error:  # what its parser says of text that is no model
            raise ValueError(f"model={model[:40]!r} is no trained tokenizer in JSON: {error}.") from None  # type: ignore[index]

    @property
    def trained(self) -> bool:
        """Whether it has seen a corpus."""
        return self._tokenizer is not None

    def fit(self, texts: Iterable[str]) -> "BPETokenizer":
        """Find the pieces of texts."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        fresh = Tokenizer(models.BPE(unk_token="<unk>"))
        fresh.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        fresh.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=self.size, special_tokens=["<unk>"], show_progress=False)
        fresh.train_from_iterator(texts, trainer)
        self._tokenizer = fresh
        return self

    def pieces(self) -> list[str]:
        """Return all pieces, ``<unk>`` excepted, in alphabetical order."""
        return sorted(self._ready().get_vocab().keys() - {"<unk>"})

    def tokenize(self, text: str) -> list[str]:
        tokens: list[str] = self._ready().encode(text).tokens
        return tokens

    def detokenize(self, tokens: list[str]) -> str:
        text: str = self._ready().decoder.decode(tokens)
        return text

    def config(self) -> dict[str, Any]:
        return {"name": "bpe", "size": self.size, "model": self._tokenizer and self._tokenizer.to_str()}

    def _ready(self) -> Any:
        if self._tokenizer is None:
            raise ValueError("A BPETokenizer must see a corpus before it is used: call fit(texts).")
        return self._tokenizer


@checked
class FunctionTokenizer:
    """A function from a text to tokens, such as torchtext's ``get_tokenizer("basic_english")``.

    `detokenize` is that of :class:`WordTokenizer`.

    Args:
        function: from a string to a list of strings.
    """

    def __init__(self, function: Callable[[str], list[str]]) -> None:
        self.function = function

    def tokenize(self, text: str) -> list[str]:
        return self.function(text)

    def detokenize(self, tokens: list[str]) -> str:
        return WordTokenizer().detokenize(tokens)


TOKENIZERS: dict[str, Callable[..., Tokenizer]] = {
    "word": WordTokenizer,
    "char": CharTokenizer,
    "smiles": SmilesTokenizer,
    "bpe": BPETokenizer,
}
"""Those that have a name: what `tokenizer` may be as a string, wherever there is such a parameter."""

_STORED = {**TOKENIZERS, "integers": IntegerTokenizer}  # what a description may name


def get_tokenizer(tokenizer: Any) -> Tokenizer:
    """Return the tokenizer of a name, or make one of an object.

    Args:
        tokenizer: ``"word"``, ``"char"``, ``"smiles"``, ``"bpe"``; an object with `tokenize` and `detokenize` (returned
            itself); or a function from a string to a list of strings.

    Raises:
        ValueError: it is none of these.
        ImportError: ``"bpe"`` without the package `tokenizers`.
    """
    if isinstance(tokenizer, str) and tokenizer in TOKENIZERS:
        return TOKENIZERS[tokenizer]()
    if isinstance(tokenizer, Tokenizer) and not isinstance(tokenizer, type):
        return tokenizer
    if callable(tokenizer) and not isinstance(tokenizer, type):
        return FunctionTokenizer(tokenizer)
    raise ValueError(
        f"tokenizer={tokenizer!r} must be one of {', '.join(map(repr, TOKENIZERS))}, an object with tokenize and "
        f"detokenize, or a function from a string to a list of strings."
    )


def tokenizer_config(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return what :func:`tokenizer_from_config` needs, in types that JSON has; of a foreign object only its name."""
    if type(tokenizer) in _STORED.values():
        config: dict[str, Any] = tokenizer.config()  # type: ignore[attr-defined]
        return config
    inner = tokenizer.function if isinstance(tokenizer, FunctionTokenizer) else type(tokenizer)
    return {"name": "object", "object": getattr(inner, "__qualname__", repr(inner))}


def tokenizer_from_config(config: Mapping[str, Any], tokenizer: Any = None) -> Tokenizer:
    """Return the tokenizer that :func:`tokenizer_config` described.

    Args:
        config: the description.
        tokenizer: the object itself, if it is none of this package; a given one is taken in any case.

    Raises:
        ValueError: the description is of a foreign object, which is not given.
    """
    if tokenizer is not None:
        return get_tokenizer(tokenizer)
    options = dict(config)
    name = options.pop("name", None)
    if name not in _STORED:
        raise ValueError(
            f"The tokenizer was an object of yours, {config.get('object')!r}, which is not stored; give it again as "
            f"tokenizer=."
        )
    return _STORED[name](**options)
