"""Nets of any depth: shapes, the published sizes, and what spectral normalization promises."""

import pytest
import torch

from gan_ext.nets import strided_channels, strided_generator, strided_info_discriminator, strided_net


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("shape", "channels"), [((1, 32, 32), (8, 6, 4)), ((3, 16, 24), (4, 4)), ((2, 64, 64), (4,) * 4)]
)
def test_images_go_in_and_come_out(shape, channels):
    generator = strided_generator(shape, latent_dim=7, channels=channels, hidden=5)
    images = generator(torch.randn(3, 7))
    assert images.shape == (3, *shape)
    assert 0 <= images.min() <= images.max() <= 1
    reading = strided_info_discriminator(shape, 4, channels, features=9)(images)
    assert reading.logits.shape == (3,)
    assert reading.statistics.shape == (3, 4)
    assert reading.features.shape == (3, 9)
    pairs = torch.cat([images, images], dim=1)
    assert strided_net((2 * shape[0], *shape[1:]), 6, channels)(pairs).shape == (3, 6)


def test_defaults_have_the_published_sizes():
    """Counted by hand: weights and biases of the layers that the paper's appendix lists."""
    dense, convolutions = 10 * 128 + 128 * 1024, 16 * (64 * 64 + 64 * 32 + 32 * 32 + 32 * 1)
    norms = 2 * (128 + 1024 + 64 + 32 + 32)
    assert parameters(strided_generator((1, 64, 64), 10)) == dense + convolutions + norms + 1
    trunk = 16 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + (32 + 32 + 64 + 64) + 1024 * 128 + 128
    heads = (128 + 1) + (128 * 128 + 128) + (128 * 5 + 5)
    assert parameters(strided_info_discriminator((1, 64, 64), 5)) == trunk + heads


def test_spectral_norms_bound_how_fast_logits_change():
    """All singular values of a dense layer are at most 1, so the reader's hidden layer cannot stretch."""
    torch.manual_seed(0)
    net = strided_net((1, 16, 16), 3, channels=(4, 4), features=8)
    for _ in range(50):
        net(torch.randn(4, 1, 16, 16))
    net.eval()
    assert torch.linalg.matrix_norm(net[-1].weight.detach(), 2).item() == pytest.approx(1.0, abs=1e-3)
    free = strided_net((1, 16, 16), 3, channels=(4, 4), features=8, spectral=False)
    assert not hasattr(free[-1], "parametrizations")


def test_gain_multiplies_the_input():
    torch.manual_seed(0)
    images = torch.rand(3, 1, 16, 16)
    nets = []
    for gain in (1.0, 3.0):
        torch.manual_seed(1)
        nets.append(strided_info_discriminator((1, 16, 16), 2, (4, 4), gain=gain).eval())
    plain, scaled = nets
    torch.testing.assert_close(scaled(images), plain(3 * images))
    torch.manual_seed(1)
    pairs = strided_net((1, 16, 16), 2, (4, 4), gain=3.0).eval()
    torch.manual_seed(1)
    torch.testing.assert_close(pairs(images), strided_net((1, 16, 16), 2, (4, 4)).eval()(3 * images))


@pytest.mark.parametrize("shape", [(1, 24, 32), (1, 32, 24)])
def test_sides_must_be_divisible(shape):
    with pytest.raises(ValueError, match="4 stages need sides that are multiples of 16"):
        strided_generator(shape, 5)
    with pytest.raises(ValueError, match="4 stages need sides that are multiples of 16"):
        strided_info_discriminator(shape, 5)
    with pytest.raises(ValueError, match="at least one"):
        strided_net((1, 32, 32), 5, channels=())


def test_channels_are_the_published_ones_down_to_four_pixels():
    assert strided_channels(64) == (64, 64, 32, 32)
    assert strided_channels(16, width=8) == (8, 8)
    for side in (8, 16, 32, 64):
        layers = strided_generator((1, side, side), 5, strided_channels(side, 4))
        assert next(layer.unflattened_size[1:] for layer in layers if isinstance(layer, torch.nn.Unflatten)) == (4, 4)
    with pytest.raises(ValueError, match=r"Images of 20 pixels a side have no such net; \[8, 16, 32, 64\] are known"):
        strided_channels(20)
    with pytest.raises(ValueError, match="width=1 must be at least 2"):
        strided_channels(32, 1)
