"""Networks of sequences: generators, discriminators, classifiers of prefixes."""

from gan_ext.nets.sequences.discriminators import (
    LEAKGAN_SIZES,
    SEQGAN_SIZES,
    TEXYGEN_SIZES,
    CNNDiscriminator,
    MultiRepresentationDiscriminator,
    SequenceDiscriminator,
)
from gan_ext.nets.sequences.leaky import LeakyGenerator
from gan_ext.nets.sequences.oracle import oracle_generator, published_oracle
from gan_ext.nets.sequences.prefix_classifier import PrefixClassifier
from gan_ext.nets.sequences.readers import RecurrentDiscriminator, TransformerDiscriminator
from gan_ext.nets.sequences.recurrent import LSTMGenerator, RelationalMemoryGenerator
from gan_ext.nets.sequences.transformer import TransformerBlock, TransformerGenerator
from gan_ext.nets.sequences.windows import Highway, max_over_windows

__all__ = [
    "LEAKGAN_SIZES",
    "SEQGAN_SIZES",
    "TEXYGEN_SIZES",
    "CNNDiscriminator",
    "Highway",
    "LSTMGenerator",
    "LeakyGenerator",
    "MultiRepresentationDiscriminator",
    "PrefixClassifier",
    "RecurrentDiscriminator",
    "RelationalMemoryGenerator",
    "SequenceDiscriminator",
    "TransformerBlock",
    "TransformerDiscriminator",
    "TransformerGenerator",
    "max_over_windows",
    "oracle_generator",
    "published_oracle",
]
