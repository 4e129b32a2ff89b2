"""Convolutions over windows of a sequence with max-pooling over time, and the highway layer behind them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.precision import linear_backend
from gan_ext.sequences import length_groups

__all__ = ["Dropout", "Highway", "apart_by_tail", "max_over_windows", "without_tail"]

_CELLS = 76_800  # answers [64, 1200] of one position stay in the cache of a core
_THIN = 32  # products of so few numbers are cheaper to repeat than to keep


def max_over_windows(x: Tensor, filters: Sequence[Tensor]) -> Tensor:
    r"""Return the largest answer of every filter over all windows of a sequence.

    .. math:: y_{bf} = \max_t \sum_{k < w} \langle W_{fk}, x_{b,t+k} \rangle

    This is a convolution over time and a maximum, without bias and activation: both are monotone, so they may follow
    the maximum.  A filter longer than the sequence sees one window: the sequence with zeros after it.  On a CPU in
    float32 or float64 the products are taken position by position from the sequence as it lies in memory, and the
    gradient goes to the windows that won, of equal ones to the first.  Elsewhere (a GPU, half precision, compiled, or
    where the matrix library is oneDNN) it is a convolution, and equal windows share the gradient.

    Args:
        x: sequences [B, T, E], T >= 1.
        filters: weights [F_i, w_i, E], any number of them.

    Returns:
        Answers [B, F_1 + F_2 + ...].
    """
    length, channels = x.shape[1:]
    filters = [weight[:, :length] for weight in filters]
    if not _by_position(x):
        series = x.transpose(1, 2)
        return torch.cat([F.conv1d(series, weight.transpose(1, 2)).amax(-1) for weight in filters], 1)
    flat = x.flatten(1)
    if channels * max(weight.shape[1] for weight in filters) > _THIN:
        parts = [_pool(flat, weight.flatten(1), channels, ((len(weight), weight.shape[1]),)) for weight in filters]
        return torch.cat(parts, 1)
    order = sorted(range(len(filters)), key=lambda index: filters[index].shape[1])
    widest = filters[order[-1]].shape[1]
    band = torch.cat([F.pad(filters[i], (0, 0, 0, widest - filters[i].shape[1])).flatten(1) for i in order])
    pooled = _pool(flat, band, channels, tuple((len(filters[index]), filters[index].shape[1]) for index in order))
    if order == list(range(len(filters))):
        return pooled
    pieces = dict(zip(order, pooled.split([len(filters[index]) for index in order], 1), strict=True))
    return torch.cat([pieces[index] for index in range(len(filters))], 1)


def without_tail(x: Tensor, widest: int) -> Tensor:
    """Return token numbers [..., T'] without last columns that only repeat windows; the largest answers are the same.

    Where all sequences repeat their last token to the end, as padded ones do, all windows that begin there are alike,
    and one is enough.  On a CPU alone: a GPU would be waited for.

    Args:
        x: token numbers [..., T], or rows of weights, which stay as they are.
        widest: tokens of the widest window.
    """
    if x.is_floating_point() or x.device.type != "cpu" or torch.compiler.is_compiling():
        return x
    return x[..., : int(_tail(x).max()) + widest]


def apart_by_tail(x: Tensor, widest: int) -> list[Tensor]:
    """Return the rows of token numbers [B, T] that are cheaper to read apart (:func:`gan_ext.sequences.length_groups`).

    Args:
        x: token numbers [B, T]; rows of weights [B, T, V] are all of one group.
        widest: tokens of the widest window.
    """
    if x.is_floating_point() or x.device.type != "cpu" or torch.compiler.is_compiling():
        return [torch.arange(len(x), device=x.device)]
    return length_groups((_tail(x) + widest).clamp_max(x.shape[1]))


def _tail(x: Tensor) -> Tensor:
    """Return how many tokens [...] come before the last one begins to repeat itself to the end."""
    places = torch.arange(1, x.shape[-1] + 1, device=x.device)
    return torch.where(x != x[..., -1:], places, 0).amax(-1)


def _by_position(x: Tensor) -> bool:
    plain = x.device.type != "cpu" or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu")
    return not plain and (x.dtype == torch.float64 or (x.dtype == torch.float32 and linear_backend() == "default"))


_Spans = tuple[tuple[int, int], ...]  # (filters, width) of neighboring rows of a weight, widths ascending


def _pool(x: Tensor, weight: Tensor, channels: int, spans: _Spans) -> Tensor:
    if not (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)):
        return _MaxOverWindows.forward(x, weight, channels, spans, False)[0]
    keep = weight.shape[1] > _THIN
    pooled: Tensor = _MaxOverWindows.apply(x, weight, channels, spans, keep)[0]  # type: ignore[no-untyped-call]
    return pooled


def _positions(length: int, size: int, spans: _Spans) -> list[tuple[int, int, int]]:
    """Return first number, last number and number of filters of the windows at every position; widest filters last."""
    found = []
    for position in range(length - spans[0][1] + 1):
        rows = sum(filters for filters, width in spans if position + width <= length)
        widest = max(width for _, width in spans if position + width <= length)
        found.append((position * size, (position + widest) * size, rows))
    return found


class _MaxOverWindows(torch.autograd.Function):
    """Sequences [B, T * E] and weights [F, w * E] to the largest products [B, F] and all products (if kept)."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, channels: int, spans: _Spans, keep: bool) -> tuple[Tensor, Tensor]:
        windows = _positions(x.shape[1] // channels, channels, spans)
        best = x.new_empty(len(x), len(weight))
        kept = x.new_empty(len(windows), *best.shape) if keep else x.new_empty(0)
        step = max(1, _CELLS // len(weight))
        scratch = x.new_empty(min(step, len(x)), len(weight))
        for begin in range(0, len(x), step):
            rows, top = x[begin : begin + step], best[begin : begin + step]
            for position, (first, last, filters) in enumerate(windows):
                answers = kept[position, begin : begin + step] if keep else scratch[: len(rows), :filters]
                target = top if position == 0 and not keep else answers
                torch.mm(rows[:, first:last], weight[:filters, : last - first].t(), out=target)
                if position == 0 and keep:
                    top.copy_(answers)
                elif position:
                    torch.maximum(top[:, :filters], answers, out=top[:, :filters])
        return best, kept

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, weight, ctx.channels, ctx.spans, ctx.keep = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(x, weight, *output)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (x, weight, best, kept) = gradients[0], ctx.saved_tensors
        if gradient is None:
            return (None,) * 5
        if torch.is_grad_enabled():
            return (*_slow_backward(gradient, x, weight, ctx.channels, ctx.spans), None, None, None)
        return (*_fast_backward(gradient, x, weight, best, kept, ctx), None, None, None)


def _fast_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, best: Tensor, kept: Tensor, ctx: Any
) -> tuple[Tensor | None, Tensor | None]:
    windows = _positions(x.shape[1] // ctx.channels, ctx.channels, ctx.spans)
    for_x = x.new_zeros(x.shape[1], len(x)) if ctx.needs_input_grad[0] else None  # transposed, for narrow windows
    turned = weight.t().contiguous()
    for_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
    step = max(1, _CELLS // len(weight))
    scratch, spare = (x.new_empty(min(step, len(x)), len(weight)) for _ in range(2))
    for begin in range(0, len(x), step):
        part = slice(begin, begin + step)
        rows, left = x[part], gradient[part].clone()
        for position, (first, last, filters) in enumerate(windows):
            used = weight[:filters, : last - first]
            answers = kept[position, part] if ctx.keep else scratch[: len(rows), :filters]
            if not ctx.keep:
                torch.mm(rows[:, first:last], used.t(), out=answers)
            here, open_ = spare[: len(rows), :filters], left[:, :filters]
            torch.eq(answers, best[part, :filters], out=here).mul_(open_)
            open_.sub_(here)  # a filter's gradient is spent where it first won
            if for_weight is not None:
                for_weight[:filters, : last - first].addmm_(here.t(), rows[:, first:last])
            if for_x is not None:
                for_x[first:last, part].addmm_(turned[: last - first, :filters], here.t())
    return None if for_x is None else for_x.t(), for_weight


def _slow_backward(gradient: Tensor, x: Tensor, weight: Tensor, channels: int, spans: _Spans) -> tuple[Tensor, Tensor]:
    """Return the same by operations that can be differentiated again, for penalties on gradients."""
    series, begin = x.unflatten(1, (-1, channels)), 0
    for_x, for_weight = torch.zeros_like(series), []
    for filters, width in spans:
        used = weight[begin : begin + filters, : width * channels].unflatten(1, (width, channels))
        share = gradient[:, begin : begin + filters, None]
        windows = series.unfold(1, width, 1)  # [B, positions, E, w]
        winner = torch.einsum("btew,fwe->bft", windows.detach(), used.detach()).max(-1, keepdim=True).indices
        spread = torch.zeros_like(share).expand(-1, -1, windows.shape[1]).scatter(-1, winner, share)
        for_weight.append(torch.einsum("bft,btew->fwe", spread, windows).flatten(1))
        for_weight[-1] = F.pad(for_weight[-1], (0, weight.shape[1] - width * channels))
        for_x = for_x + F.conv_transpose1d(spread, used.transpose(1, 2)).transpose(1, 2)
        begin += filters
    return for_x.flatten(1), torch.cat(for_weight)


@checked
class Highway(nn.Module):
    r"""Pass features on, in part as they are and in part transformed.

    .. math:: y = g \odot \mathrm{relu}(W_h x + b_h) + (1 - g) \odot x, \qquad g = \sigma(W_g x + b_g)

    Gate and transform are two maps (some ports use one for both), computed as one product.

    References: Highway Networks (Srivastava et al., 2015), https://arxiv.org/abs/1505.00387

    Args:
        features: size F of x and y.
        gate_bias: initial :math:`b_g`; below 0 the features pass as they are at first.
    """

    def __init__(self, features: int, gate_bias: float = 0.0) -> None:
        super().__init__()
        self.maps = Linear(features, 2 * features)
        for weight in self.maps.weight.chunk(2):
            nn.init.xavier_uniform_(weight)
        with torch.no_grad():
            self.maps.bias.zero_()
            self.maps.bias[:features] = gate_bias

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2 and _by_position(x) and torch.is_grad_enabled():
            return _Highway.apply(x, self.maps.weight, self.maps.bias)[0]  # type: ignore[no-any-return, no-untyped-call]
        gate, transform = self.maps(x).chunk(2, -1)
        return torch.lerp(x.to(gate.dtype), torch.relu(transform), torch.sigmoid(gate))


class _Highway(torch.autograd.Function):
    """Features [B, F] by weights [2F, F] and biases [2F] to features [B, F], and [gate, transform] for the backward.

    Activations are worked on in pieces that stay in the cache, so that those of a large batch are written once.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        size, step = x.shape[1], max(1, _CELLS // x.shape[1])
        mixed, maps = torch.empty_like(x), torch.addmm(bias, x, weight.t())
        for begin in range(0, len(x), step):
            part = slice(begin, begin + step)
            gate, transform = maps[part, :size].sigmoid_(), maps[part, size:].relu_()
            torch.lerp(x[part], transform, gate, out=mixed[part])
        return mixed, maps

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs, output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (x, weight, bias, maps) = gradients[0], ctx.saved_tensors
        if gradient is None:
            return None, None, None
        if torch.is_grad_enabled():  # differentiable again: from the inputs
            gate, transform = F.linear(x, weight, bias).chunk(2, -1)
            for_maps, rest = _through_highway(gradient, x, torch.sigmoid(gate), torch.relu(transform))
            return rest + for_maps @ weight, for_maps.t() @ x, for_maps.sum(0)
        size, step = x.shape[1], max(1, _CELLS // x.shape[1])
        for_x, for_maps = torch.empty_like(x), torch.empty_like(maps)
        for begin in range(0, len(x), step):
            part = slice(begin, begin + step)
            for_maps[part], for_x[part] = _through_highway(
                gradient[part], x[part], maps[part, :size], maps[part, size:]
            )
        return for_x.addmm_(for_maps, weight), for_maps.t() @ x, for_maps.sum(0)


def _through_highway(gradient: Tensor, x: Tensor, gate: Tensor, transform: Tensor) -> tuple[Tensor, Tensor]:
    """Return gradients for both maps' outputs [B, 2F], and that for the input past them."""
    passed = gradient * gate
    rest = gradient - passed
    for_gate = rest * gate * (transform - x)
    return torch.cat([for_gate, passed * torch.sign(transform)], 1), rest


class Dropout(nn.Dropout):
    """:class:`torch.nn.Dropout` from uniform numbers, which a CPU draws three times as fast as coin flips."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p in (0, 1) or input.device.type != "cpu" or not _by_position(input):
            return super().forward(input)
        kept = torch.rand_like(input).ge_(self.p).mul_(1 / (1 - self.p))
        return input * kept
