"""Data: streams of batches, labelled and unlabelled splits, readers of standard files, texts and their vocabulary."""

from gan_ext.data.augment import Cutout, RandomAffine, RandomElastic, RandomFlip, RandomShift
from gan_ext.data.cifar import read_cifar10
from gan_ext.data.colour import (
    AutoContrast,
    RandomChoice,
    RandomColour,
    RandomPosterize,
    RandomSharpness,
    RandomSolarize,
    strong_augmentation,
)
from gan_ext.data.corpus import Corpus
from gan_ext.data.differentiable import AdaptiveAugment, DiffAugment, InstanceNoise
from gan_ext.data.dsprites import StoredSprites, read_dsprites
from gan_ext.data.encoding import LabelledTokens, TokenBatch, decode, encode
from gan_ext.data.idx import DataError, ImageData, fetch_mnist, read_mnist
from gan_ext.data.lines import read_lines
from gan_ext.data.splits import SemiSupervisedSplit, semi_supervised_split
from gan_ext.data.sprites import FactorialImages, Sprites, SpriteStream
from gan_ext.data.stacked import StackedStream, stacked_labels
from gan_ext.data.streams import ArrayStream, SemiStream
from gan_ext.data.tokenization import (
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
from gan_ext.data.vocabulary import SPECIALS, Vocab, as_vocab, build_vocab_from_iterator, vocab
from gan_ext.data.whitening import ZCAWhitening

__all__ = [
    "SPECIALS",
    "AdaptiveAugment",
    "ArrayStream",
    "AutoContrast",
    "BPETokenizer",
    "CharTokenizer",
    "Corpus",
    "Cutout",
    "DataError",
    "DiffAugment",
    "FactorialImages",
    "FunctionTokenizer",
    "ImageData",
    "InstanceNoise",
    "LabelledTokens",
    "RandomAffine",
    "RandomChoice",
    "RandomColour",
    "RandomElastic",
    "RandomFlip",
    "RandomPosterize",
    "RandomSharpness",
    "RandomShift",
    "RandomSolarize",
    "SemiStream",
    "SemiSupervisedSplit",
    "SmilesTokenizer",
    "SpriteStream",
    "Sprites",
    "StackedStream",
    "StoredSprites",
    "TokenBatch",
    "Tokenizer",
    "Vocab",
    "WordTokenizer",
    "ZCAWhitening",
    "as_vocab",
    "build_vocab_from_iterator",
    "decode",
    "encode",
    "fetch_mnist",
    "get_tokenizer",
    "read_cifar10",
    "read_dsprites",
    "read_lines",
    "read_mnist",
    "semi_supervised_split",
    "stacked_labels",
    "strong_augmentation",
    "tokenizer_config",
    "tokenizer_from_config",
    "vocab",
]
