"""The published convolutional nets, encoders and the compact discriminator: sizes, layers, who sees whom."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_ext.nets import (
    Classifier,
    GaussianNoise,
    WeightNormConv2d,
    WeightNormLinear,
    benchmark_classifier,
    cnn13,
    compact_discriminator,
    conv_encoder,
    data_dependent_init,
    mlp_encoder,
    salimans_discriminator,
    salimans_generator,
    wide_resnet,
)
from gan_ext.nets.layers.linear import WeightNorm

COLOR, DIGIT = (3, 32, 32), (1, 28, 28)


def parameters(net: nn.Module) -> int:
    """Return how many numbers are learned."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)


def kept_last(net: nn.Module) -> bool:
    """Return whether every kernel with more than one input and position has its channels last."""
    kernels = [value for value in net.parameters() if value.dim() == 4 and value.shape[1] > 1 and value.shape[2] > 1]
    assert kernels
    return not any(value.is_contiguous() for value in kernels)


NETS: dict[str, tuple[Callable[..., Classifier], int, bool]] = {
    "salimans": (lambda shape: salimans_discriminator(shape, 10, (4, 6)), 6, True),
    "cnn13": (lambda shape: cnn13(shape, 10, width=4), 4, False),
    "cnn13-weight": (lambda shape: cnn13(shape, 10, norm="weight", width=4), 4, True),
    "resnet": (lambda shape: wide_resnet(shape, 10, depth=10, width=1), 64, False),
    "resnet-group": (lambda shape: wide_resnet(shape, 10, depth=10, width=1, norm="group"), 64, True),
    "compact": (lambda shape: compact_discriminator(shape, 10, 2, 7), 7, True),
}


@pytest.mark.parametrize("shape", [COLOR, DIGIT, (2, 16, 20)])
@pytest.mark.parametrize("name", NETS)
def test_classifiers_give_logits_and_features(name: str, shape: tuple[int, ...]) -> None:
    make, features, _ = NETS[name]
    net, x = make(shape).eval(), torch.rand(5, *shape)
    output = net(x)
    assert output.logits.shape == (5, 10)
    assert output.features.shape == (5, features)
    torch.testing.assert_close(output.logits, net.head(output.features))


@pytest.mark.parametrize("name", NETS)
def test_who_sees_whom_in_training(name: str) -> None:
    make, _, alone = NETS[name]
    net, x = make((3, 12, 12)).train(), torch.rand(6, 3, 12, 12)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout | GaussianNoise):
            layer.eval()
    same = torch.allclose(net(x).logits[:3], net(torch.cat([x[:3], 3 * x[3:]])).logits[:3], atol=1e-5)
    assert same == alone


@pytest.mark.parametrize("name", NETS)
def test_copies_and_states_keep_the_channels_last(name: str) -> None:
    make, _, _ = NETS[name]
    net, other, x = make(COLOR).eval(), make(COLOR).eval(), torch.rand(2, *COLOR)
    other.load_state_dict({key: value.contiguous() for key, value in net.state_dict().items()})
    double = copy.deepcopy(net)
    assert kept_last(net)
    assert kept_last(double)
    assert kept_last(other)
    torch.testing.assert_close(other(x).logits, net(x).logits)
    plain = copy.deepcopy(net).to(memory_format=torch.contiguous_format)
    assert not kept_last(plain)
    torch.testing.assert_close(plain(x).logits, net(x).logits, rtol=1e-4, atol=1e-5)


def test_the_published_discriminator() -> None:
    net = salimans_discriminator(COLOR, 10)
    convolutions = [layer for layer in net.modules() if isinstance(layer, WeightNormConv2d)]
    kinds = [(*layer.direction.shape[:3], layer.stride, layer.padding) for layer in convolutions]
    assert kinds == [
        (96, 3, 3, 1, 1),
        (96, 96, 3, 1, 1),
        (96, 96, 3, 2, 1),
        (192, 96, 3, 1, 1),
        (192, 192, 3, 1, 1),
        (192, 192, 3, 2, 1),
        (192, 192, 3, 1, 0),
        (192, 192, 1, 1, 0),
        (192, 192, 1, 1, 0),
    ]
    learned = ["gain" in dict(layer.named_parameters()) for layer in net.modules() if isinstance(layer, WeightNorm)]
    assert learned == [False] * 9 + [True]
    assert [layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)] == [0.2, 0.5, 0.5]
    assert {layer.negative_slope for layer in net.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}
    assert net.trunk[:-2](torch.rand(1, *COLOR)).shape == (1, 192, 6, 6)


def test_its_logits_start_small() -> None:
    net, x = salimans_discriminator(COLOR, 10, (8, 8)), torch.rand(200, *COLOR)
    torch.default_generator.manual_seed(1)
    data_dependent_init(net, x)
    torch.default_generator.manual_seed(1)
    logits = net(x).logits
    torch.testing.assert_close(logits.std(0, unbiased=False), torch.full((10,), 0.1), rtol=1e-3, atol=0)


def test_the_published_generator() -> None:
    net = salimans_generator(COLOR)
    dense, deconvolutions = 100 * 8192, 25 * (512 * 256 + 256 * 128 + 128 * 3)
    assert parameters(net) == dense + deconvolutions + (8192 + 256 + 128) + 2 * 3  # shifts; then gains and biases
    made = net(torch.rand(4, 100))
    assert made.shape == (4, *COLOR)
    assert made.min() < 0 < made.max()
    assert made.abs().max() <= 1


@pytest.mark.parametrize("shape", [COLOR, DIGIT, (1, 8, 8), (2, 30, 17), (3, 9, 7)])
def test_the_generator_makes_images_of_any_size(shape: tuple[int, ...]) -> None:
    made = salimans_generator(shape, 5, (6, 4, 2), output=nn.Sigmoid())(torch.rand(3, 5))
    assert made.shape == (3, *shape)
    assert made.min() >= 0


@pytest.mark.parametrize("norm", ["batch", "weight"])
def test_cnn13_has_the_published_size(norm: str) -> None:
    kernels = 9 * (3 * 128 + 2 * 128**2 + 128 * 256 + 2 * 256**2 + 256 * 512) + 512 * 256 + 256 * 128
    affine = 2 * (3 * 128 + 3 * 256 + 512 + 256 + 128)  # gain and shift of each channel
    head = 128 * 10 + (10 if norm == "batch" else 20)
    assert parameters(cnn13(COLOR, 10, norm=norm)) == kernels + affine + head == 3_121_802 + 10 * (norm == "weight")


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_wide_resnets_have_the_published_sizes(norm: str) -> None:
    """Of WRN-28-2 1.47 million are published (Oliver et al., 2018), of WRN-16-8 11.0 million, of WRN-40-1 0.6."""
    assert parameters(wide_resnet(COLOR, 10, norm=norm)) == 1_467_610
    assert parameters(wide_resnet(COLOR, 10, depth=40, width=1, norm=norm)) == pytest.approx(0.6e6, rel=0.07)
    assert parameters(wide_resnet(COLOR, 10, depth=16, width=8, norm=norm)) == pytest.approx(11.0e6, rel=0.01)


def test_a_wide_resnet_halves_twice() -> None:
    net = wide_resnet(COLOR, 10, depth=10, width=1)
    assert net.trunk[:-2](torch.rand(1, *COLOR)).shape == (1, 64, 8, 8)


def test_the_compact_net() -> None:
    net = compact_discriminator(DIGIT, 10)
    assert net.trunk[:7](torch.rand(1, *DIGIT)).shape == (1, 64, 5, 5)
    assert parameters(net) == 25 * 16 + 16 + 9 * 16 * 32 + 32 + 9 * 32 * 64 + 64 + 1600 * 128 + 128 + 128 * 10 + 20
    assert [layer.std for layer in net.modules() if isinstance(layer, GaussianNoise)] == [0.0, 0.5]
    learned = ["gain" in dict(layer.named_parameters()) for layer in net.modules() if isinstance(layer, WeightNorm)]
    assert learned == [False, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: salimans_discriminator((3, 8, 32), 10), r"sides of at least 9, got \(3, 8, 32\)"),
        (lambda: salimans_discriminator((32, 32), 10), r"needs images \(channels, height, width\)"),
        (lambda: cnn13((3, 11, 32), 10), r"sides of at least 12, got \(3, 11, 32\)"),
        (lambda: cnn13(COLOR, 10, norm="group"), "norm must be 'weight' or 'batch', got 'group'"),
        (lambda: wide_resnet((3, 3, 3), 10), r"sides of at least 4, got \(3, 3, 3\)"),
        (lambda: wide_resnet(COLOR, 10, depth=27), "depth must be 6 n .* got 27"),
        (lambda: wide_resnet(COLOR, 10, depth=4), "depth must be 6 n .* got 4"),
        (lambda: wide_resnet(COLOR, 10, norm="weight"), "norm must be 'batch' or 'group', got 'weight'"),
        (lambda: compact_discriminator((1, 8, 28), 10), r"sides of at least 12, got \(1, 8, 28\)"),
        (lambda: compact_discriminator((1, 27, 28), 10), "multiples of 4"),
        (lambda: conv_encoder(COLOR, 5, ()), "at least one convolution"),
        (lambda: conv_encoder(COLOR, 5, norm="weight"), "norm must be 'batch' or 'group', got 'weight'"),
    ],
)
def test_nets_refuse_what_they_cannot_be(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- encoders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 28, 28), (2, 9, 5)])
@pytest.mark.parametrize(
    ("make", "alone"),
    [
        (lambda shape: mlp_encoder(shape, 6, (8, 7)), True),
        (lambda shape: mlp_encoder(shape, 6, ()), True),
        (lambda shape: conv_encoder(shape, 6, (8, 16), norm="batch"), False),
        (lambda shape: conv_encoder(shape, 6, (8, 16), norm="group"), True),
    ],
)
def test_encoders_give_a_mean_and_a_deviation(make: Callable[..., nn.Module], alone: bool, shape: tuple) -> None:
    net, x = make(shape).train(), torch.rand(4, *shape)
    mean, log_std = net(x)
    assert mean.shape == log_std.shape == (4, 6)
    assert not torch.equal(mean, log_std)
    other = net(torch.cat([x[:2], 3 * x[2:]]))
    assert torch.allclose(other.mean[:2], mean[:2], atol=1e-5) == alone


def test_encoders_can_learn_where_a_sample_came_from() -> None:
    """A linear generator is inverted by a linear encoder: its mean error goes to 0."""
    made = nn.Linear(3, 4 * 4).requires_grad_(False)
    net = mlp_encoder((1, 4, 4), 3, ())
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(300):
        z = torch.randn(64, 3)
        loss = (net(made(z).view(-1, 1, 4, 4)).mean - z).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


def test_the_published_encoder() -> None:
    net = conv_encoder(COLOR, 100)
    (last,) = (layer for layer in net.modules() if isinstance(layer, WeightNormLinear))
    assert last.direction.shape == (200, 512 * 4 * 4)


@pytest.mark.parametrize("net", ["cnn13", "wide_resnet"])
@pytest.mark.parametrize("apart", [True, False])
def test_samples_of_a_benchmark_classifier_see_each_other_unless_kept_apart(net: str, apart: bool) -> None:
    classifier = benchmark_classifier(net, COLOR, 10, 2, apart)  # type: ignore[arg-type]
    for module in classifier.modules():
        if isinstance(module, nn.Dropout | GaussianNoise):
            module.eval()
    x = torch.randn(4, *COLOR)
    assert classifier(x)[0].shape == (4, 10)
    alone = torch.allclose(classifier(x)[0][:2], classifier(x[:2])[0], atol=1e-4)
    assert alone == apart
