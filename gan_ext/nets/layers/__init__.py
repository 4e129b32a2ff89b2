"""Layers: linear, weight-normalized, spectrally normalized, Fourier features, observations."""

from gan_ext.nets.layers.fourier import FourierFeatures
from gan_ext.nets.layers.linear import (
    Classifier,
    GaussianNoise,
    Linear,
    WeightNormLinear,
    data_dependent_init,
)
from gan_ext.nets.layers.observations import (
    BernoulliObservation,
    FlipNoise,
    GaussianObservation,
    MixtureObservation,
    ShiftNoise,
)
from gan_ext.nets.layers.stabilized import MinibatchDiscrimination, MinibatchStandardDeviation, spectral_normalized
from gan_ext.nets.layers.weight_norm import WeightNormConv2d, WeightNormConvTranspose2d

__all__ = [
    "BernoulliObservation",
    "Classifier",
    "FlipNoise",
    "FourierFeatures",
    "GaussianNoise",
    "GaussianObservation",
    "Linear",
    "MinibatchDiscrimination",
    "MinibatchStandardDeviation",
    "MixtureObservation",
    "ShiftNoise",
    "WeightNormConv2d",
    "WeightNormConvTranspose2d",
    "WeightNormLinear",
    "data_dependent_init",
    "spectral_normalized",
]
