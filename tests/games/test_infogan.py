"""InfoGAN: soundness, who learns what, and the bound that is logged."""

import math

import pytest
import torch
from torch import Tensor, nn

from gan_ext.games import ClassBalance, ConditionalEntropy, InfoGAN, PseudoLabel, RealBatch, VirtualAdversarial
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.nets import mlp_generator, mlp_info_discriminator
from gan_ext.testing import check_game

BATCH = RealBatch(torch.rand(16, 6))


def codes(learn: bool = False) -> Product:
    return Product(kind=Categorical(3, learn=learn), tilt=Uniform(2, -1, 1))


def game(learn: bool = False, **options: object) -> InfoGAN:
    c = codes(learn)
    generator = mlp_generator((6,), 4 + c.dim, widths=(8,))
    return InfoGAN(generator, mlp_info_discriminator((6,), c.width, widths=(8,)), c, Gaussian(4), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learn": True},
        {"r1": 1.0, "mode_seeking": 1.0, "weights": {"tilt": 0.1}},
        {"terms": (ConditionalEntropy(), ClassBalance([1, 1, 1]), PseudoLabel(), VirtualAdversarial(0.1))},
    ],
)
def test_the_game_is_sound(options: dict[str, object]) -> None:
    check_game(lambda: game(**options), BATCH)  # type: ignore[arg-type]
