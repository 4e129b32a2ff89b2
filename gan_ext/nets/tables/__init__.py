"""Networks of tables and other vectors."""

from gan_ext.nets.tables.density import MADE, log_density_quantile
from gan_ext.nets.tables.mlp import mlp_discriminator, mlp_generator
from gan_ext.nets.tables.plain import (
    Maxout,
    ResidualBlock,
    fourier_nets,
    pacgan_discriminator,
    pacgan_generator,
    plain_discriminator,
    plain_generator,
    residual_discriminator,
    residual_generator,
)

__all__ = [
    "MADE",
    "Maxout",
    "ResidualBlock",
    "fourier_nets",
    "log_density_quantile",
    "mlp_discriminator",
    "mlp_generator",
    "pacgan_discriminator",
    "pacgan_generator",
    "plain_discriminator",
    "plain_generator",
    "residual_discriminator",
    "residual_generator",
]
