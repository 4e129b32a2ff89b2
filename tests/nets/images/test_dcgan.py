"""DCGAN and the Unrolled GAN's nets: shapes at any size, published parameter counts, first weights."""

import pytest
import torch
from torch import nn

from gan_ext.nets import dcgan_discriminator, dcgan_generator, unrolled_discriminator, unrolled_generator


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 32, 32), (2, 17, 30)])
def test_images_of_any_size(shape: tuple[int, int, int]) -> None:
    images = dcgan_generator(shape, 6, channels=2)(torch.randn(4, 6))
    assert images.shape == (4, *shape)
    assert dcgan_discriminator(shape, channels=2)(images).shape == (4,)
    packed = torch.cat([images, images], 1)
    assert dcgan_discriminator(shape, channels=2, packing=2)(packed).shape == (4,)
    images = unrolled_generator(shape, 6)(torch.randn(4, 6))
    assert images.shape == (4, *shape)
    assert unrolled_discriminator(shape, 0.5)(images).shape == (4,)


def test_stages_have_the_published_sides_and_widths() -> None:
    generator, seen = dcgan_generator((3, 28, 28)), []
    x = torch.randn(2, 100)
    for layer in generator:
        x = layer(x)
        if isinstance(layer, nn.Unflatten | nn.ConvTranspose2d):
            seen.append(tuple(x.shape[1:]))
    assert seen == [(512, 2, 2), (256, 4, 4), (128, 7, 7), (64, 14, 14), (3, 28, 28)]
    assert sum(value.numel() for value in unrolled_discriminator().parameters()) == 585


def test_first_weights() -> None:
    for net in (dcgan_generator((3, 28, 28), channels=16), dcgan_discriminator((3, 28, 28), channels=16)):
        weights = torch.cat([value.flatten() for value in net.parameters() if value.ndim > 1])
        assert weights.std().item() == pytest.approx(0.02, rel=0.02)
        assert weights.mean().item() == pytest.approx(0, abs=1e-3)
