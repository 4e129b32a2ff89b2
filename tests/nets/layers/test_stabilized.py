"""Bounded slopes, and layers that look at a whole batch."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan_ext.nets import (
    Linear,
    MinibatchDiscrimination,
    MinibatchStandardDeviation,
    pacgan_generator,
    plain_discriminator,
    spectral_normalized,
    strided_net,
)


def test_the_largest_singular_value_becomes_one() -> None:
    net = spectral_normalized(nn.Sequential(Linear(6, 9), nn.ReLU(), Linear(9, 4)))
    for _ in range(100):
        net(torch.randn(3, 6))
    for layer in (net.eval()[0], net[2]):
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=1e-4)


def test_every_kind_of_layer_is_normalized_once_and_nothing_else() -> None:
    plain = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose2d(2, 1, 3), nn.Flatten(), Linear(16, 1)
    )
    assert spectral_normalized(plain) is plain
    assert [is_parametrized(layer) for layer in plain] == [True, False, True, False, True]
    count = len(list(plain.parameters()))
    assert len(list(spectral_normalized(plain).parameters())) == count
    strided = strided_net((1, 8, 8), 1, (2, 2), 4)
    names = [name for name, _ in strided.named_parameters()]
    assert [name for name, _ in spectral_normalized(strided).named_parameters()] == names


def test_a_normalized_net_of_rectifiers_has_a_slope_of_at_most_one() -> None:
    net = plain_discriminator((5,), (16, 16))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter *= 10
    spectral_normalized(net)
    for _ in range(100):
        net(torch.randn(3, 5))
    first, second = torch.randn(2, 500, 5)
    net.eval()
    assert ((net(first) - net(second)).abs() / (first - second).norm(dim=1)).max() <= 1 + 1e-4


def test_a_net_without_weights_to_normalize_is_refused() -> None:
    with pytest.raises(ValueError, match="found no linear or convolutional layer in ReLU"):
        spectral_normalized(nn.ReLU())


@pytest.mark.parametrize("shape", [(5,), (3, 4, 4)])
def test_equal_samples_deviate_by_nothing(shape: tuple[int, ...]) -> None:
    x = torch.randn(1, *shape).expand(8, *shape)
    made = MinibatchStandardDeviation(4)(x)
    assert made.shape == (8, shape[0] + 1, *shape[1:])
    assert torch.equal(made[:, :-1], x)
    torch.testing.assert_close(made[:, -1], torch.full_like(made[:, -1], 1e-4), rtol=1e-3, atol=0)  # sqrt(1e-8)


def test_the_deviation_is_that_of_each_group_of_neighbors() -> None:
    x = torch.randn(8, 3, 2, 2)
    made = MinibatchStandardDeviation(4)(x)
    for group in (slice(0, 4), slice(4, 8)):
        expected = x[group].std(0, unbiased=False).mean()
        torch.testing.assert_close(made[group, -1], expected.expand(4, 2, 2), rtol=1e-5, atol=1e-6)
    whole = MinibatchStandardDeviation(None)(x)
    torch.testing.assert_close(whole[0, -1, 0, 0], x.std(0, unbiased=False).mean(), rtol=1e-5, atol=1e-6)


def test_the_gradient_of_equal_samples_is_finite() -> None:
    x = torch.ones(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(MinibatchStandardDeviation(2)(x).square().sum(), x)
    assert gradient.isfinite().all()


def by_hand(x: Tensor, tensor: Tensor) -> Tensor:
    sums = torch.zeros(len(x), tensor.shape[1])
    for i in range(len(x)):
        for j in range(len(x)):
            for k in range(tensor.shape[1]):
                distance = ((x[i] - x[j]) @ tensor[:, k]).abs().sum()
                sums[i, k] += math.exp(-distance)
    return sums


def test_minibatch_discrimination_is_its_sum() -> None:
    layer, x = MinibatchDiscrimination(3, 4, 2, std=0.5), torch.randn(5, 3)
    made = layer(x)
    assert torch.equal(made[:, :3], x)
    torch.testing.assert_close(made[:, 3:], by_hand(x, layer.tensor.detach()), rtol=1e-4, atol=1e-5)


def test_minibatch_discrimination_at_its_ends() -> None:
    """Equal samples are all near each other; far ones have themselves alone."""
    layer = MinibatchDiscrimination(3, 4, 2)
    torch.testing.assert_close(layer(torch.ones(6, 3))[:, 3:], torch.full((6, 4), 6.0))
    far = torch.arange(6.0)[:, None].expand(6, 3) * 1e5
    torch.testing.assert_close(layer(far)[:, 3:], torch.ones(6, 4))


def test_both_layers_say_that_they_mix_samples() -> None:
    assert MinibatchStandardDeviation().mixes_samples
    assert MinibatchDiscrimination(2).mixes_samples
    assert not any(hasattr(module, "mixes_samples") for module in pacgan_generator().modules())


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a group of at least 2 samples, got 1"):
        MinibatchStandardDeviation(1)
    with pytest.raises(ValueError, match="A batch of 6 has no groups of 4"):
        MinibatchStandardDeviation(4)(torch.zeros(6, 2))
