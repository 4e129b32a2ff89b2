"""Sampling tokens, with temperature, top-k and top-p (nucleus): in blocks, never a token of probability zero."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from gan_ext.sequences.model import COLD, COLDEST, IMPOSSIBLE, SequenceModel, evaluating

__all__ = ["check_sharpening", "draw", "rows_at_a_time", "sample", "sharpen"]

_LOOK_EVERY = 16  # positions between looks of a GPU at whether all sequences have ended
_NUMBERS = 400_000  # logits held at a time by a thread of a CPU: more leave the cache of a core, and cost page faults


def draw(logits: Tensor, uniform: Tensor, *, check: bool = True) -> Tensor:
    r"""Draw tokens by inverting the distribution function.

    .. math:: x = \min \{ v : \textstyle\sum_{w \le v} e^{l_w} > u \sum_w e^{l_w} \}

    The sum runs over blocks first and then within one block, so that almost all work is one exponential and one sum.
    A token of probability zero never comes (``torch.multinomial`` on a CPU can return one).

    Args:
        logits: [B, V], of any float type; computed in float32.
        uniform: numbers in [0, 1), [B] or [B, N] for N draws from each distribution.
        check: whether to look for rows that are no distribution, which waits for the device; within a step of a game
            leave it to the engine, which finds the loss that is not finite.

    Returns:
        Token numbers [B] or [B, N].

    Raises:
        ValueError: a row with NaN, with infinity, or without any possible token.
    """
    tokens, possible = _drawn(logits, uniform)
    if check:
        _check_possible(possible)
    return tokens


def _drawn(logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Return tokens, and which rows [B] (bool) are a distribution; the tokens of others mean nothing."""
    single = uniform.dim() == 1
    uniform = uniform[:, None] if single else uniform
    rows, vocabulary = logits.shape
    largest = logits.amax(1, keepdim=True).float()
    weights = (logits.float() - largest).exp_()
    block = _block(vocabulary)
    if vocabulary % block:
        weights = torch.nn.functional.pad(weights, (0, -vocabulary % block))
    blocks = weights.view(rows, -1, block)
    above = blocks.sum(-1).cumsum(-1)
    threshold = uniform * above[:, -1:]
    # The largest sum that a rounded threshold could reach is that of the last block with any weight.
    last = (above < above[:, -1:]).sum(-1, keepdim=True)
    chosen = torch.minimum(torch.searchsorted(above, threshold, right=True), last)
    before = torch.where(chosen > 0, above.gather(1, (chosen - 1).clamp_min(0)), 0.0)
    within = blocks.gather(1, chosen[..., None].expand(-1, -1, block)).cumsum(-1)
    heavy = (within < within[..., -1:]).sum(-1)
    place = torch.minimum((within <= (threshold - before)[..., None]).sum(-1), heavy)
    token = chosen * block + place
    return token[:, 0] if single else token, largest[:, 0].isfinite()


def _check_possible(possible: Tensor) -> None:
    if not bool(possible.all()):
        raise ValueError(
            f"{int((~possible).sum())} of {len(possible)} rows of logits are no distribution over tokens: a logit is "
            "NaN or infinite, or all are -inf. Look for weights that are not finite, or a mask that leaves no token."
        )


def _block(vocabulary: int) -> int:
    """Return a block size near the root of the vocabulary, one that divides it if there is one."""
    root = max(1, math.isqrt(vocabulary))
    return next((size for size in range(root, max(1, root // 2), -1) if vocabulary % size == 0), root)


def sharpen(
    logits: Tensor, temperature: float | Tensor = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return logits [B, V] divided by the temperature, without the tokens that are not among the likely ones.

    References: top-k, Hierarchical Neural Story Generation (Fan et al., 2018), https://arxiv.org/abs/1805.04833;
    top-p (nucleus), The Curious Case of Neural Text Degeneration (Holtzman et al., 2020),
    https://arxiv.org/abs/1904.09751

    Args:
        logits: [B, V].
        temperature: > 0; below 1 likely tokens become likelier.
        top_k: keep the k likeliest tokens; None keeps all.
        top_p: keep the smallest set of likeliest tokens with at least this probability, in (0, 1]; None keeps all.

    Raises:
        ValueError: a value out of its range.
    """
    check_sharpening(temperature, top_k, top_p)
    temperature = temperature if isinstance(temperature, Tensor) else float(temperature)
    if isinstance(temperature, Tensor) or temperature > 10:  # so hot that what cannot come would come
        logits = torch.where(logits > IMPOSSIBLE / 2, _divided(logits, temperature), logits)
    elif temperature != 1.0:
        logits = _divided(logits, temperature)
    if top_k is not None and top_k < logits.shape[-1]:
        # By place, not by value, so that of equal ones no more than k stay.
        likely = logits.argmax(-1, keepdim=True) if top_k == 1 else logits.topk(top_k, -1).indices
        logits = torch.full_like(logits, IMPOSSIBLE).scatter(-1, likely, logits.gather(-1, likely))
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(-1, descending=True)
        probabilities = ordered.float().softmax(-1)
        superfluous = probabilities.cumsum(-1) - probabilities >= top_p
        logits = logits.masked_fill(torch.zeros_like(superfluous).scatter(-1, order, superfluous), IMPOSSIBLE)
    return logits


def _divided(logits: Tensor, temperature: float | Tensor) -> Tensor:
    """Return logits by the temperature, also one so low that only the likeliest tokens stay finite."""
    if isinstance(temperature, Tensor):
        cold, temperature = temperature < COLD, temperature.clamp_min(COLDEST)
    elif temperature >= COLD:
        return logits / temperature
    else:
        cold, temperature = None, max(temperature, COLDEST)
    below = ((logits - logits.amax(-1, keepdim=True)).float() / temperature).clamp_min(IMPOSSIBLE).to(logits.dtype)
    return below if cold is None else torch.where(cold, below, logits / temperature)


def check_sharpening(temperature: float | Tensor = 1.0, top_k: int | None = None, top_p: float | None = None) -> None:
    """Raise ValueError for a temperature, k or p out of range."""
    if not isinstance(temperature, Tensor) and not (_is_number(temperature) and 0 < temperature < math.inf):
        raise ValueError(f"temperature={temperature!r} must be a positive number.")
    if top_k is not None and not (isinstance(top_k, Integral) and not isinstance(top_k, bool) and top_k >= 1):
        raise ValueError(f"top_k={top_k!r} must be at least 1, or None for all tokens.")
    if top_p is not None and not (_is_number(top_p) and 0 < top_p <= 1):
        raise ValueError(f"top_p={top_p!r} must be in (0, 1], or None for all tokens.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


@torch.no_grad()
def sample(
    model: SequenceModel,
    n: int,
    *,
    labels: Tensor | None = None,
    prefix: Tensor | None = None,
    temperature: float | Tensor = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    uniforms: Tensor | None = None,
    without: Sequence[int] = (),
    check: bool = True,
) -> Tensor:
    """Draw `n` sequences [n, T] without dropout; on a CPU in blocks of rows that fit the cache.

    It stops where all sequences of a block have ended; what is drawn is the same.

    Args:
        model: what to sample from.
        n: how many.
        labels: classes [n] of a class-conditional model.
        prefix: first tokens [n, P] of every sequence, P <= T.
        temperature: divides the logits.
        top_k: see :func:`sharpen`.
        top_p: see :func:`sharpen`.
        uniforms: the noise, numbers in [0, 1) [n, T]; drawn if None.
        without: tokens that are never drawn, as if the others alone were possible.
        check: whether to look, at the end, for logits that were no distribution (see :func:`draw`).

    Raises:
        ValueError: a prefix longer than T, a value out of range, or logits that are no distribution.
    """
    check_sharpening(temperature, top_k, top_p)
    if prefix is not None and (prefix.dim() != 2 or len(prefix) != n or prefix.shape[1] > model.length):
        raise ValueError(
            f"prefix must have shape ({n}, at most {model.length}), got {tuple(prefix.shape)}; the model's sequences "
            f"have at most {model.length} tokens."
        )
    device = next(model.parameters()).device
    if uniforms is None:
        uniforms = torch.rand(n, model.length, device=device)
    banned = torch.tensor(list(without), device=device) if without else None
    rows, parts = rows_at_a_time(model, n), []
    with evaluating(model):
        for begin in range(0, n, rows):
            part = slice(begin, min(begin + rows, n))
            state = model.initial(part.stop - begin, None if labels is None else labels[part])
            given = None if prefix is None else prefix[part]
            parts.append(_continue(model, state, uniforms[part], given, temperature, top_k, top_p, banned, check))
    return torch.cat(parts) if parts else torch.empty(0, model.length, dtype=torch.int64, device=device)


def rows_at_a_time(model: SequenceModel, n: int) -> int:
    """Return how many sequences to advance together: all on a GPU, as many as fit the cache on a CPU."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    return max(1, min(n, _NUMBERS * torch.get_num_threads() // model.vocabulary if on_cpu else n))


def _continue(
    model: SequenceModel,
    state: tuple[Tensor, ...],
    uniforms: Tensor,
    prefix: Tensor | None,
    temperature: float | Tensor,
    top_k: int | None,
    top_p: float | None,
    banned: Tensor | None,
    check: bool,
) -> Tensor:
    given = 0 if prefix is None else prefix.shape[1]
    token, tokens = model.first(len(uniforms)), []
    open_ = possible = torch.ones_like(token, dtype=torch.bool)
    for position in range(model.length):
        logits, state = model.step(token, state)
        if prefix is not None and position < given:
            token = prefix[:, position]
        else:
            logits = logits if banned is None else logits.index_fill(-1, banned, IMPOSSIBLE)
            token, fine = _drawn(sharpen(logits, temperature, top_k, top_p), uniforms[:, position])
            possible = possible & (fine | ~open_)
            token = torch.where(open_, token, model.pad)
        tokens.append(token)
        if model.end is not None:
            open_ = open_ & (token != model.end)
        if position + 1 >= given and _all_closed(open_, position, check):
            tokens += [torch.full_like(token, model.pad)] * (model.length - position - 1)
            break
    if check:
        _check_possible(possible)
    return torch.stack(tokens, 1)


def _all_closed(open_: Tensor, position: int, check: bool) -> bool:
    """Return whether nothing is left to draw; on a GPU, where a look waits for the device, looked at now and then."""
    if open_.device.type != "cpu" and not (check and position % _LOOK_EVERY == _LOOK_EVERY - 1):
        return False
    return not bool(open_.any())
