"""Weight-normalized convolutions: the definition, their initialization from data, and what they keep."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from gan_ext.nets import WeightNormConv2d, WeightNormConvTranspose2d, WeightNormLinear, data_dependent_init
from gan_ext.nets.layers.linear import WeightNorm

KINDS = [WeightNormConv2d, WeightNormConvTranspose2d]


def randomized(layer: WeightNorm) -> WeightNorm:
    with torch.no_grad():
        layer.gain.copy_(torch.rand(layer.gain.shape) + 0.5)
        layer.bias.normal_()
    return layer


def defined(layer: WeightNorm, x: Tensor) -> Tensor:
    """Return the layer's output from the kernels of the definition, g V / |V|, made one channel after the other."""
    transposed = isinstance(layer, WeightNormConvTranspose2d)
    kernels = layer.direction.transpose(0, 1) if transposed else layer.direction
    kernels = torch.stack([g * v / v.square().sum().sqrt() for g, v in zip(layer.gain, kernels, strict=True)])
    if transposed:
        return conv_transpose2d(x, kernels.transpose(0, 1), layer.bias, 2, 1, layer.output_padding)
    return conv2d(x, kernels, layer.bias, 2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_weight_norm_is_its_definition(kind: type[WeightNorm]) -> None:
    layer, x = randomized(kind(3, 4, 3, stride=2, padding=1)), torch.randn(5, 3, 7, 6)
    torch.testing.assert_close(layer(x), defined(layer, x))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_definition(kind: type[WeightNorm]) -> None:
    layer = randomized(kind(3, 4, 3, stride=2, padding=1, train_gain=True))
    x = torch.randn(5, 3, 7, 6, requires_grad=True)
    inputs = [x, *layer.parameters()]
    assert len(inputs) == 4
    target = torch.randn_like(layer(x))
    ours = torch.autograd.grad((layer(x) * target).sum(), inputs)
    torch.testing.assert_close(ours, torch.autograd.grad((defined(layer, x) * target).sum(), inputs))


@pytest.mark.parametrize("kind", KINDS)
def test_the_length_of_the_direction_does_not_matter(kind: type[WeightNorm]) -> None:
    layer, x = randomized(kind(3, 4, 3, stride=2, padding=1)), torch.randn(5, 3, 7, 6)
    before, shape = layer(x), [1, 1, 1, 1]
    shape[1 if kind is WeightNormConvTranspose2d else 0] = 4
    with torch.no_grad():
        layer.direction *= torch.tensor([0.1, 3.0, 70.0, 1.0]).view(shape)
    torch.testing.assert_close(layer(x), before)


def test_a_transposed_convolution_can_make_even_sides() -> None:
    layer = WeightNormConvTranspose2d(3, 2, 5, stride=2, padding=2, output_padding=(1, 0))
    assert layer(torch.randn(1, 3, 4, 4)).shape == (1, 2, 8, 7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train_gain", [False, True])
def test_the_gain_is_learned_or_kept(kind: type[WeightNorm], train_gain: bool) -> None:
    layer = kind(3, 4, 3, train_gain=train_gain)
    assert ("gain" in dict(layer.named_parameters())) == train_gain
    assert ("gain" in dict(layer.named_buffers())) != train_gain


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_tells_all(kind: type[WeightNorm]) -> None:
    layer, x = randomized(kind(3, 4, 3, stride=2)), torch.randn(5, 3, 7, 6)
    other = kind(3, 4, 3, stride=2)
    assert not torch.allclose(other(x), layer(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize("kind", KINDS)
def test_directions_start_with_their_standard_deviation(kind: type[WeightNorm]) -> None:
    assert kind(50, 60, 5, std=0.2).direction.std().item() == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_shows_its_sizes(kind: type[WeightNorm]) -> None:
    assert "3, 4, kernel_size=5, stride=2, padding=1" in repr(kind(3, 4, 5, stride=2, padding=1))


# --- data-dependent initialization ------------------------------------------------------------------------------------


def mixed_net(train_gain: bool = False) -> nn.Sequential:
    return nn.Sequential(
        WeightNormConv2d(3, 6, 3, stride=2, padding=1, train_gain=train_gain),
        nn.LeakyReLU(0.2),
        WeightNormConvTranspose2d(6, 5, 5, stride=2, padding=2, train_gain=train_gain),
        nn.Dropout(0.5),
        nn.Flatten(),
        WeightNormLinear(5 * 7 * 7, 4, train_gain=train_gain, output_std=0.1),
    )


@pytest.mark.parametrize("train_gain", [False, True])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_every_channel_of_every_layer_is_standardized_in_one_pass(
    train_gain: bool, memory: torch.memory_format
) -> None:
    net, x, seen = mixed_net(train_gain).to(memory_format=memory), torch.rand(200, 3, 8, 8) * 3 + 5, []
    torch.default_generator.manual_seed(3)
    data_dependent_init(net, x)
    for layer in net.modules():
        if isinstance(layer, WeightNorm):
            layer.register_forward_hook(lambda layer, inputs, output: seen.append(output))
    torch.default_generator.manual_seed(3)  # the same dropout
    with torch.no_grad():
        net(x)
    assert [output.shape[1] for output in seen] == [6, 5, 4]
    for output, std in zip(seen, [1.0, 1.0, 0.1], strict=True):
        units = output.transpose(0, 1).flatten(1)
        torch.testing.assert_close(units.mean(1), torch.zeros(len(units)), rtol=0, atol=1e-4)
        torch.testing.assert_close(units.std(1, unbiased=False), torch.full((len(units),), std), rtol=1e-3, atol=0)


def test_initializing_changes_gain_and_bias_only() -> None:
    net = mixed_net()
    before = copy.deepcopy(net.state_dict())
    data_dependent_init(net, torch.rand(50, 3, 8, 8))
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"{layer}.{part}" for layer in (0, 2, 5) for part in ("gain", "bias")}


@pytest.mark.parametrize(
    "make",
    [
        lambda std: WeightNormLinear(2, 2, output_std=std),
        lambda std: WeightNormConv2d(2, 2, 3, output_std=std),
        lambda std: WeightNormConvTranspose2d(2, 2, 3, output_std=std),
    ],
)
def test_outputs_need_a_deviation(make: object) -> None:
    with pytest.raises(ValueError, match=r"WeightNorm\w+ needs output_std > 0, got 0"):
        make(0)
