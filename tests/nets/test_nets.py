"""The ready-made networks: shapes, published details, what they learn and what they keep."""

import pytest
import torch
from torch import nn

from gan_ext.nets import (
    Classifier,
    GaussianNoise,
    WeightNormLinear,
    conv_discriminator,
    conv_generator,
    mlp_discriminator,
    mlp_generator,
)


def layers(net: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in net.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("net", "shape", "features"),
    [
        (mlp_discriminator((6,), 3, (8, 7)), (6,), 7),
        (mlp_discriminator((2, 5, 4), 3, (9,)), (2, 5, 4), 9),
        (conv_discriminator((1, 8, 12), 3, channels=2, features=6), (1, 8, 12), 6),
        (conv_discriminator((3, 8, 8), 3, channels=2, features=6), (3, 8, 8), 6),
    ],
)
def test_discriminators_give_logits_and_features(net: Classifier, shape: tuple[int, ...], features: int) -> None:
    x = torch.rand(4, *shape)
    output = net.train()(x)
    assert output.logits.shape == output[0].shape == (4, 3)
    assert output.features.shape == output[1].shape == (4, features)
    net.eval()
    assert torch.equal(net(x).logits, net.head(net(x).features))
    alone = torch.cat([net(x[i : i + 1]).logits for i in range(4)])
    torch.testing.assert_close(net(x).logits, alone)  # samples do not see each other


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (mlp_generator((6,), 3, (8, 7)), (6,)),
        (mlp_generator((2, 5, 4), 3, (9,)), (2, 5, 4)),
        (conv_generator((1, 8, 12), 3, channels=4), (1, 8, 12)),
        (conv_generator((3, 8, 8), 3, channels=4), (3, 8, 8)),
    ],
)
def test_generators_give_data_between_0_and_1(net: nn.Module, shape: tuple[int, ...]) -> None:
    data = net.train()(torch.randn(5, 3) * 10)
    assert data.shape == (5, *shape)
    assert data.min() >= 0
    assert data.max() <= 1


@pytest.mark.parametrize("make", [mlp_generator, conv_generator])
def test_generators_take_another_output(make: type[nn.Module]) -> None:
    data = make((1, 4, 4), 3, output=nn.Identity())(torch.randn(50, 3) * 100)
    assert data.min() < 0


def test_the_published_mlp_discriminator() -> None:
    net = mlp_discriminator((28, 28), 10)
    linears = layers(net, WeightNormLinear)
    assert [tuple(layer.direction.shape) for layer in linears] == [
        (1000, 784),
        (500, 1000),
        (250, 500),
        (250, 250),
        (250, 250),
        (10, 250),
    ]
    assert [noise.std for noise in layers(net, GaussianNoise)] == [0.3, 0.5, 0.5, 0.5, 0.5, 0.5]
    learned = ["gain" in dict(layer.named_parameters()) for layer in linears]
    assert learned == [False] * 5 + [True]


def test_the_published_mlp_generator() -> None:
    net = mlp_generator((28, 28))
    weights = [tuple(value.shape) for name, value in net.named_parameters() if value.dim() == 2]
    assert weights == [(500, 100), (500, 500), (784, 500)]
    norms = layers(net, nn.BatchNorm1d)
    assert len(norms) == 2
    assert not any(norm.weight.requires_grad for norm in norms), "batch normalization without gain"
    assert all(norm.bias.requires_grad for norm in norms)
    (last,) = layers(net, WeightNormLinear)
    assert "gain" in dict(last.named_parameters())


@pytest.mark.parametrize("net", [conv_discriminator((1, 8, 8), 3), mlp_discriminator((8,), 3, (4, 4))])
def test_the_gain_is_learned_in_the_last_layer_only(net: Classifier) -> None:
    learned = ["gain" in dict(layer.named_parameters()) for layer in layers(net, WeightNormLinear)]
    assert learned == [False] * (len(learned) - 1) + [True]


@pytest.mark.parametrize("net", [conv_discriminator((1, 8, 8), 3), mlp_discriminator((1, 8, 8), 3, (4, 4))])
def test_noise_is_for_training(net: Classifier) -> None:
    x = torch.rand(3, 1, 8, 8)
    assert not torch.equal(net.train()(x).logits, net(x).logits)
    assert torch.equal(net.eval()(x).logits, net(x).logits)


@pytest.mark.parametrize("shape", [(1, 8, 9), (1, 6, 8), (3, 7, 7)])
def test_convolutions_need_sides_of_four(shape: tuple[int, int, int]) -> None:
    for make in (lambda: conv_discriminator(shape, 2), lambda: conv_generator(shape)):
        with pytest.raises(ValueError, match=r"multiples of 4, got \("):
            make()
