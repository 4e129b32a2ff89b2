"""Layers the published numbers rest on: weight norm with data-dependent initialization, noise, fast linear maps.

Shapes: B is the batch, I the inputs and O the outputs of a layer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.checks import checked
from gan_ext.precision import linear_backend

__all__ = [
    "Classifier",
    "GaussianNoise",
    "Linear",
    "WeightNorm",
    "WeightNormLinear",
    "data_dependent_init",
]


class _OneDNNLinear(torch.autograd.Function):
    """`x @ weight.T + bias` in float32 by oneDNN, which some processors run twice as fast as the default library."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _onednn(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias = inputs
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            _OneDNNLinear.apply(gradient, weight.t(), None) if for_x else None,  # type: ignore[no-untyped-call]
            _OneDNNLinear.apply(gradient.t(), x.t(), None) if for_weight else None,  # type: ignore[no-untyped-call]
            gradient.sum(0) if for_bias and ctx.has_bias else None,
        )


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight.contiguous(), bias, "none", [], "")
    return result


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    plain = x.device.type != "cpu" or x.dim() != 2 or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
    if plain or torch.compiler.is_compiling() or linear_backend() == "default":
        return F.linear(x, weight, bias)
    result: Tensor = _OneDNNLinear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return result


class Linear(nn.Linear):
    """:class:`torch.nn.Linear` that multiplies float32 matrices by the library :func:`linear_backend` names."""

    def forward(self, input: Tensor) -> Tensor:
        return _linear(input, self.weight, self.bias)


@checked
class WeightNorm(nn.Module):
    """What weight-normalized layers share: a direction V, a bias b and a gain g, fixed or learned, for each output.

    Args:
        direction: V as it starts.
        outputs: O, units or channels.
        train_gain: whether g is learned.
        output_std: standard deviation that :func:`data_dependent_init` gives to every output.
    """

    channel = -1  # the dimension of the layer's output that counts its units

    def __init__(self, direction: Tensor, outputs: int, train_gain: bool, output_std: float) -> None:
        super().__init__()
        if not output_std > 0:
            raise ValueError(f"{type(self).__name__} needs output_std > 0, got {output_std}; 1 is the usual value.")
        self.direction = nn.Parameter(direction)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.output_std = output_std
        gain = torch.ones(outputs)
        if train_gain:
            self.gain: Tensor = nn.Parameter(gain)
        else:
            self.register_buffer("gain", gain)


@checked
class WeightNormLinear(WeightNorm):
    r"""A linear layer whose rows have a length of their own.

    .. math:: y = g \odot \frac{V x}{\lVert V \rVert_\text{row}} + b

    References: Weight Normalization (Salimans and Kingma, 2016), https://arxiv.org/abs/1602.07868

    Directions V start from N(0, std).  Call :func:`data_dependent_init` on real data before training: it sets g and b
    so that every output starts with mean 0 and standard deviation 1.

    Args:
        in_features: I.
        out_features: O.
        train_gain: whether g is learned; if not, it stays as initialized (the published semi-supervised nets learn it
            in the last layer only).
        std: standard deviation of the initial directions.
        output_std: standard deviation that :func:`data_dependent_init` gives to every output.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        train_gain: bool = False,
        std: float = 0.1,
        output_std: float = 1.0,
    ) -> None:
        super().__init__(torch.randn(out_features, in_features) * std, out_features, train_gain, output_std)

    def forward(self, x: Tensor) -> Tensor:
        # Scaling the outputs [B, O] is cheaper than scaling the weights [O, I], forward and backward.
        scale = self.gain / torch.linalg.vector_norm(self.direction, dim=1)
        product = _linear(x, self.direction)
        return torch.addcmul(self.bias.to(product.dtype), product, scale.to(product.dtype))


@contextmanager
def _hooked(module: nn.Module) -> Iterator[None]:
    def standardize(layer: nn.Module, _: Any, output: Tensor) -> Tensor:
        assert isinstance(layer, WeightNorm)
        units = output.movedim(layer.channel, -1)
        mean = units.flatten(0, -2).mean(0)
        std = units.flatten(0, -2).std(0, unbiased=False).clamp_min(1e-6) / layer.output_std
        layer.gain.div_(std)
        layer.bias.sub_(mean).div_(std)
        return ((units - mean) / std).movedim(-1, layer.channel)

    layers = [layer for layer in module.modules() if isinstance(layer, WeightNorm)]
    handles = [layer.register_forward_hook(standardize) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def data_dependent_init(module: nn.Module, *inputs: Tensor) -> None:
    r"""Set gain and bias of every weight-normalized layer from one batch.

    .. math:: g \leftarrow g / \sigma[y], \qquad b \leftarrow (b - \mu[y]) / \sigma[y]

    so that on these inputs each unit has mean 0 and standard deviation 1, or the layer's `output_std` (units constant
    on the batch are left unscaled up to a factor of 1e6).  A channel's mean and deviation are over batch and positions.

    References: Weight Normalization (Salimans and Kingma, 2016), section 3, https://arxiv.org/abs/1602.07868

    Args:
        module: the network, run once in its current mode (keep it in training mode, so that noise counts).
        inputs: what the network takes; a few hundred samples.
    """
    with _hooked(module):
        module(*inputs)


@checked
class GaussianNoise(nn.Module):
    r"""Add noise :math:`\epsilon \sim N(0, \sigma^2)` in training mode; pass data through in evaluation mode.

    Args:
        std: :math:`\sigma`, in units of the input.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        if not std >= 0:
            raise ValueError(f"GaussianNoise needs std >= 0, got {std}.")
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.std == 0:
            return x
        # Drawn in float32 whatever the precision: the CPU draws bfloat16 noise at half the speed.
        noise = torch.randn(x.shape, dtype=torch.float64 if x.dtype == torch.float64 else None, device=x.device)
        return torch.add(x, noise.to(x.dtype), alpha=self.std)

    def extra_repr(self) -> str:
        return f"std={self.std}"


class Output(NamedTuple):
    """Class logits [B, K] and the features [B, F] they were computed from."""

    logits: Tensor
    features: Tensor


@checked
class Classifier(nn.Module):
    """A trunk that makes features and a head that makes class logits of them.

    Args:
        trunk: maps data to features [B, F].
        head: maps features to logits [B, K].
    """

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def forward(self, x: Tensor) -> Output:
        features = self.trunk(x)
        return Output(self.head(features), features)
