"""Networks that read codes or take classes: Q, encoders, class-conditional nets, inversion."""

from gan_ext.nets.codes.conditional import (
    ClassifyingDiscriminator,
    ClassJudgment,
    ConcatenatedGenerator,
    ConcatenationDiscriminator,
    ConditionalBatchNorm,
    ConditionalSequential,
    ProjectionDiscriminator,
    conv_conditional_generator,
    fix_spectral_norms,
    mlp_conditional_generator,
    projection_pair,
)
from gan_ext.nets.codes.encoders import Encoded, Encoder, conv_encoder, mlp_encoder
from gan_ext.nets.codes.informed import (
    InfoDiscriminator,
    Read,
    conv_info_discriminator,
    conv_trunk,
    mlp_info_discriminator,
    mlp_trunk,
)
from gan_ext.nets.codes.inversion import (
    Affine,
    CodeClassifier,
    conv_code_classifier,
    mlp_code_classifier,
    residual_denoiser,
    unit_image_nets,
    unit_tanh,
)
from gan_ext.nets.codes.strided import (
    strided_channels,
    strided_generator,
    strided_info_discriminator,
    strided_net,
)

__all__ = [
    "Affine",
    "ClassJudgment",
    "ClassifyingDiscriminator",
    "CodeClassifier",
    "ConcatenatedGenerator",
    "ConcatenationDiscriminator",
    "ConditionalBatchNorm",
    "ConditionalSequential",
    "Encoded",
    "Encoder",
    "InfoDiscriminator",
    "ProjectionDiscriminator",
    "Read",
    "conv_code_classifier",
    "conv_conditional_generator",
    "conv_encoder",
    "conv_info_discriminator",
    "conv_trunk",
    "fix_spectral_norms",
    "mlp_code_classifier",
    "mlp_conditional_generator",
    "mlp_encoder",
    "mlp_info_discriminator",
    "mlp_trunk",
    "projection_pair",
    "residual_denoiser",
    "strided_channels",
    "strided_generator",
    "strided_info_discriminator",
    "strided_net",
    "unit_image_nets",
    "unit_tanh",
]
