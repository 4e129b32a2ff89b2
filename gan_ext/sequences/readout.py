"""Models with a linear softmax layer: log-probabilities without ever holding all logits."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gan_ext.sequences.model import COLD, SequenceModel, real_positions, trimmed

__all__ = ["LinearReadout", "chosen_log_prob"]

_NUMBERS = 400_000  # logits held at a time by a thread of a CPU: they stay in the cache of a core


class LinearReadout(SequenceModel):
    r"""A sequence model that can read a whole sequence at once, and predicts each token by one linear layer.

    .. math:: p(x_t \mid x_{<t}) = \mathrm{softmax}(W h_t + b), \qquad h_t = h(x_{<t})

    A subclass has the layer as `output` and gives the states h by :meth:`states`.
    """

    output: nn.Linear

    @abstractmethod
    def states(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the states [B, T, H] from which the tokens [B, T] are predicted (teacher forcing)."""

    def logits(self, states: Tensor) -> Tensor:
        """Return the logits [..., V] for states [..., H]."""
        logits: Tensor = self.allow(self.output(states))
        return logits

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.logits(self.states(tokens, labels))

    def log_prob(self, tokens: Tensor, labels: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        if temperature < COLD:
            return super().log_prob(tokens, labels, temperature)
        columns, tokens = tokens.shape[1], trimmed(tokens, self.end)
        states = self.states(tokens, labels)
        bias: Tensor = self.output.bias
        if temperature != 1.0:
            states, bias = states / temperature, bias / temperature
        # What cannot come is ruled out after the division, for heat would revive it.
        weight, bias, real = self.output.weight, self.allow(bias), real_positions(tokens, self.end)
        if self.end is None or states.device.type != "cpu" or torch.compiler.is_compiling():
            return chosen_log_prob(states, weight, bias, tokens) * real
        kept = real.nonzero(as_tuple=True)  # pads cost nothing here; elsewhere shapes must not depend on the data
        known = chosen_log_prob(states[kept][None], weight, bias, tokens[kept][None])[0]
        return known.new_zeros(len(tokens), columns).index_put(kept, known)


def chosen_log_prob(states: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    r"""Return :math:`\log \mathrm{softmax}(W h + b)_x` [B, T] of tokens x [B, T].

    On a CPU, logits of a few rows at a time are made, used and forgotten, and made again for the gradient: the walk
    through the cache costs less than the walk through memory that keeping them would.

    Args:
        states: h [B, T, H].
        weight: W [V, H].
        bias: b [V].
        tokens: x [B, T], int64.
    """
    if states.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        flat: Tensor = _Chosen.apply(states.flatten(0, -2), weight, bias, tokens.flatten())  # type: ignore[no-untyped-call]
        return flat.view_as(tokens)
    logits = linear(states, weight, bias).float()
    return logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        known, rows = torch.empty_like(states[:, 0]), _rows(len(bias))
        for begin in range(0, len(states), rows):
            part = slice(begin, begin + rows)
            logits = torch.addmm(bias, states[part], weight.t())
            top = logits.amax(1, keepdim=True)
            picked = logits.gather(1, tokens[part, None]) - top
            known[part] = (picked - logits.sub_(top).exp_().sum(1, keepdim=True).log())[:, 0]
        ctx.save_for_backward(states, weight, bias, tokens)
        return known

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, bias, tokens = ctx.saved_tensors
        d_states, d_weight, d_bias = torch.empty_like(states), torch.zeros_like(weight), torch.zeros_like(bias)
        rows = _rows(len(bias))
        for begin in range(0, len(states), rows):
            part = slice(begin, begin + rows)
            given = outer[0][part, None]
            logits = torch.addmm(bias, states[part], weight.t())
            odds = logits.sub_(logits.amax(1, keepdim=True)).exp_()
            odds.mul_(-given / odds.sum(1, keepdim=True)).scatter_add_(1, tokens[part, None], given)
            torch.mm(odds, weight, out=d_states[part])
            d_weight.addmm_(odds.t(), states[part])
            d_bias.add_(odds.sum(0))
        return d_states, d_weight, d_bias, None


def _rows(vocabulary: int) -> int:
    threads = 1 if torch.compiler.is_compiling() else torch.get_num_threads()
    return max(1, _NUMBERS * threads // vocabulary)
