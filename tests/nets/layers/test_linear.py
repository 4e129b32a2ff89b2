"""Weight normalization, data-dependent initialization, noise, and the two libraries for matrices."""

import math
import time

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gan_ext.nets import GaussianNoise, Linear, WeightNormLinear, data_dependent_init, mlp_discriminator
from gan_ext.nets.layers.linear import _OneDNNLinear
from gan_ext.precision import linear_backend

onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="needs oneDNN")


def weight(layer: WeightNormLinear) -> Tensor:
    """Return the matrix of the definition, g V / |V|."""
    return layer.gain[:, None] * layer.direction / layer.direction.norm(dim=1, keepdim=True)


def randomized(layer: WeightNormLinear) -> WeightNormLinear:
    with torch.no_grad():
        layer.gain.copy_(torch.rand(layer.gain.shape) + 0.5)
        layer.bias.normal_()
    return layer


# --- weight normalization ---------------------------------------------------------------------------------------------


def test_weight_norm_is_its_definition() -> None:
    layer, x = randomized(WeightNormLinear(5, 3)), torch.randn(7, 5)
    torch.testing.assert_close(layer(x), linear(x, weight(layer), layer.bias))


def test_rows_have_the_length_of_the_gain() -> None:
    layer = randomized(WeightNormLinear(5, 3))
    response = layer(torch.eye(5)) - layer.bias  # [I, O], the transposed matrix
    torch.testing.assert_close(response.norm(dim=0), layer.gain)


def test_the_length_of_the_direction_does_not_matter() -> None:
    layer, x = WeightNormLinear(5, 3), torch.randn(7, 5)
    before = layer(x)
    (gradient,) = torch.autograd.grad(before.square().sum(), layer.direction)
    along = (gradient * layer.direction).sum(1)
    torch.testing.assert_close(along, torch.zeros(3), rtol=0, atol=1e-4)
    with torch.no_grad():
        layer.direction *= torch.tensor([[0.1], [3.0], [70.0]])
    torch.testing.assert_close(layer(x), before)


def test_gradients_are_those_of_the_definition() -> None:
    layer, x = randomized(WeightNormLinear(5, 3, train_gain=True)), torch.randn(7, 5, requires_grad=True)
    inputs = [x, *layer.parameters()]
    target = torch.randn(7, 3)
    ours = torch.autograd.grad((layer(x) * target).sum(), inputs)
    definition = torch.autograd.grad((linear(x, weight(layer), layer.bias) * target).sum(), inputs)
    torch.testing.assert_close(ours, definition)


@pytest.mark.parametrize("train_gain", [False, True])
def test_the_gain_is_learned_or_kept(train_gain: bool) -> None:
    layer = WeightNormLinear(5, 3, train_gain=train_gain)
    assert ("gain" in dict(layer.named_parameters())) == train_gain
    assert ("gain" in dict(layer.named_buffers())) != train_gain
    assert "gain" in layer.state_dict()


def test_directions_start_with_their_standard_deviation() -> None:
    assert WeightNormLinear(300, 300, std=0.2).direction.std().item() == pytest.approx(0.2, rel=0.02)


# --- data-dependent initialization ------------------------------------------------------------------------------------


def outputs(module: nn.Module, x: Tensor, seed: int) -> list[Tensor]:
    """Return what every weight-normalized layer makes of x under one seed of the noise."""
    seen: list[Tensor] = []
    layers = [layer for layer in module.modules() if isinstance(layer, WeightNormLinear)]
    handles = [layer.register_forward_hook(lambda layer, inputs, output: seen.append(output)) for layer in layers]
    torch.default_generator.manual_seed(seed)
    with torch.no_grad():
        module(x)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("train_gain", [True, False])
def test_every_unit_starts_with_mean_0_and_deviation_1(training: bool, train_gain: bool) -> None:
    net = nn.Sequential(
        GaussianNoise(0.5),
        WeightNormLinear(6, 12, train_gain),
        nn.ReLU(),
        GaussianNoise(0.3),
        WeightNormLinear(12, 9, train_gain),
        nn.Softplus(),
        WeightNormLinear(9, 4, train_gain),
    ).train(training)
    x = torch.rand(400, 6) * 3 + 5
    torch.default_generator.manual_seed(8)
    data_dependent_init(net, x)
    made = outputs(net, x, seed=8)
    assert len(made) == 3
    for output in made:
        torch.testing.assert_close(output.mean(0), torch.zeros(output.shape[1]), rtol=0, atol=1e-4)
        torch.testing.assert_close(output.std(0, unbiased=False), torch.ones(output.shape[1]), rtol=0, atol=1e-4)


def test_the_published_net_is_standardized_too() -> None:
    net = mlp_discriminator((4, 4), 5, (16, 8, 8)).train()
    x = torch.rand(300, 4, 4)
    torch.default_generator.manual_seed(2)
    data_dependent_init(net, x)
    made = outputs(net, x, seed=2)
    assert [output.shape[1] for output in made] == [16, 8, 8, 5]
    for output in made:
        torch.testing.assert_close(output.mean(0), torch.zeros(output.shape[1]), rtol=0, atol=1e-4)
        torch.testing.assert_close(output.std(0, unbiased=False), torch.ones(output.shape[1]), rtol=0, atol=1e-4)


def test_initializing_again_on_the_same_data_changes_nothing() -> None:
    net, x = WeightNormLinear(6, 3), torch.randn(50, 6) + 2
    data_dependent_init(net, x)
    gain, bias = net.gain.clone(), net.bias.detach().clone()
    data_dependent_init(net, x)
    torch.testing.assert_close((net.gain, net.bias.detach()), (gain, bias), rtol=1e-4, atol=1e-4)


def test_initializing_leaves_no_hooks_and_no_gradients() -> None:
    net, x = WeightNormLinear(6, 3), torch.randn(50, 6)
    data_dependent_init(net, x)
    assert not net._forward_hooks
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())


def test_constant_units_stay_finite() -> None:
    net = WeightNormLinear(6, 3)
    data_dependent_init(net, torch.ones(50, 6))
    assert net(torch.ones(50, 6)).isfinite().all()


# --- noise ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_noise_has_its_deviation_in_training_and_none_in_evaluation(dtype: torch.dtype) -> None:
    noise, x = GaussianNoise(0.5), torch.full((200, 200), 3.0, dtype=dtype)
    made = noise(x)
    assert made.dtype == dtype
    assert made.double().mean().item() == pytest.approx(3, abs=0.02)
    assert made.double().std().item() == pytest.approx(0.5, rel=0.02)
    assert noise.eval()(x) is x


def test_noise_of_every_element_is_its_own() -> None:
    made = GaussianNoise(1.0)(torch.zeros(20_000, 2))
    assert abs(torch.corrcoef(made.T)[0, 1]) < 0.03


def test_noise_passes_the_gradient() -> None:
    x = torch.randn(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(GaussianNoise(0.5)(x).sum(), x)
    assert torch.equal(gradient, torch.ones(4, 3))


def test_no_noise_is_the_identity() -> None:
    x = torch.randn(4, 3)
    assert GaussianNoise(0.0)(x) is x


@pytest.mark.parametrize("std", [-0.1, math.nan])
def test_noise_refuses_nonsense(std: float) -> None:
    with pytest.raises(ValueError, match="std >= 0"):
        GaussianNoise(std)


# --- two libraries, one product ---------------------------------------------------------------------------------------


@onednn
@pytest.mark.parametrize("bias", [True, False])
def test_onednn_is_the_default_product(bias: bool) -> None:
    x = torch.randn(7, 5, requires_grad=True)
    w = torch.randn(3, 5, requires_grad=True)
    b = torch.randn(3, requires_grad=True) if bias else None
    inputs = [value for value in (x, w, b) if value is not None]
    target = torch.randn(7, 3)
    ends = []
    for product in (_OneDNNLinear.apply, linear):
        output = product(x, w, b)
        first = torch.autograd.grad((output.tanh() * target).sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(value.square().sum() for value in first), inputs)
        ends.append((output, first, second))
    torch.testing.assert_close(*ends)


@onednn
def test_onednn_spares_gradients_nobody_asked_for() -> None:
    x, w = torch.randn(7, 5), torch.randn(3, 5, requires_grad=True)
    output = _OneDNNLinear.apply(x, w, None)
    torch.testing.assert_close(torch.autograd.grad(output.sum(), w)[0], x.sum(0).expand(3, 5))


@onednn
def test_onednn_takes_transposed_views() -> None:
    x, w = torch.randn(5, 7).T, torch.randn(5, 3).T
    torch.testing.assert_close(_OneDNNLinear.apply(x, w, None), linear(x, w))


@onednn
def test_onednn_works_under_functional_gradients() -> None:
    x, w = torch.randn(7, 5), torch.randn(3, 5)
    ours, default = (
        torch.func.grad(lambda x, product=product: product(x, w, None).square().sum())(x)
        for product in (_OneDNNLinear.apply, linear)
    )
    torch.testing.assert_close(ours, default)


@pytest.mark.parametrize("name", ["default", pytest.param("onednn", marks=onednn)])
def test_the_environment_chooses_the_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_EXT_LINEAR", name)
    assert linear_backend.__wrapped__() == name


def test_an_unknown_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_EXT_LINEAR", "mkl")
    with pytest.raises(ValueError, match="GAN_EXT_LINEAR must be 'default' or 'onednn', got 'mkl'"):
        linear_backend.__wrapped__()


def test_without_a_wish_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes would disagree on a busy processor, and a run that was killed would end with other bits."""
    monkeypatch.delenv("GAN_EXT_LINEAR")
    clock = iter(range(10_000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock) ** 2)
    assert {linear_backend.__wrapped__() for _ in range(20)} == {"default"}
    assert next(clock) == 0


def test_onednn_is_refused_where_torch_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_EXT_LINEAR", "onednn")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(ValueError, match="needs a torch that was built with oneDNN"):
        linear_backend.__wrapped__()


@pytest.mark.parametrize("shape", [(7, 5), (2, 7, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_linear_is_the_linear_of_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    layer, x = Linear(5, 3).to(dtype), torch.randn(shape, dtype=dtype)
    torch.testing.assert_close(layer(x), linear(x, layer.weight, layer.bias))
