"""Sequential Monte Carlo over tokens: populations of prefixes, weighted by how the attribute fares."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.plug_and_play.sequences.proposals import Steered
from gan_ext.sequences import draw, evaluating, rows_at_a_time, select

__all__ = ["Population", "populations"]


class Population(NamedTuple):
    """G independent populations of N finished sequences."""

    tokens: Tensor
    """[G, N, T]."""
    log_weight: Tensor
    """[G, N], of any scale."""
    log_evidence: Tensor
    """Logarithms of independent, unbiased estimates of E_p[p(a | x)^s] [G]."""


@torch.no_grad()
def populations(
    model: Steered,
    groups: int,
    particles: int,
    threshold: float,
    whole: Callable[[Tensor], Tensor] | None = None,
    labels: Tensor | None = None,
    prefix: Tensor | None = None,
) -> Population:
    r"""Draw populations, each by sequential Monte Carlo, twisted by the attribute of prefixes.

    .. math::
        w_t = w_{t-1} \frac{p(x_t \mid x_{<t}) \, \psi_t(x_{\le t})}{q(x_t \mid x_{<t}) \, \psi_{t-1}(x_{<t})}, \qquad
        \psi_t = p(a \mid x_{\le t})^s, \quad \psi_0 = 1

    At the end :math:`\psi_T` is replaced by the judge of finished sequences.  A population whose effective size falls
    below `threshold` times N is drawn again by its weights (systematic resampling).

    Args:
        model: draws the tokens.
        groups: number G of populations.
        particles: their size N.
        threshold: in [0, 1]; 0 never draws again.
        whole: log p(a | x) of finished sequences, a function of tokens [B, T]; None for the attribute itself.
        labels: classes [G] of a class-conditional generator.
        prefix: first tokens [G, P] of every sequence.
    """
    device = model.generator.first(1).device
    uniforms = torch.rand(groups * particles, model.length, device=device)
    again = torch.rand(groups, model.length, device=device) if threshold > 0 and particles > 1 else None
    # All of a population takes a step together; on a CPU as many populations as fit the cache.
    size = max(1, rows_at_a_time(model.generator, groups * particles) // particles)
    parts = []
    with evaluating(model):
        for begin in range(0, groups, size):
            part = slice(begin, min(begin + size, groups))
            rows = slice(part.start * particles, part.stop * particles)
            parts.append(
                _grown(
                    model, particles, threshold, uniforms[rows], None if again is None else again[part],
                    None if labels is None else labels[part], None if prefix is None else prefix[part],
                )
            )  # fmt: skip
    tokens, log_weight, log_evidence, last = (torch.cat(each) for each in zip(*parts, strict=True))
    if whole is not None:
        log_weight = log_weight + model.strength * whole(tokens.flatten(0, 1)).view_as(last) - last
    return Population(tokens, log_weight, log_evidence + log_weight.logsumexp(1) - math.log(particles))


def _grown(
    model: Steered,
    particles: int,
    threshold: float,
    uniforms: Tensor,
    again: Tensor | None,
    labels: Tensor | None,
    prefix: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return tokens, log-weights, the evidence so far and the last twist of some populations."""
    rows, length = uniforms.shape
    groups, device = rows // particles, uniforms.device
    state = model.initial(rows, None if labels is None else labels.repeat_interleave(particles))
    given = None if prefix is None else prefix.repeat_interleave(particles, 0)
    tokens = torch.full((rows, length), model.pad, dtype=torch.int64, device=device)
    twist, log_weight = torch.zeros(2, rows, device=device)
    log_evidence = torch.zeros(groups, device=device)
    token, open_ = model.first(rows), torch.ones(rows, dtype=torch.bool, device=device)
    for position in range(length):
        logits, known, proposed, state = model.look(token, state)
        free = given is None or position >= given.shape[1]
        token = draw(proposed, uniforms[:, position]) if given is None or free else given[:, position]
        token = torch.where(open_, token, model.pad)
        counts = open_  # but what was given counts only once it is a whole sequence
        if not free and position < length - 1:
            counts = open_ & (token == model.end) if model.end is not None else torch.zeros_like(open_)
        new = model.strength * known.gather(1, token[:, None])[:, 0]
        ratio = _log_share(logits, token) - _log_share(proposed, token) if free else 0.0
        log_weight = log_weight + torch.where(counts, ratio + new - twist, 0.0)
        twist = torch.where(counts, new, twist)
        tokens[:, position] = token
        if model.end is not None:
            open_ = open_ & (token != model.end)
        if again is not None:
            rows_kept, log_weight, log_evidence = _drawn_again(
                log_weight.view(groups, particles), log_evidence, threshold, again[:, position]
            )
            tokens, token, open_, twist = (each[rows_kept] for each in (tokens, token, open_, twist))
            state = select(state, rows_kept)
    shape = (groups, particles)
    return tokens.view(*shape, length), log_weight.view(shape), log_evidence, twist.view(shape)


def _log_share(logits: Tensor, token: Tensor) -> Tensor:
    return logits.float().log_softmax(-1).gather(1, token[:, None])[:, 0]


def _drawn_again(
    log_weight: Tensor, log_evidence: Tensor, threshold: float, uniform: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw poor populations again; return which rows are kept, their log-weights, and the evidence so far."""
    groups, particles = log_weight.shape
    share = log_weight.softmax(1)
    poor = 1 / share.square().sum(1) < threshold * particles
    places = (torch.arange(particles, device=share.device) + uniform[:, None]) / particles
    picked = torch.searchsorted(share.cumsum(1).contiguous(), places.contiguous()).clamp_max(particles - 1)
    own = torch.arange(particles, device=share.device).expand(groups, -1)
    picked = torch.where(poor[:, None], picked, own) + particles * torch.arange(groups, device=share.device)[:, None]
    mean = log_weight.logsumexp(1) - math.log(particles)
    log_evidence = log_evidence + torch.where(poor, mean, 0.0)
    return picked.flatten(), torch.where(poor[:, None], 0.0, log_weight).flatten(), log_evidence
