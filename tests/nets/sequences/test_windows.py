"""The fast formulas of windows and highways equal the plain ones, forward and backward."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import gan_ext.nets.sequences.windows as windows_module
from gan_ext.nets import Highway, max_over_windows
from gan_ext.nets.sequences.windows import Dropout


def plainly(x: Tensor, filters: list[Tensor]) -> Tensor:
    """Convolve in two dimensions and take the maximum, as published code does."""
    pooled = []
    for weight in filters:
        weight = weight[:, : x.shape[1]]
        answers = F.conv2d(x[:, None], weight[:, None])[..., 0]
        pooled.append(F.max_pool1d(answers, answers.shape[2])[..., 0])
    return torch.cat(pooled, 1)


def problem(
    batch: int, length: int, channels: int, spans: tuple[tuple[int, int], ...], seed: int = 0
) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(seed)
    x = torch.randn(batch, length, channels, dtype=torch.float64, requires_grad=True)
    filters = [torch.randn(f, w, channels, dtype=torch.float64, requires_grad=True) for w, f in spans]
    return x, filters


PROBLEMS = [
    (5, 7, 6, ((1, 3), (2, 4), (6, 2), (7, 5))),  # kept products
    (5, 7, 1, ((2, 3), (3, 4), (5, 2))),  # thin: one band
    (5, 7, 1, ((5, 3), (2, 4), (3, 2))),  # a band whose widths are out of order
    (4, 3, 2, ((2, 3), (5, 4))),  # wider than the sequence, thin
    (4, 3, 20, ((2, 3), (5, 4))),  # wider than the sequence
    (3, 1, 4, ((1, 2), (3, 3))),  # one token
    (1, 6, 40, ((6, 1),)),
]


@pytest.mark.parametrize(("batch", "length", "channels", "spans"), PROBLEMS)
@pytest.mark.parametrize("cells", [76_800, 4])  # in one piece, and row by row
def test_windows_equal_convolution(
    batch: int, length: int, channels: int, spans: tuple[tuple[int, int], ...], cells: int, monkeypatch
) -> None:
    monkeypatch.setattr(windows_module, "_CELLS", cells)
    x, filters = problem(batch, length, channels, spans)
    fast, plain = max_over_windows(x, filters), plainly(x, filters)
    torch.testing.assert_close(fast, plain)
    with torch.no_grad():
        torch.testing.assert_close(max_over_windows(x, filters), plain.detach())
    upstream = torch.randn_like(plain)
    for got, wanted in zip(
        torch.autograd.grad(fast, [x, *filters], upstream),
        torch.autograd.grad(plain, [x, *filters], upstream),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize(("channels", "spans"), [(20, ((2, 2),)), (1, ((2, 2), (3, 1))), (2, ((3, 1), (1, 2)))])
def test_gradients_of_first_and_second_order(channels: int, spans: tuple[tuple[int, int], ...]) -> None:
    x, filters = problem(2, 4, channels, spans)
    filters = [weight.detach().requires_grad_() for weight in filters]
    assert torch.autograd.gradcheck(lambda x, *w: max_over_windows(x, w), (x, *filters))
    if channels < 20:
        assert torch.autograd.gradgradcheck(lambda x, *w: max_over_windows(x, w), (x, *filters))


@pytest.mark.parametrize(("channels", "spans"), [(6, ((1, 3), (6, 2))), (1, ((3, 3), (2, 4)))])
def test_gradients_that_can_be_differentiated_are_the_same(channels: int, spans: tuple[tuple[int, int], ...]) -> None:
    x, filters = problem(5, 7, channels, spans)
    once = torch.autograd.grad(max_over_windows(x, filters).square().sum(), [x, *filters])
    again = torch.autograd.grad(max_over_windows(x, filters).square().sum(), [x, *filters], create_graph=True)
    for a, b in zip(once, again, strict=True):
        torch.testing.assert_close(a, b)
    functional = torch.func.grad(lambda x: max_over_windows(x, filters).square().sum())(x)
    torch.testing.assert_close(functional, once[0])


def test_of_equal_windows_the_first_gets_the_gradient() -> None:
    x = torch.ones(1, 4, 40, dtype=torch.float64, requires_grad=True)
    max_over_windows(x, [torch.ones(1, 2, 40, dtype=torch.float64)]).sum().backward()
    assert x.grad[0, :, 0].tolist() == [1, 1, 0, 0]


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, filters = problem(3, 5, 4, ((2, 3),))
    max_over_windows(x.detach(), filters).sum().backward()
    assert x.grad is None
    assert filters[0].grad is not None
    max_over_windows(x, [filters[0].detach()]).sum().backward()
    assert x.grad is not None
    assert not max_over_windows(x.detach(), [filters[0].detach()]).requires_grad


def test_bias_and_activation_commute_with_the_maximum() -> None:
    x, filters = problem(3, 5, 4, ((2, 6),))
    bias = torch.randn(6, dtype=torch.float64)
    before = F.relu(F.conv2d(x[:, None], filters[0][:, None], bias)[..., 0]).amax(-1)
    torch.testing.assert_close(F.relu(max_over_windows(x, filters) + bias), before)


def test_half_precision_and_float32_agree_with_convolution() -> None:
    x, filters = problem(4, 9, 8, ((3, 5), (1, 2)))
    x32, filters32 = x.detach().float(), [weight.detach().float() for weight in filters]
    torch.testing.assert_close(max_over_windows(x32, filters32), plainly(x32, filters32))
    with torch.autocast("cpu", torch.bfloat16):
        half = max_over_windows(x32, filters32)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), plainly(x32, filters32), atol=0.2, rtol=0.05)


def plain_highway(x: Tensor, layer: Highway) -> Tensor:
    (w_gate, w_transform), (b_gate, b_transform) = layer.maps.weight.chunk(2), layer.maps.bias.chunk(2)
    gate = torch.sigmoid(x @ w_gate.t() + b_gate)
    return gate * torch.relu(x @ w_transform.t() + b_transform) + (1 - gate) * x


@pytest.mark.parametrize("cells", [76_800, 8])
def test_highway_equals_its_formula(cells: int, monkeypatch) -> None:
    monkeypatch.setattr(windows_module, "_CELLS", cells)
    layer, x = Highway(4, gate_bias=-2.0).double(), torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    nn.init.normal_(layer.maps.weight)
    everything = [x, *layer.parameters()]
    fast, plain = layer(x), plain_highway(x, layer)
    torch.testing.assert_close(fast, plain)
    torch.testing.assert_close(layer(x[None])[0], plain)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), plain.detach())
    wanted = torch.autograd.grad(plain.square().sum(), everything)
    for create_graph in (False, True):
        got = torch.autograd.grad(layer(x).square().sum(), everything, create_graph=create_graph)
        for a, b in zip(got, wanted, strict=True):
            torch.testing.assert_close(a, b)


def test_highway_has_gradients_of_first_and_second_order() -> None:
    layer, x = Highway(3).double(), torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"maps.weight": weight, "maps.bias": bias}, x)

    inputs = (x, layer.maps.weight.detach().requires_grad_(), layer.maps.bias.detach().requires_grad_())
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


def test_highway_lets_features_pass_when_its_gate_is_shut() -> None:
    x = torch.randn(5, 6)
    torch.testing.assert_close(Highway(6, gate_bias=-50.0)(x), x)
    shut = Highway(6, gate_bias=50.0)
    torch.testing.assert_close(shut(x), torch.relu(x @ shut.maps.weight[6:].t()))


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    drop, x = Dropout(0.25), torch.ones(400, 500, requires_grad=True)
    out = drop(x)
    assert out.unique().tolist() == pytest.approx([0.0, 4 / 3])
    share = (out == 0).double().mean()
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / x.numel()) ** 0.5
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())
    assert torch.equal(drop.eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
