r"""Action values by Monte-Carlo rollouts: all prefixes and all their continuations advance together.

The value of choosing token :math:`x_t` after :math:`x_{<t}` is what finished sequences earn on average:

.. math:: Q(x_{<t}, x_t) \approx \frac1N \sum_{i=1}^N R(x_{\le t}, \tilde x^{(i)}_{>t}), \qquad Q(x_{<T}, x_T) = R(x)

The textbook loop encodes every prefix anew and draws its continuations one token at a time: T(T-1)/2 token steps for
each of N continuations.  Here the memory of a prefix is taken from one pass over the sequence and repeated N times, and
continuations of all prefixes take each token step together: T steps, and no prefix is encoded twice.  On a CPU they
take it in pieces that fit the cache.

References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.sequences.model import SequenceModel, State, evaluating, join, repeat, select
from gan_ext.sequences.sampling import draw, rows_at_a_time

__all__ = ["Score", "rollout", "rollout_values"]

Score = Callable[[Tensor, int], Tensor]
"""What finished sequences earn: takes tokens [G, N, T] of which the first `shared` are the same within each group of N,
and that number; returns [G, N]."""


class _Pack(NamedTuple):
    """Continuations that advance together: where they are kept, what they read last, their memory, which are open."""

    kept: Tensor  # [rows, T], a view of the result
    noise: Tensor | None  # [rows, T]
    token: Tensor
    state: State
    open: Tensor


@torch.no_grad()
def rollout(
    model: SequenceModel, tokens: Tensor, n: int, *, labels: Tensor | None = None, uniforms: Tensor | None = None
) -> Tensor:
    """Finish every prefix of every sequence `n` times.

    Args:
        model: the policy.
        tokens: sequences [B, T], T <= the model's length.
        n: continuations N of each prefix.
        labels: classes [B] of a class-conditional model.
        uniforms: the noise, numbers in [0, 1) [T - 1, B, N, T]; drawn if None.

    Returns:
        Token numbers [T - 1, B, N, T]; entry t - 1 has the first t tokens of the sequences given.
    """
    length = tokens.shape[1]
    if n < 1 or length > model.length:
        raise ValueError(f"rollout needs n >= 1 and sequences of at most {model.length} tokens, got {n} and {length}.")
    finished = tokens[None, :, None].repeat(max(length - 1, 0), 1, n, 1)
    with evaluating(model):
        _finish(model, tokens, finished, labels, uniforms)
    return finished


def _finish(
    model: SequenceModel, tokens: Tensor, finished: Tensor, labels: Tensor | None, uniforms: Tensor | None
) -> None:
    state, previous = model.initial(len(tokens), labels), model.first(len(tokens))
    packs: list[_Pack] = []
    for position in range(tokens.shape[1]):
        packs = [_advanced(model, pack, position) for pack in packs]
        logits, state = model.step(previous, state)
        previous = tokens[:, position]
        if position:
            noise = None if uniforms is None else uniforms[position - 1]
            packs += _started(model, finished[position - 1], noise, logits, state, position)
            packs = [_joined(packs)] if _together(logits.device) else packs
        for pack in packs:
            pack.kept[:, position] = pack.token


@torch.no_grad()
def rollout_values(
    model: SequenceModel,
    tokens: Tensor,
    score: Score,
    n: int,
    *,
    labels: Tensor | None = None,
    uniforms: Tensor | None = None,
) -> Tensor:
    """Return the action values [B, T] of the tokens of sequences, by `n` continuations of each prefix.

    Args:
        model: the policy that finishes sequences.
        tokens: sequences [B, T].
        score: what a finished sequence earns, see :data:`Score`; a discriminator's ``grouped`` shares the work inside
            the common prefix.
        n: continuations of each prefix; a finished sequence is scored once.
        labels: classes [B] of a class-conditional model.
        uniforms: the noise, see :func:`rollout`.
    """
    finished = rollout(model, tokens, n, labels=labels, uniforms=uniforms)
    values = [score(group, prefix).mean(1) for prefix, group in enumerate(finished, start=1)]
    last = score(tokens[:, None], tokens.shape[1])[:, 0]
    return torch.stack([*values, last], 1)


def _started(
    model: SequenceModel, kept: Tensor, noise: Tensor | None, logits: Tensor, state: State, position: int
) -> list[_Pack]:
    """Draw the first token after a prefix N times from its one distribution."""
    batch, n, length = kept.shape
    flat = kept.view(batch * n, length)
    uniform = torch.rand(batch, n, device=logits.device) if noise is None else noise[..., position]
    ended = torch.zeros_like(kept[..., 0], dtype=torch.bool)
    if model.end is not None:
        ended = (kept[..., :position] == model.end).any(-1)
    token = torch.where(ended, model.pad, draw(logits, uniform, check=False)).flatten()
    flat_noise = None if noise is None else noise.reshape(batch * n, length)
    whole = _Pack(flat, flat_noise, token, repeat(state, n), _still_open(model, ~ended.flatten(), token))
    rows = rows_at_a_time(model, batch * n)
    return [_part(whole, slice(begin, begin + rows)) for begin in range(0, batch * n, rows)]


def _advanced(model: SequenceModel, pack: _Pack, position: int) -> _Pack:
    logits, state = model.step(pack.token, pack.state)
    noise = pack.noise
    uniform = torch.rand(len(logits), device=logits.device) if noise is None else noise[:, position]
    token = torch.where(pack.open, draw(logits, uniform, check=False), model.pad)
    return _Pack(pack.kept, pack.noise, token, state, _still_open(model, pack.open, token))


def _still_open(model: SequenceModel, open_: Tensor, token: Tensor) -> Tensor:
    return open_ if model.end is None else open_ & (token != model.end)


def _part(pack: _Pack, rows: slice) -> _Pack:
    noise = None if pack.noise is None else pack.noise[rows]
    return _Pack(pack.kept[rows], noise, pack.token[rows], select(pack.state, rows), pack.open[rows])


def _together(device: torch.device) -> bool:
    return device.type != "cpu"


def _joined(packs: list[_Pack]) -> _Pack:
    """On a GPU all rows take one step together; they lie one after the other in the result too."""
    if len(packs) == 1:
        return packs[0]
    first = packs[0]
    rows = sum(len(pack.token) for pack in packs)
    length = first.kept.shape[1]
    kept = first.kept.as_strided((rows, length), (length, 1))
    noise = None if first.noise is None else torch.cat([pack.noise for pack in packs if pack.noise is not None])
    return _Pack(
        kept,
        noise,
        torch.cat([pack.token for pack in packs]),
        join([pack.state for pack in packs]),
        torch.cat([pack.open for pack in packs]),
    )
