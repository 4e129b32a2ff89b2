"""Networks: plain modules from tensors to outputs.  They know no loss."""

from gan_ext.nets.conv import conv_discriminator, conv_generator
from gan_ext.nets.informed import InfoDiscriminator, Read, conv_info_discriminator, mlp_info_discriminator
from gan_ext.nets.layers import Classifier, GaussianNoise, Linear, WeightNormLinear, data_dependent_init, linear_backend
from gan_ext.nets.leaky import LeakyGenerator
from gan_ext.nets.mlp import mlp_discriminator, mlp_generator
from gan_ext.nets.oracle import oracle_generator, published_oracle
from gan_ext.nets.recurrent import LSTMGenerator, RelationalMemoryGenerator
from gan_ext.nets.sequence_discriminators import (
    LEAKGAN_SIZES,
    SEQGAN_SIZES,
    TEXYGEN_SIZES,
    CNNDiscriminator,
    MultiRepresentationDiscriminator,
    SequenceDiscriminator,
)
from gan_ext.nets.sequence_readers import RecurrentDiscriminator, TransformerDiscriminator
from gan_ext.nets.transformer import TransformerBlock, TransformerGenerator
from gan_ext.nets.windows import Highway, max_over_windows

__all__ = [
    "LEAKGAN_SIZES",
    "SEQGAN_SIZES",
    "TEXYGEN_SIZES",
    "CNNDiscriminator",
    "Classifier",
    "GaussianNoise",
    "Highway",
    "InfoDiscriminator",
    "LSTMGenerator",
    "LeakyGenerator",
    "Linear",
    "MultiRepresentationDiscriminator",
    "Read",
    "RecurrentDiscriminator",
    "RelationalMemoryGenerator",
    "SequenceDiscriminator",
    "TransformerBlock",
    "TransformerDiscriminator",
    "TransformerGenerator",
    "WeightNormLinear",
    "conv_discriminator",
    "conv_generator",
    "conv_info_discriminator",
    "data_dependent_init",
    "linear_backend",
    "max_over_windows",
    "mlp_discriminator",
    "mlp_generator",
    "mlp_info_discriminator",
    "oracle_generator",
    "published_oracle",
]
