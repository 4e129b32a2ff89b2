"""A generator as a short list of layers that a page can run: weights effective in evaluation mode, norms folded.

Shapes: one sample, without a batch axis.  Weights of convolutions are [outputs, inputs, height, width].
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan_ext.nets import (
    ConcatenatedGenerator,
    ConditionalBatchNorm,
    ConditionalSequential,
    GaussianNoise,
    Linear,
    WeightNormLinear,
)

__all__ = ["class_count", "evaluated", "export_layers"]

Layer: TypeAlias = dict[str, Any]
Shape: TypeAlias = tuple[int, ...]
Exported: TypeAlias = tuple[list[Layer], Shape]

REMEDY = (
    "The page runs nn.Sequential (nested) of Linear, WeightNormLinear, Conv2d, ConvTranspose2d, BatchNorm1d and 2d, "
    "Upsample (nearest), Flatten, Unflatten, ReLU, LeakyReLU, Softplus, Tanh, Sigmoid and Identity: build the "
    "generator of these, or pass the part that is."
)


@torch.no_grad()
def export_layers(generator: nn.Module, inputs: int) -> tuple[list[Layer], Shape]:
    """Return what a generator computes in evaluation mode, as a list of plain layers.

    A layer is a dictionary: ``op`` (linear, conv, deconv, affine, upsample or an activation), its sizes, and for those
    that have them ``weight`` and ``bias`` in float64.  Batch normalization is folded into the layer before it, or is an
    ``affine`` layer of one scale and one shift for each channel.  Of generators that are told a class, the class is the
    last K inputs; ``class_affine`` has a scale and a shift for each class and channel.

    Args:
        generator: an nn.Sequential, nested at will, or a conditional generator of :mod:`gan_ext.nets`; it is not
            changed.
        inputs: length of its input vector, with the classes.

    Returns:
        The layers, and the shape of one sample.

    Raises:
        ValueError: a layer of another kind, with hooks or options the page does not have, sizes that do not fit, or
            weights that are not finite.
    """
    layers: list[Layer] = []
    shape: Shape = (inputs,)
    if type(generator) is ConditionalSequential:
        shape = (inputs - class_count(generator),)
        layers.append({"op": "first", "count": shape[0]})
    with _evaluating(generator):  # also keeps spectral norms from taking a step
        for name, module in _leaves(generator, ""):
            found, shape = _exporter(name, module)(name, module, shape)
            layers += found
    return _folded(layers), shape


@contextmanager
def _evaluating(generator: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in generator.modules()]
    try:
        generator.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def class_count(generator: nn.Module) -> int:
    """Return K of a generator that takes its class as a second argument, 0 for one that does not."""
    if isinstance(generator, ConcatenatedGenerator):
        return generator.classes
    norms = [module for module in generator.modules() if isinstance(module, ConditionalBatchNorm)]
    return len(norms[0].gain) if norms else 0


@torch.no_grad()
def evaluated(generator: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a generator in evaluation mode makes of rows [n, noise and codes]; its modes stay as they were."""
    classes = class_count(generator)
    rows = (inputs[:, :-classes], inputs[:, -classes:].argmax(1)) if classes else (inputs,)
    with _evaluating(generator):
        made: Tensor = generator(*rows)
    return made


def _leaves(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    if module._forward_hooks or module._forward_pre_hooks:
        raise _refused(
            name, module, "has hooks, which the page cannot run: remove them (old weight or spectral norms too)"
        )
    if type(module) not in (nn.Sequential, ConditionalSequential, ConcatenatedGenerator):
        yield name or "generator", module
        return
    for key, child in module.named_children():
        yield from _leaves(child, f"{name}.{key}" if name else key)


def _refused(name: str, module: nn.Module, why: str) -> ValueError:
    return ValueError(f"Layer {name!r} ({type(module).__name__}) {why}. {REMEDY}")


def _exporter(name: str, module: nn.Module) -> Callable[[str, Any, Shape], Exported]:
    kind = parametrize.type_before_parametrizations(module)
    if kind not in EXPORTERS:
        raise _refused(name, module, "is none the page can run")
    return EXPORTERS[kind]


def _linear(name: str, module: Any, shape: Shape) -> Exported:
    weight = module.weight
    return _product(name, module, shape, weight, module.bias)


def _weight_norm(name: str, module: WeightNormLinear, shape: Shape) -> Exported:
    direction = module.direction.double()
    length = torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    return _product(name, module, shape, module.gain.double()[:, None] * direction / length, module.bias)


def _product(name: str, module: nn.Module, shape: Shape, weight: Tensor, bias: Tensor | None) -> Exported:
    outputs, inputs = weight.shape
    if shape != (inputs,):
        raise _refused(name, module, f"takes {inputs} numbers, but gets {list(shape)}")
    return [{"op": "linear", **_weights(name, module, weight, bias), "inputs": inputs, "outputs": outputs}], (outputs,)


def _weights(name: str, module: nn.Module, weight: Tensor, bias: Tensor | None) -> Layer:
    bias = weight.new_zeros(weight.shape[0]) if bias is None else bias
    both = {"weight": weight.detach().double().cpu(), "bias": bias.detach().double().cpu()}
    if not all(bool(part.isfinite().all()) for part in both.values()):
        raise _refused(name, module, "has weights that are not finite: fit the generator anew")
    return both


def _conv(name: str, module: Any, shape: Shape) -> Exported:
    transposed = parametrize.type_before_parametrizations(module) is nn.ConvTranspose2d
    plain = module.groups == 1 and module.dilation == (1, 1) and not isinstance(module.padding, str)
    if not plain or module.padding_mode != "zeros":
        raise _refused(name, module, "has groups, dilation or a padding that the page does not know")
    if len(shape) != 3 or shape[0] != module.in_channels:
        raise _refused(name, module, f"takes [{module.in_channels}, height, width], but gets {list(shape)}")
    extra = module.output_padding if transposed else (0, 0)
    sides = [
        _side(transposed, size, *rest)
        for size, *rest in zip(shape[1:], module.kernel_size, module.stride, module.padding, extra, strict=True)
    ]
    weight = module.weight.transpose(0, 1) if transposed else module.weight
    sizes = {"kernel": module.kernel_size, "stride": module.stride, "padding": module.padding}
    after = (module.out_channels, *sides)
    layer = {"op": "deconv" if transposed else "conv", "from": shape, "to": after, **sizes}
    return [{**layer, **_weights(name, module, weight, module.bias)}], after


def _side(transposed: bool, size: int, kernel: int, stride: int, padding: int, extra: int) -> int:
    if transposed:
        return (size - 1) * stride - 2 * padding + kernel + extra
    return (size + 2 * padding - kernel) // stride + 1


def _batch_norm(name: str, module: Any, shape: Shape) -> Exported:
    if module.running_mean is None:
        raise _refused(name, module, "keeps no running statistics, so that it has no evaluation mode of its own")
    if shape[0] != module.num_features:
        raise _refused(name, module, f"takes {module.num_features} channels, but gets {list(shape)}")
    scale = (module.running_var.double() + module.eps).rsqrt()
    scale = scale if module.weight is None else scale * module.weight.double()
    shift = -module.running_mean.double() * scale
    shift = shift if module.bias is None else shift + module.bias.double()
    inner = torch.Size(shape[1:]).numel()
    return [{"op": "affine", **_weights(name, module, scale, shift), "channels": shape[0], "inner": inner}], shape


def _conditional_norm(name: str, module: ConditionalBatchNorm, shape: Shape) -> Exported:
    plain = nn.BatchNorm2d(len(module.mean), affine=False)
    plain.running_mean, plain.running_var = module.mean, module.variance
    layers, shape = _batch_norm(name, plain, shape)
    sizes = {"channels": shape[0], "inner": layers[0]["inner"], "classes": len(module.gain)}
    return [*layers, {"op": "class_affine", **_weights(name, module, module.gain, module.shift), **sizes}], shape


def _upsample(name: str, module: nn.Upsample, shape: Shape) -> Exported:
    after = tuple(module(torch.empty(1, *shape)).shape[1:]) if len(shape) == 3 else shape
    if module.mode != "nearest" or len(shape) != 3 or after[1] % shape[1] or after[2] % shape[2]:
        raise _refused(
            name,
            module,
            f"must enlarge [channels, height, width] by whole factors in mode 'nearest', and gets {list(shape)}",
        )
    return [{"op": "upsample", "from": shape, "to": after}], after


def _reshape(name: str, module: nn.Module, shape: Shape) -> Exported:
    try:
        return [], tuple(module(torch.empty(1, *shape)).shape[1:])
    except RuntimeError as error:
        raise _refused(name, module, f"cannot take {list(shape)}") from error


def _nothing(name: str, module: nn.Module, shape: Shape) -> Exported:
    return [], shape


def _activation(op: str, *options: str) -> Callable[[str, Any, Shape], Exported]:
    return lambda name, module, shape: ([{"op": op} | {option: getattr(module, option) for option in options}], shape)


EXPORTERS: dict[type[nn.Module], Callable[[str, Any, Shape], Exported]] = {
    nn.Linear: _linear,
    Linear: _linear,
    WeightNormLinear: _weight_norm,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    ConditionalBatchNorm: _conditional_norm,
    nn.Upsample: _upsample,
    nn.UpsamplingNearest2d: _upsample,
    nn.Flatten: _reshape,
    nn.Unflatten: _reshape,
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
    GaussianNoise: _nothing,
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _activation("leaky_relu", "negative_slope"),
    nn.Softplus: _activation("softplus", "beta"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
}


def _folded(layers: Sequence[Layer]) -> list[Layer]:
    """Merge every affine layer into the one before it where that has the same channels."""
    kept: list[Layer] = []
    for layer in layers:
        if layer["op"] == "affine" and kept and _channels(kept[-1]) == layer["channels"]:
            before, scale = kept[-1], layer["weight"]
            weight = (before["weight"].flatten(1) * scale[:, None]).view_as(before["weight"])
            kept[-1] = before | {"weight": weight, "bias": before["bias"] * scale + layer["bias"]}
        else:
            kept.append(layer)
    return kept


def _channels(layer: Layer) -> int:
    """Return how many rows of weights a layer has that multiplies by a matrix, 0 for another one."""
    return layer["weight"].shape[0] if layer["op"] in ("linear", "conv", "deconv") else 0
