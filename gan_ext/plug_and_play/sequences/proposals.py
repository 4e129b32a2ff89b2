"""Next-token proposals of controlled generation: reweighted logits (FUDGE), gradients on the hidden state (PPLM)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.plug_and_play.sequences.attributes import PrefixAttribute
from gan_ext.sequences import IMPOSSIBLE, SequenceModel, State

__all__ = ["HiddenGradient", "NextToken", "Proposal", "Reweighting", "Steered", "Unguided"]


class NextToken(NamedTuple):
    """What is known before a token is drawn."""

    generator: SequenceModel
    token: Tensor
    """The token that was just read [B]."""
    state: State
    """The generator's memory before it was read."""
    logits: Tensor
    """What the generator says comes next [B, V]."""
    log_attribute: Tensor
    """log p(a | prefix, v) for every v [B, V]."""
    strength: float


class Proposal(ABC):
    """A way of drawing the next token."""

    passes: float
    """Sequences' worth of network passes for one sequence, the attribute's included."""

    @abstractmethod
    def logits(self, position: NextToken) -> Tensor:
        """Return the logits [B, V] by which the next token is drawn."""


@checked
@dataclass(frozen=True)
class Unguided(Proposal):
    """The generator as it is: only weights, and what is drawn again, know the attribute."""

    passes = 2.0

    def logits(self, position: NextToken) -> Tensor:
        return position.logits


@checked
@dataclass(frozen=True)
class Reweighting(Proposal):
    r"""Every token by the generator's probability times that of the attribute after it (future discriminators).

    .. math:: q(x_t \mid x_{<t}) \propto p(x_t \mid x_{<t}) \, p(a \mid x_{\le t})^s

    With strength s = 1 and the true :math:`p(a \mid x_{\le t})` for every prefix, sequences follow
    :math:`p(x \mid a)` exactly, by Bayes' rule token by token.  With another strength they follow
    :math:`p(x) p(a \mid x)^s` only nearly: every step is normalized on its own.

    References: FUDGE (Yang and Klein, 2021), https://arxiv.org/abs/2104.05218

    Args:
        candidates: reweigh only that many of the generator's likeliest tokens and rule out the rest, for functions that
            are called for every candidate; None for all.

    Raises:
        ValueError: candidates below 1.
    """

    candidates: int | None = None
    passes = 2.0

    def __post_init__(self) -> None:
        if self.candidates is not None and self.candidates < 1:
            raise ValueError(f"candidates={self.candidates!r} must be at least 1, or None for all tokens.")

    def logits(self, position: NextToken) -> Tensor:
        return position.logits.float() + position.strength * position.log_attribute


@checked
@dataclass(frozen=True)
class HiddenGradient(Proposal):
    r"""Gradient steps on the generator's memory towards the attribute, anchored at the unsteered model.

    .. math::
        F(\Delta) &= \log \sum_v q_\Delta(v) \, p(a \mid x_{<t}, v) - w \, \mathrm{KL}(q_\Delta \Vert p), \qquad
        q_\Delta = p(\cdot \mid h + \Delta) \\
        \Delta &\leftarrow \Delta + s \, \eta \, \nabla F / \lVert \nabla F \rVert^\gamma, \qquad
        q \propto q_\Delta^b \, p^{1-b}

    After every token the steps begin anew at the unsteered memory, so that they do not add up along a text; the
    published code lets them.  The attribute is that of prefixes, in place of a classifier that reads the memory.
    F is at most what :class:`Reweighting` reaches at its first step, so this needs more passes for less; it is here for
    comparison, and for moving what a gradient can move only.

    References: PPLM (Dathathri et al., 2020), https://arxiv.org/abs/1912.02164

    Args:
        steps: gradient steps K for every token.
        step_size: eta; with gamma = 1 the length of a step at strength 1, in units of the memory.
        gamma: power of the gradient's length that it is divided by.  The published code has 1, steps of one length:
            they also move the memory where the attribute has nothing to say, which costs fluency.
        anchor: weight w of the divergence from the unsteered model.
        blend: share b of the steered model in the geometric mean of both.

    Raises:
        ValueError: a value out of range; a generator whose memory has no gradient (raised when sampling).
    """

    steps: int = 3
    step_size: float = 3.0
    gamma: float = 0.0
    anchor: float = 0.1
    blend: float = 0.9

    def __post_init__(self) -> None:
        if self.steps < 1 or self.step_size <= 0 or min(self.anchor, self.gamma) < 0 or not 0 < self.blend <= 1:
            raise ValueError(
                "HiddenGradient needs steps >= 1, step_size > 0, gamma >= 0, anchor >= 0 and blend in (0, 1], got "
                f"{self.steps}, {self.step_size}, {self.gamma}, {self.anchor} and {self.blend}."
            )

    @property
    def passes(self) -> float:  # type: ignore[override]
        """Both models once, a pass with its gradient (three passes) for each step, and one from where it ended."""
        return 3.0 + 3.0 * self.steps

    def logits(self, position: NextToken) -> Tensor:
        before = tuple(part.detach() for part in position.state)
        if not any(part.is_floating_point() for part in before):
            raise ValueError(
                f"{type(position.generator).__name__} has no memory that a gradient could move; use Reweighting()."
            )
        clean = position.logits.float().log_softmax(-1)
        moved = before
        for _ in range(self.steps):
            moved = self._moved(position, moved, clean)
        steered, _ = position.generator.step(position.token, moved)
        return self.blend * steered.float().log_softmax(-1) + (1 - self.blend) * clean

    def _moved(self, position: NextToken, state: State, clean: Tensor) -> State:
        with torch.enable_grad():
            leaves = tuple(part.detach().requires_grad_(part.is_floating_point()) for part in state)
            logits, _ = position.generator.step(position.token, leaves)
            steered = logits.float().log_softmax(-1)
            gain = (steered + position.log_attribute.detach()).logsumexp(-1)
            divergence = (steered.exp() * (steered - clean)).sum(-1)
            free = [leaf for leaf in leaves if leaf.requires_grad]
            found = torch.autograd.grad((gain - self.anchor * divergence).sum(), free, allow_unused=True)
        slopes = iter(found)
        gradients = [next(slopes) if leaf.requires_grad else None for leaf in leaves]
        known = [gradient.flatten(1).square().sum(1) for gradient in gradients if gradient is not None]
        if not known:
            return state
        length = torch.stack(known).sum(0).sqrt().clamp_min(1e-12)
        scale = self.step_size * position.strength / length**self.gamma
        return tuple(
            part if gradient is None else part + scale.view(-1, *[1] * (part.dim() - 1)) * gradient
            for part, gradient in zip(state, gradients, strict=True)
        )


@checked
class Steered(SequenceModel):
    r"""A generator whose next token is drawn by a proposal: a model of sequences like any other.

    It samples with prefixes and temperatures, and :meth:`log_prob` is the exact probability of what it draws.

    Args:
        generator: gives the logits; it is not changed.
        attribute: what its texts shall have.
        proposal: :class:`Reweighting` or :class:`HiddenGradient`.
        strength: s >= 0; with 0 it is the generator.
    """

    def __init__(
        self, generator: SequenceModel, attribute: PrefixAttribute, proposal: Proposal, strength: float = 1.0
    ) -> None:
        super().__init__(
            generator.vocabulary, generator.length, start=generator.start, end=generator.end, pad=generator.pad,
            classes=generator.classes,
        )  # fmt: skip
        self.generator, self.attribute, self.proposal, self.strength = generator, attribute, proposal, strength
        self._size = 0

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        state = self.generator.initial(n, labels)
        self._size = len(state)
        return (*state, *self.attribute.initial(n, self.generator.first(1).device))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        _, _, logits, state = self.look(token, state)
        return logits, state

    def look(self, token: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """Take in one token; return the generator's logits, the attribute's log-probabilities, the proposal's logits.

        All are [B, V]; the memory comes last.
        """
        before = state[: self._size]
        logits, after = self.generator.step(token, before)
        noticed = self.attribute.read(token, state[self._size :])
        known, allowed = self._known(logits, noticed)
        if self.strength == 0:
            return logits, known, logits, (*after, *noticed)
        position = NextToken(self.generator, token, before, logits, known, self.strength)
        return logits, known, self.proposal.logits(position) + allowed, (*after, *noticed)

    def _known(self, logits: Tensor, noticed: State) -> tuple[Tensor, Tensor | float]:
        """Return the attribute's log-probabilities, finite, and what rules out tokens that are no candidates."""
        most = getattr(self.proposal, "candidates", None)
        if most is None or most >= logits.shape[-1]:
            return self.attribute.of_next(noticed).float().clamp_min(IMPOSSIBLE), 0.0
        chosen = logits.topk(most, -1).indices
        few = self.attribute.of_next(noticed, chosen).float().clamp_min(IMPOSSIBLE)
        away = torch.full_like(logits, IMPOSSIBLE, dtype=torch.float32)
        return torch.zeros_like(away).scatter(-1, chosen, few), away.scatter(-1, chosen, 0.0)
