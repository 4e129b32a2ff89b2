"""Networks: plain modules from tensors to outputs.  They know no loss."""

from gan_ext.nets.conv import conv_discriminator, conv_generator
from gan_ext.nets.layers import Classifier, GaussianNoise, Linear, WeightNormLinear, data_dependent_init, linear_backend
from gan_ext.nets.mlp import mlp_discriminator, mlp_generator

__all__ = [
    "Classifier",
    "GaussianNoise",
    "Linear",
    "WeightNormLinear",
    "conv_discriminator",
    "conv_generator",
    "data_dependent_init",
    "linear_backend",
    "mlp_discriminator",
    "mlp_generator",
]
