"""Networks of images."""

from gan_ext.nets.images.conv import compact_discriminator, conv_discriminator, conv_generator
from gan_ext.nets.images.dcgan import dcgan_discriminator, dcgan_generator, unrolled_discriminator, unrolled_generator
from gan_ext.nets.images.plain import plain_conv_discriminator, plain_conv_generator
from gan_ext.nets.images.published import (
    benchmark_classifier,
    cnn13,
    salimans_discriminator,
    salimans_generator,
    wide_resnet,
)

__all__ = [
    "benchmark_classifier",
    "cnn13",
    "compact_discriminator",
    "conv_discriminator",
    "conv_generator",
    "dcgan_discriminator",
    "dcgan_generator",
    "plain_conv_discriminator",
    "plain_conv_generator",
    "salimans_discriminator",
    "salimans_generator",
    "unrolled_discriminator",
    "unrolled_generator",
    "wide_resnet",
]
