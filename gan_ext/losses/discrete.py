"""Losses of tokens: cross-entropy with a linear readout, means over real positions."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

__all__ = ["linear_cross_entropy", "token_mean"]

_NUMBERS = 400_000  # logits held at a time by a thread of a CPU: they stay in the cache of a core


def token_mean(values: Tensor, mask: Tensor) -> Tensor:
    r"""Return the mean of values over real positions, :math:`\sum m v / \sum m`.

    Args:
        values: [B, T].
        mask: which positions hold a token, [B, T] (bool or 0/1).
    """
    mask = mask.to(values.dtype)
    return (values * mask).sum() / mask.sum().clamp_min(1.0)


def linear_cross_entropy(
    states: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, mask: Tensor, never: Tensor | None = None
) -> Tensor:
    r"""Mean cross-entropy of tokens predicted by a linear layer, without ever holding all logits.

    .. math:: L = -\frac{1}{\sum m} \sum_{b,t} m_{bt} \log \mathrm{softmax}(W h_{bt} + b + n)_{x_{bt}}

    On a CPU, logits of a few rows at a time are turned into their gradient in place, so that forward and backward pass
    are one walk through the cache; the same numbers as ``F.cross_entropy`` to rounding.

    Args:
        states: outputs h [B, T, H] of the network.
        weight: W [V, H].
        bias: b [V].
        targets: tokens x [B, T], int64.
        mask: which positions count, [B, T] (bool).
        never: n [V], added to the logits to rule tokens out; None for none.

    Returns:
        Nats per token, 0-dim.
    """
    if states.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        mixed = bias if never is None else bias + never
        rows, tokens, share = states.flatten(0, -2), targets.flatten(), mask.flatten().to(states.dtype)
        if not torch.compiler.is_compiling():  # pads cost nothing here; elsewhere shapes must not depend on the data
            kept = share.nonzero()[:, 0]
            rows, tokens, share = rows[kept], tokens[kept], share[kept]
        loss: Tensor = _FusedCrossEntropy.apply(rows, weight, mixed, tokens, share)  # type: ignore[no-untyped-call]
        return loss
    logits = linear(states, weight, bias).float()
    logits = logits if never is None else logits + never
    losses = cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return token_mean(losses.view_as(targets), mask)


class _FusedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        share = mask / mask.sum().clamp_min(1.0)
        needed = any(ctx.needs_input_grad)
        d_states, d_weight, d_bias = torch.empty_like(states), torch.zeros_like(weight), torch.zeros_like(bias)
        total = states.new_zeros(())
        rows = _rows(len(bias))
        for begin in range(0, len(states), rows):
            part = slice(begin, begin + rows)
            hidden, chosen, weights = states[part], targets[part, None], share[part, None]
            logits = torch.addmm(bias, hidden, weight.t())
            top = logits.amax(1, keepdim=True)
            picked = logits.gather(1, chosen) - top
            odds = logits.sub_(top).exp_()
            sums = odds.sum(1, keepdim=True)
            total = total + ((sums.log() - picked) * weights).sum()
            if needed:
                gradient = odds.mul_(weights / sums).scatter_add_(1, chosen, -weights)
                torch.mm(gradient, weight, out=d_states[part])
                d_weight.addmm_(gradient.t(), hidden)
                d_bias.add_(gradient.sum(0))
        ctx.save_for_backward(d_states, d_weight, d_bias)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        d_states, d_weight, d_bias = ctx.saved_tensors
        return d_states * outer[0], d_weight * outer[0], d_bias * outer[0], None, None


def _rows(vocabulary: int) -> int:
    threads = 1 if torch.compiler.is_compiling() else torch.get_num_threads()
    return max(1, _NUMBERS * threads // vocabulary)
