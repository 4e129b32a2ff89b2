"""Plain perceptrons: shapes, what each sample depends on, and the published sizes."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_ext.losses import pack
from gan_ext.nets import (
    Maxout,
    ResidualBlock,
    pacgan_discriminator,
    pacgan_generator,
    plain_discriminator,
    plain_generator,
    residual_discriminator,
    residual_generator,
)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
@pytest.mark.parametrize("make", [plain_generator, residual_generator, pacgan_generator])
def test_generators_make_samples_of_their_shape(make: Callable[..., nn.Module], shape: tuple[int, ...]) -> None:
    assert make(shape, 3)(torch.randn(5, 3)).shape == (5, *shape)


@pytest.mark.parametrize("packing", [1, 2])
@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
@pytest.mark.parametrize("make", [plain_discriminator, residual_discriminator, pacgan_discriminator])
def test_discriminators_judge_each_sample_for_itself(
    make: Callable[..., nn.Module], shape: tuple[int, ...], packing: int
) -> None:
    net, x = make(shape, packing=packing), pack(torch.randn(6, *shape), packing)
    logits = net(x)
    assert logits.shape == (6 // packing,)
    torch.testing.assert_close(torch.cat([net(each[None]) for each in x]), logits)


@pytest.mark.parametrize("make", [plain_generator, residual_generator])
def test_plain_generators_make_each_sample_for_itself(make: Callable[..., nn.Module]) -> None:
    net, z = make((2,), 3), torch.randn(4, 3)
    torch.testing.assert_close(torch.cat([net(each[None]) for each in z]), net(z))


def test_a_residual_block_starts_as_identity_and_learns() -> None:
    block, x = ResidualBlock(4), torch.randn(3, 4)
    assert torch.equal(block(x), x)
    gradients = torch.autograd.grad(block(x).square().sum(), list(block.parameters()), allow_unused=True)
    assert any(gradient is not None and gradient.any() for gradient in gradients)


def test_maxout_is_the_largest_of_its_pieces() -> None:
    layer, x = Maxout(3, 4, 5), torch.randn(7, 3)
    pieces = layer.linear(x).view(7, 4, 5)
    torch.testing.assert_close(layer(x), torch.stack([pieces[..., k] for k in range(5)]).max(0).values)


def test_maxout_of_two_opposite_pieces_is_the_absolute_value() -> None:
    layer = Maxout(1, 1, 2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer.linear.bias.zero_()
    x = torch.randn(9, 1)
    torch.testing.assert_close(layer(x), x.abs())


def test_the_published_nets_have_their_published_sizes() -> None:
    """4 layers of 400 with batch normalization; 3 maxout layers of 200 with 5 pieces; packing widens the first."""
    assert count(pacgan_generator()) == (2 + 3 * 400) * 400 + 4 * 3 * 400 + 400 * 2 + 2
    assert count(pacgan_discriminator()) == (2 + 200 + 200) * 1000 + 3 * 1000 + 201
    assert count(pacgan_discriminator(packing=3)) - count(pacgan_discriminator()) == 4 * 1000


@pytest.mark.parametrize("make", [plain_generator, plain_discriminator, residual_generator, residual_discriminator])
def test_plain_nets_have_no_normalization(make: Callable[..., nn.Module]) -> None:
    net = make((2,), 2) if "generator" in make.__name__ else make((2,))
    assert not list(net.buffers())
    assert not any("Norm" in type(module).__name__ for module in net.modules())
