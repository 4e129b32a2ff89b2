r"""Controlled generation: a generator of sequences that is fitted already, steered by what judges its texts.

.. math:: \pi(x) \propto p(x) \, p(a \mid x)^s
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.plug_and_play.sequences.attributes import PrefixAttribute, checked_values
from gan_ext.plug_and_play.sequences.methods import SteeredDraw, SteeringMethod, TextTarget, by_populations
from gan_ext.plug_and_play.sequences.proposals import Proposal, Reweighting, Steered
from gan_ext.seeds import DrawsIntegers, as_seed, mix, seeded
from gan_ext.sequences import SequenceModel, evaluating, real_positions, sample

__all__ = ["Evidence", "SteeredSequences"]

_ROWS = 256  # sequences that are judged at a time


class Evidence(NamedTuple):
    """An estimate of log E_p[p(a | x)^s] in nats; with s = 1 it is the attribute's log-probability."""

    value: float
    error: float
    """Standard error, by the delta method; infinite for a single estimate."""


@checked
class SteeredSequences:
    r"""Draw sequences that have an attribute from a fitted generator.

    .. math:: \pi(x) \propto p(x) \, p(a \mid x)^s

    Strength s = 0 is the generator itself, s = 1 Bayes' rule, more than 1 asks for more of the attribute than is true.

    ======================================== ===================================================== ==============
    method                                   draws from                                            network passes
    ======================================== ===================================================== ==============
    :class:`Reweighting`                     the target, if prefixes are judged rightly and s=1  2
    :class:`HiddenGradient`                  what gradient steps on the memory make                3 + 3 steps
    :class:`SequentialMonteCarlo`            the target, as particles grow                         2 particles
    :class:`Rejection`                       the target                                            2 / acceptance
    :class:`BestOf`                          the best of some                                      2 candidates
    ======================================== ===================================================== ==============

    References: FUDGE (Yang and Klein, 2021), https://arxiv.org/abs/2104.05218; PPLM (Dathathri et al., 2020),
    https://arxiv.org/abs/1912.02164; Plug and Play Generative Networks (Nguyen et al., 2017),
    https://arxiv.org/abs/1612.00005, for the idea

    Args:
        generator: a model of sequences; it is not changed.
        attribute: a :class:`PrefixAttribute`, which judges prefixes; or any function from tokens [B, T] to
            log p(a | x) [B], for methods that ask for whole sequences only.
        method: how to draw; ``Reweighting()`` if None.
        whole: judges finished sequences in place of `attribute`, where a method asks for that; a function from tokens
            [B, T] to log p(a | x) [B].

    Raises:
        ValueError: an attribute or method that is none.
    """

    def __init__(
        self,
        generator: SequenceModel,
        attribute: PrefixAttribute | Callable[[Tensor], Tensor],
        method: SteeringMethod | Proposal | None = None,
        whole: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        method = Reweighting() if method is None else method
        if not isinstance(method, SteeringMethod | Proposal):
            raise ValueError(f"method={method!r} must be an object such as Reweighting() or SequentialMonteCarlo().")
        for name, judge in {"attribute": attribute, "whole": whole}.items():
            if judge is not None and not callable(judge):
                raise ValueError(f"{name}={judge!r} must be a PrefixAttribute, or a function of tokens [B, T].")
        self.generator, self.attribute, self.method, self.whole = generator, attribute, method, whole

    def sample(
        self,
        n: int,
        strength: float = 1.0,
        *,
        labels: Tensor | None = None,
        prefix: Tensor | None = None,
        random_state: int | DrawsIntegers | None = None,
    ) -> Tensor:
        """Return n sequences [n, T]; see :meth:`draw`."""
        return self.draw(n, strength, labels=labels, prefix=prefix, random_state=random_state).tokens

    def draw(
        self,
        n: int,
        strength: float = 1.0,
        *,
        labels: Tensor | None = None,
        prefix: Tensor | None = None,
        random_state: int | DrawsIntegers | None = None,
    ) -> SteeredDraw:
        """Draw n sequences, with estimates of the evidence and the cost.

        Strength 0 draws, by every method, what :func:`gan_ext.sequences.sample` draws.

        Args:
            n: how many, at least 1.
            strength: s, at least 0.
            labels: classes [n] of a class-conditional generator.
            prefix: first tokens [n, P] of every sequence.
            random_state: an integer or a RandomState decides the draws and leaves torch's random state alone; None goes
                on with that state.

        Raises:
            ValueError: n or strength out of range; a method that needs more than `attribute` can say.
        """
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"n={n!r} must be an integer, at least 1.")
        self._check(strength)
        if random_state is not None:
            device, seed = self.generator.first(1).device, as_seed(random_state)
            with seeded(mix(seed), device=device):
                return self._draw(n, strength, labels, prefix)
        return self._draw(n, strength, labels, prefix)

    def log_prob(self, tokens: Tensor, strength: float = 1.0, *, labels: Tensor | None = None) -> Tensor:
        """Return the exact log-probability [B] in nats with which the method draws sequences [B, T].

        Raises:
            ValueError: a method that has none: only ``Reweighting`` and ``HiddenGradient`` do.
        """
        model = self.model(strength)
        with torch.no_grad(), evaluating(model):
            return model.log_prob(tokens, labels).sum(1)

    def model(self, strength: float = 1.0) -> Steered:
        """Return the steered generator as a model of sequences, for anything that takes one.

        Raises:
            ValueError: a method that has none, a strength below 0, or an attribute of whole sequences only.
        """
        self._check(strength)
        if not isinstance(self.method, Proposal):
            name = type(self.method).__name__
            raise ValueError(f"{name} has no probability of its own; Reweighting() and HiddenGradient() have.")
        if not isinstance(self.attribute, PrefixAttribute):
            raise ValueError("attribute judges whole sequences only; wrap a function of prefixes in PrefixFunction.")
        return Steered(self.generator, self.attribute, self.method, strength)

    def log_attribute(self, tokens: Tensor) -> Tensor:
        """Return log p(a | x) [B] of finished sequences [B, T]."""
        judge = self.attribute if self.whole is None else self.whole
        modules = [self.generator] + ([judge] if isinstance(judge, nn.Module) else [])
        with torch.no_grad(), evaluating(*modules):
            return torch.cat([self._judged(judge, part) for part in tokens.split(_ROWS)])

    def evidence(
        self, n: int = 1000, strength: float = 1.0, *, random_state: int | DrawsIntegers | None = None, **given: Tensor
    ) -> Evidence:
        """Estimate log E_p[p(a | x)^s] by what drawing n sequences tells: unbiased before the logarithm.

        Args:
            n: how many are drawn.
            strength: s; with 1 it is the log-probability of the attribute under the generator.
            random_state: see :meth:`draw`.
            given: labels and prefix, see :meth:`draw`.
        """
        known = self.draw(n, strength, random_state=random_state, **given).log_evidence.double()
        top = known.max()
        share = (known - top).exp()
        mean = share.mean()
        error = math.inf if len(known) < 2 else float(share.std() / mean / math.sqrt(len(known)))
        return Evidence(float(mean.log() + top), error)

    def _draw(self, n: int, strength: float, labels: Tensor | None, prefix: Tensor | None) -> SteeredDraw:
        attribute = self.attribute if isinstance(self.attribute, PrefixAttribute) else None
        own = attribute is not None and self.whole is None
        strength = float(strength)
        target = TextTarget(self.generator, attribute, self.log_attribute, strength, labels, prefix, own)
        if strength == 0:
            return SteeredDraw(sample(self.generator, n, labels=labels, prefix=prefix), torch.zeros(n), 1.0)
        if isinstance(self.method, Proposal):
            return by_populations(target, self.method, n, 1, 0.0)
        return self.method.draw(target, n)

    def _judged(self, judge: Callable[..., Tensor], tokens: Tensor) -> Tensor:
        if not isinstance(judge, PrefixAttribute):
            return checked_values(judge(tokens), len(tokens))
        known: Tensor = judge(tokens, self.generator.start, real_positions(tokens, self.generator.end))
        return known

    def _check(self, strength: float) -> None:
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength < math.inf:
            raise ValueError(f"strength={strength!r} must be a number, at least 0; 0 is the unsteered generator.")
