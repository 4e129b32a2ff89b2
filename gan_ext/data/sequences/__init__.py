"""Sequences: lines, tokenizers, vocabularies, corpora."""

from gan_ext.data.sequences.corpus import Corpus
from gan_ext.data.sequences.encoding import LabeledTokens, TokenBatch, decode, encode
from gan_ext.data.sequences.held_out import HeldOutTexts, hold_out_texts
from gan_ext.data.sequences.labeled_texts import LabeledText, read_labeled_texts, read_speeches
from gan_ext.data.sequences.lines import read_lines, read_text_split
from gan_ext.data.sequences.molecules import Molecules, molecule_chains, read_smiles
from gan_ext.data.sequences.oracle import read_oracle
from gan_ext.data.sequences.tokenization import (
    BPETokenizer,
    CharTokenizer,
    FunctionTokenizer,
    SmilesTokenizer,
    Tokenizer,
    WordTokenizer,
    get_tokenizer,
    tokenizer_config,
    tokenizer_from_config,
)
from gan_ext.data.sequences.vocabulary import SPECIALS, Vocab, as_vocab, build_vocab_from_iterator, vocab
from gan_ext.data.sequences.windows import TextWindows, text_windows

__all__ = [
    "SPECIALS",
    "BPETokenizer",
    "CharTokenizer",
    "Corpus",
    "FunctionTokenizer",
    "HeldOutTexts",
    "LabeledText",
    "LabeledTokens",
    "Molecules",
    "SmilesTokenizer",
    "TextWindows",
    "TokenBatch",
    "Tokenizer",
    "Vocab",
    "WordTokenizer",
    "as_vocab",
    "build_vocab_from_iterator",
    "decode",
    "encode",
    "get_tokenizer",
    "hold_out_texts",
    "molecule_chains",
    "read_labeled_texts",
    "read_lines",
    "read_oracle",
    "read_smiles",
    "read_speeches",
    "read_text_split",
    "text_windows",
    "tokenizer_config",
    "tokenizer_from_config",
    "vocab",
]
