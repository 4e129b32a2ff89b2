"""Networks: plain modules from tensors to outputs.  They know no loss."""

from gan_ext.nets.conditional import (
    ClassifyingDiscriminator,
    ClassJudgement,
    ConcatenatedGenerator,
    ConcatenationDiscriminator,
    ConditionalBatchNorm,
    ConditionalSequential,
    ProjectionDiscriminator,
    conv_conditional_generator,
    fix_spectral_norms,
    mlp_conditional_generator,
)
from gan_ext.nets.conv import conv_discriminator, conv_generator
from gan_ext.nets.informed import (
    InfoDiscriminator,
    Read,
    conv_info_discriminator,
    conv_trunk,
    mlp_info_discriminator,
    mlp_trunk,
)
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
from gan_ext.nets.strided import strided_generator, strided_info_discriminator, strided_net
from gan_ext.nets.transformer import TransformerBlock, TransformerGenerator
from gan_ext.nets.windows import Highway, max_over_windows

__all__ = [
    "LEAKGAN_SIZES",
    "SEQGAN_SIZES",
    "TEXYGEN_SIZES",
    "CNNDiscriminator",
    "ClassJudgement",
    "Classifier",
    "ClassifyingDiscriminator",
    "ConcatenatedGenerator",
    "ConcatenationDiscriminator",
    "ConditionalBatchNorm",
    "ConditionalSequential",
    "GaussianNoise",
    "Highway",
    "InfoDiscriminator",
    "LSTMGenerator",
    "LeakyGenerator",
    "Linear",
    "MultiRepresentationDiscriminator",
    "ProjectionDiscriminator",
    "Read",
    "RecurrentDiscriminator",
    "RelationalMemoryGenerator",
    "SequenceDiscriminator",
    "TransformerBlock",
    "TransformerDiscriminator",
    "TransformerGenerator",
    "WeightNormLinear",
    "conv_conditional_generator",
    "conv_discriminator",
    "conv_generator",
    "conv_info_discriminator",
    "conv_trunk",
    "data_dependent_init",
    "fix_spectral_norms",
    "linear_backend",
    "max_over_windows",
    "mlp_conditional_generator",
    "mlp_discriminator",
    "mlp_generator",
    "mlp_info_discriminator",
    "mlp_trunk",
    "oracle_generator",
    "published_oracle",
    "strided_generator",
    "strided_info_discriminator",
    "strided_net",
]
