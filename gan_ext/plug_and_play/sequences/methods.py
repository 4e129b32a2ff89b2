"""Controlled generation of sequences: sequential Monte Carlo, rejection sampling, best of n."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.plug_and_play.sequences.attributes import PrefixAttribute
from gan_ext.plug_and_play.sequences.particles import populations
from gan_ext.plug_and_play.sequences.proposals import Proposal, Reweighting, Steered
from gan_ext.sequences import SequenceModel, draw, sample

__all__ = ["BestOf", "Rejection", "SequentialMonteCarlo", "SteeredDraw", "SteeringMethod", "TextTarget"]


class TextTarget(NamedTuple):
    r"""What is sampled from: :math:`\pi(x) \propto p(x) \, p(a \mid x)^s`."""

    generator: SequenceModel
    attribute: PrefixAttribute | None
    """Judges prefixes; None if only whole sequences can be judged."""
    whole: Callable[[Tensor], Tensor]
    """log p(a | x) of finished sequences [B, T]."""
    strength: float
    labels: Tensor | None = None
    """Classes [n] of a class-conditional generator."""
    prefix: Tensor | None = None
    """First tokens [n, P] of every sequence."""
    own_whole: bool = True
    """Whether `whole` is what `attribute` says at the end, so that it costs nothing."""


class SteeredDraw(NamedTuple):
    """Sequences, and what drawing them told."""

    tokens: Tensor
    """[n, T]."""
    log_evidence: Tensor
    """Logarithms of independent, unbiased estimates of E_p[p(a | x)^s] [m], in nats."""
    passes: float
    """Sequences' worth of network passes for each sequence returned: generator and attribute each count one."""


class SteeringMethod(ABC):
    """A way of drawing from a target."""

    @abstractmethod
    def draw(self, target: TextTarget, n: int) -> SteeredDraw:
        """Draw n sequences."""


def by_populations(target: TextTarget, proposal: Proposal, n: int, particles: int, threshold: float) -> SteeredDraw:
    """Draw n populations, and one sequence from each by its weights."""
    if target.attribute is None:
        raise ValueError(
            "attribute judges whole sequences only; wrap a function of prefixes in PrefixFunction, train a "
            "gan_ext.nets.PrefixClassifier, or choose BestOf() or Rejection()."
        )
    model = Steered(target.generator, target.attribute, proposal, target.strength)
    whole = None if target.own_whole else target.whole
    found = populations(model, n, particles, threshold, whole, target.labels, target.prefix)
    passes = particles * (proposal.passes + (whole is not None))
    if particles == 1:
        return SteeredDraw(found.tokens[:, 0], found.log_evidence, passes)
    chosen = draw(found.log_weight, torch.rand(n, device=found.tokens.device))
    return SteeredDraw(found.tokens[torch.arange(n, device=chosen.device), chosen], found.log_evidence, passes)


@checked
@dataclass(frozen=True)
class SequentialMonteCarlo(SteeringMethod):
    r"""Each sequence from a population of its own, which is drawn again by its weights on the way.

    .. math:: \hat Z = \prod_t \frac1N \sum_i w_t^{(i)}, \qquad E\,\hat Z = \sum_x p(x) \, p(a \mid x)^s

    As the population grows, sequences follow :math:`p(x) p(a \mid x)^s / Z` whatever the proposal and however wrong the
    attribute's judgment of prefixes: that of finished sequences has the last word.  A good judgment of prefixes
    makes small populations enough.  With ``Unguided()`` and threshold 0 it is sampling-importance-resampling.

    References: Sequential Monte Carlo steering of language models (Lew et al., 2023), https://arxiv.org/abs/2306.03081;
    twisted proposals, Probabilistic inference in language models via twisted SMC (Zhao et al., 2024),
    https://arxiv.org/abs/2404.17546

    Args:
        particles: size N of a population.
        threshold: share of N below which the effective size of a population must not fall, in [0, 1].
        proposal: how tokens are drawn.

    Raises:
        ValueError: a value out of range.
    """

    particles: int = 8
    threshold: float = 0.5
    proposal: Proposal = field(default_factory=Reweighting)

    def __post_init__(self) -> None:
        if self.particles < 1 or not 0 <= self.threshold <= 1:
            raise ValueError(
                f"SequentialMonteCarlo needs particles >= 1 and threshold in [0, 1], got {self.particles} and "
                f"{self.threshold}."
            )

    def draw(self, target: TextTarget, n: int) -> SteeredDraw:
        return by_populations(target, self.proposal, n, self.particles, self.threshold)


@checked
@dataclass(frozen=True)
class BestOf(SteeringMethod):
    """Draw some sequences for each one wanted, and keep the one with the most of the attribute.

    Not exact for any strength (which it does not use, but for 0): the sequences kept become more alike as there are
    more candidates.

    Args:
        candidates: how many, at least 1.

    Raises:
        ValueError: candidates below 1.
    """

    candidates: int = 8

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates={self.candidates!r} must be at least 1.")

    def draw(self, target: TextTarget, n: int) -> SteeredDraw:
        tokens, known = _judged(target, torch.arange(n), self.candidates)
        best = known.argmax(1)
        rows = torch.arange(n, device=best.device)
        return SteeredDraw(tokens[rows, best], (target.strength * known).flatten(), 2.0 * self.candidates)


@checked
@dataclass(frozen=True)
class Rejection(SteeringMethod):
    r"""Draw until a sequence is accepted, with probability :math:`p(a \mid x)^s`: exact, and slow for rare attributes.

    Args:
        limit: most sequences drawn for each one wanted.

    Raises:
        ValueError: limit below 1; an attribute above 0, which is no log-probability; or, when sampling, that `limit`
            was not enough (with the share that was accepted).
    """

    limit: int = 10_000

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit={self.limit!r} must be at least 1.")

    def draw(self, target: TextTarget, n: int) -> SteeredDraw:
        device = target.generator.first(1).device
        accepted = torch.zeros(n, target.generator.length, dtype=torch.int64, device=device)
        waiting, drawn, tried, first = torch.arange(n), 0, 0, torch.empty(0)
        while len(waiting):
            each = max(1, min(256 // len(waiting), self.limit - tried))
            if tried >= self.limit:
                raise ValueError(
                    f"Rejection found {n - len(waiting)} of {n} sequences among {drawn} drawn; the attribute is too "
                    f"rare for limit={self.limit}: raise it, or use SequentialMonteCarlo()."
                )
            tokens, known = _judged(target, waiting, each)
            if bool((known > 1e-4).any()):
                raise ValueError(
                    f"Rejection needs log-probabilities, at most 0, and attribute returned {float(known.max()):.3g}; "
                    "other methods take any score."
                )
            passed = torch.rand_like(known) < (target.strength * known).exp()
            hit = passed.any(1)
            rows = hit.nonzero()[:, 0]
            accepted[waiting.to(device)[rows]] = tokens[rows, passed.int().argmax(1)[rows]]
            first = target.strength * known.flatten() if tried == 0 else first
            drawn, tried = drawn + known.numel(), tried + each
            waiting = waiting[~hit.cpu()]
        return SteeredDraw(accepted, first, 2.0 * drawn / max(n, 1))


def _judged(target: TextTarget, rows: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """Return sequences [m, each, T] of the generator for some of the rows wanted, and their log p(a | x)."""
    repeated = rows.repeat_interleave(each)
    labels = None if target.labels is None else target.labels[repeated.to(target.labels.device)]
    prefix = None if target.prefix is None else target.prefix[repeated.to(target.prefix.device)]
    tokens = sample(target.generator, len(repeated), labels=labels, prefix=prefix)
    return tokens.unflatten(0, (len(rows), each)), target.whole(tokens).view(len(rows), each)
