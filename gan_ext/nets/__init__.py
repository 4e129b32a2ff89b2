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
from gan_ext.nets.conv import compact_discriminator, conv_discriminator, conv_generator
from gan_ext.nets.dcgan import dcgan_discriminator, dcgan_generator, unrolled_discriminator, unrolled_generator
from gan_ext.nets.density import MADE, log_density_quantile
from gan_ext.nets.encoders import Encoded, Encoder, conv_encoder, mlp_encoder
from gan_ext.nets.fourier import FourierFeatures
from gan_ext.nets.informed import (
    InfoDiscriminator,
    Read,
    conv_info_discriminator,
    conv_trunk,
    mlp_info_discriminator,
    mlp_trunk,
)
from gan_ext.nets.inversion import (
    Affine,
    CodeClassifier,
    conv_code_classifier,
    mlp_code_classifier,
    residual_denoiser,
    unit_tanh,
)
from gan_ext.nets.layers import Classifier, GaussianNoise, Linear, WeightNormLinear, data_dependent_init, linear_backend
from gan_ext.nets.leaky import LeakyGenerator
from gan_ext.nets.mlp import mlp_discriminator, mlp_generator
from gan_ext.nets.observations import (
    BernoulliObservation,
    FlipNoise,
    GaussianObservation,
    MixtureObservation,
    ShiftNoise,
)
from gan_ext.nets.oracle import oracle_generator, published_oracle
from gan_ext.nets.plain import (
    Maxout,
    ResidualBlock,
    pacgan_discriminator,
    pacgan_generator,
    plain_discriminator,
    plain_generator,
    residual_discriminator,
    residual_generator,
)
from gan_ext.nets.plain_images import plain_conv_discriminator, plain_conv_generator
from gan_ext.nets.policies import CategoricalPolicy, GaussianPolicy, Policy, SequencePolicy, plain_value
from gan_ext.nets.prefix_classifier import PrefixClassifier
from gan_ext.nets.published import cnn13, salimans_discriminator, salimans_generator, wide_resnet
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
from gan_ext.nets.stabilised import MinibatchDiscrimination, MinibatchStandardDeviation, spectral_normalised
from gan_ext.nets.strided import strided_generator, strided_info_discriminator, strided_net
from gan_ext.nets.transformer import TransformerBlock, TransformerGenerator
from gan_ext.nets.weight_norm import WeightNormConv2d, WeightNormConvTranspose2d
from gan_ext.nets.windows import Highway, max_over_windows

__all__ = [
    "LEAKGAN_SIZES",
    "MADE",
    "SEQGAN_SIZES",
    "TEXYGEN_SIZES",
    "Affine",
    "BernoulliObservation",
    "CNNDiscriminator",
    "CategoricalPolicy",
    "ClassJudgement",
    "Classifier",
    "ClassifyingDiscriminator",
    "CodeClassifier",
    "ConcatenatedGenerator",
    "ConcatenationDiscriminator",
    "ConditionalBatchNorm",
    "ConditionalSequential",
    "Encoded",
    "Encoder",
    "FlipNoise",
    "FourierFeatures",
    "GaussianNoise",
    "GaussianObservation",
    "GaussianPolicy",
    "Highway",
    "InfoDiscriminator",
    "LSTMGenerator",
    "LeakyGenerator",
    "Linear",
    "Maxout",
    "MinibatchDiscrimination",
    "MinibatchStandardDeviation",
    "MixtureObservation",
    "MultiRepresentationDiscriminator",
    "Policy",
    "PrefixClassifier",
    "ProjectionDiscriminator",
    "Read",
    "RecurrentDiscriminator",
    "RelationalMemoryGenerator",
    "ResidualBlock",
    "SequenceDiscriminator",
    "SequencePolicy",
    "ShiftNoise",
    "TransformerBlock",
    "TransformerDiscriminator",
    "TransformerGenerator",
    "WeightNormConv2d",
    "WeightNormConvTranspose2d",
    "WeightNormLinear",
    "cnn13",
    "compact_discriminator",
    "conv_code_classifier",
    "conv_conditional_generator",
    "conv_discriminator",
    "conv_encoder",
    "conv_generator",
    "conv_info_discriminator",
    "conv_trunk",
    "data_dependent_init",
    "dcgan_discriminator",
    "dcgan_generator",
    "fix_spectral_norms",
    "linear_backend",
    "log_density_quantile",
    "max_over_windows",
    "mlp_code_classifier",
    "mlp_conditional_generator",
    "mlp_discriminator",
    "mlp_encoder",
    "mlp_generator",
    "mlp_info_discriminator",
    "mlp_trunk",
    "oracle_generator",
    "pacgan_discriminator",
    "pacgan_generator",
    "plain_conv_discriminator",
    "plain_conv_generator",
    "plain_discriminator",
    "plain_generator",
    "plain_value",
    "published_oracle",
    "residual_denoiser",
    "residual_discriminator",
    "residual_generator",
    "salimans_discriminator",
    "salimans_generator",
    "spectral_normalised",
    "strided_generator",
    "strided_info_discriminator",
    "strided_net",
    "unit_tanh",
    "unrolled_discriminator",
    "unrolled_generator",
    "wide_resnet",
]
