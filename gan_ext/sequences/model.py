"""Autoregressive models of sequences: a start state and a step, from which everything else follows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = [
    "COLD",
    "COLDEST",
    "IMPOSSIBLE",
    "LabeledTokens",
    "SequenceModel",
    "State",
    "TokenBatch",
    "ema_update",
    "evaluating",
    "join",
    "judged",
    "labels_of",
    "length_groups",
    "real_positions",
    "repeat",
    "select",
    "trimmed",
]


class TokenBatch(NamedTuple):
    """Sequences: token numbers [B, T], int64, padded after their end."""

    tokens: Tensor


class LabeledTokens(NamedTuple):
    """Sequences [B, T] with classes [B], both int64."""

    tokens: Tensor
    labels: Tensor


def labels_of(batch: Any) -> Tensor | None:
    """Return a batch's labels [B], or None if it has none."""
    labels: Tensor | None = getattr(batch, "labels", None)
    return labels


def judged(discriminator: Any, x: Tensor, labels: Tensor | None) -> Tensor:
    """Return a discriminator's logits of tokens or rows, given classes if there are any."""
    logits: Tensor = discriminator(x) if labels is None else discriminator(x, labels)
    return logits


@torch.no_grad()
def ema_update(lagged: nn.Module, model: nn.Module, lag: float) -> None:
    """Let a lagged copy follow a model, keeping the share `lag` of itself."""
    for old, new in zip(lagged.parameters(), model.parameters(), strict=True):
        old.lerp_(new, 1 - lag)


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Let modules work as they do after training (no dropout), and set them back at the end."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode


State = tuple[Tensor, ...]
"""What a model remembers of a prefix: tensors [B, ...] whose rows may be gathered, repeated or reordered."""

IMPOSSIBLE = -1e4
"""The logit of a token that cannot come: its probability is exactly 0 in float32, and no product with it is NaN."""

COLD = 1e-3
"""A temperature below which differences of logits are divided, not logits: those could become infinite."""

COLDEST = 1e-37
"""The smallest temperature that float32 divides by; all below are this one, whose draws are the likeliest tokens."""


def real_positions(tokens: Tensor, end: int | None) -> Tensor:
    """Return which positions [B, T] (bool) hold a token: all up to the first `end`, that one included.

    Args:
        tokens: token numbers [B, T].
        end: the token that closes a sequence; None if all sequences have full length.
    """
    if end is None:
        return torch.ones_like(tokens, dtype=torch.bool)
    closed = tokens == end
    return (closed.cumsum(1) - closed.long()) == 0


def trimmed(tokens: Tensor, end: int | None) -> Tensor:
    """Return tokens [B, T'] without the columns in which no sequence has a token, but for one; on a CPU alone.

    A GPU keeps all T columns: to look would wait for it, and a recorded step has fixed shapes.

    Args:
        tokens: token numbers [B, T].
        end: the token that closes a sequence; None if all sequences have full length.
    """
    if end is None or tokens.device.type != "cpu" or torch.compiler.is_compiling() or not len(tokens):
        return tokens
    return tokens[:, : max(1, int(real_positions(tokens, end).any(0).sum()))]


def length_groups(lengths: Tensor) -> list[Tensor]:
    """Return the numbers of the rows of short and of long sequences, where apart they cost less than half; on a CPU.

    A sequence costs its columns, and all of one group have as many as the longest.

    Args:
        lengths: columns that each sequence needs [B].

    Returns:
        Row numbers of one group or two.
    """
    every = torch.arange(len(lengths), device=lengths.device)
    if lengths.device.type != "cpu" or torch.compiler.is_compiling() or len(lengths) < 2:
        return [every]
    lengths, order = lengths.sort(stable=True)
    apart = every[1:] * lengths[:-1] + (len(lengths) - every[1:]) * lengths[-1]
    if 2 * int(apart.min()) > len(lengths) * int(lengths[-1]):
        return [every]
    cut = int(apart.argmin()) + 1
    return [order[:cut], order[cut:]]


@checked
class SequenceModel(nn.Module, ABC):
    r"""A distribution over sequences of tokens, one token after the other.

    .. math:: p(x_1, \dots, x_T) = \prod_t p(x_t \mid x_1, \dots, x_{t-1})

    A subclass says how a prefix is remembered (:meth:`initial`) and how one more token changes it (:meth:`step`).
    Sampling, rollouts and relaxations are functions of these two.

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T, closing token included.
        start: the token fed first; it is never generated unless `start_is_a_token`.
        end: the token that closes a sequence; None if every sequence has T tokens.
        pad: the token that fills up closed sequences.
        classes: number of classes for class-conditional models; 0 without.
        start_is_a_token: whether `start` may be generated too (as in the oracle benchmark).
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        *,
        start: int = 0,
        end: int | None = None,
        pad: int = 0,
        classes: int = 0,
        start_is_a_token: bool = True,
    ) -> None:
        super().__init__()
        if vocabulary < 1 or length < 1:
            raise ValueError(f"A sequence model needs vocabulary >= 1 and length >= 1, got {vocabulary} and {length}.")
        for name, token in {"start": start, "end": end, "pad": pad}.items():
            if token is not None and not 0 <= token < vocabulary:
                raise ValueError(f"{name}={token} is no token: the vocabulary has numbers 0 to {vocabulary - 1}.")
        self.vocabulary, self.length = vocabulary, length
        self.start, self.end, self.pad, self.classes = start, end, pad, classes
        never = torch.zeros(vocabulary)
        if end is not None:
            never[pad] = IMPOSSIBLE
        if not start_is_a_token:
            never[start] = IMPOSSIBLE
        if end is not None and end in (pad, start):
            raise ValueError(f"end={end} must differ from pad={pad} and start={start}.")
        self.register_buffer("never", never if bool((never < 0).any()) else None, persistent=False)
        self.never: Tensor | None

    @abstractmethod
    def initial(self, n: int, labels: Tensor | None = None) -> State:
        """Return the memory of `n` empty prefixes, of given classes [n] if the model is class-conditional."""

    @abstractmethod
    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Take in one token and return what is likely next.

        Args:
            token: numbers [B], or rows of weights [B, V] over the vocabulary (one-hot or relaxed), which carry
                gradients.
            state: the memory of what came before.

        Returns:
            Logits of the next token [B, V], and the new memory.
        """

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits [B, T, V] of every token given those before it (teacher forcing)."""
        state, previous, logits = self.initial(len(tokens), labels), self.first(len(tokens)), []
        for position in range(tokens.shape[1]):
            step, state = self.step(previous, state)
            logits.append(step)
            previous = tokens[:, position]
        return torch.stack(logits, 1)

    def log_prob(self, tokens: Tensor, labels: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        r"""Return :math:`\log p(x_t \mid x_{<t})` in nats [B, T], 0 after the end of a sequence.

        Args:
            tokens: numbers [B, T].
            labels: classes [B] of a class-conditional model.
            temperature: divides the logits.
        """
        columns, tokens = tokens.shape[1], trimmed(tokens, self.end)
        logits = self(tokens, labels).float()
        if temperature != 1.0:
            if temperature < COLD:
                logits = logits - logits.amax(-1, keepdim=True)
            # Again, for heat would revive what cannot come.
            logits = self.allow(logits / max(temperature, COLDEST))
        chosen = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
        chosen = chosen.masked_fill(chosen == -torch.inf, IMPOSSIBLE)  # a subclass may mask by -inf
        known = chosen.masked_fill(~real_positions(tokens, self.end), 0.0)
        return nn.functional.pad(known, (0, columns - known.shape[1]))

    def first(self, n: int) -> Tensor:
        """Return the token fed first, [n]."""
        device = next(self.parameters()).device
        return torch.full((n,), self.start, dtype=torch.int64, device=device)

    def allow(self, logits: Tensor) -> Tensor:
        """Rule out the tokens that cannot come; for a subclass's :meth:`step`."""
        return logits if self.never is None else logits + self.never.to(logits.dtype)

    def check_labels(self, n: int, labels: Tensor | None) -> Tensor | None:
        """Raise ValueError unless labels [n] are given exactly if the model is class-conditional."""
        if (labels is None) != (self.classes == 0):
            wanted = f"labels, numbers 0 to {self.classes - 1}" if self.classes else "no labels: it has no classes"
            raise ValueError(f"This model needs {wanted}.")
        if labels is not None and labels.shape != (n,):
            raise ValueError(f"labels must have shape ({n},), got {tuple(labels.shape)}.")
        return labels


def select(state: State, rows: Tensor | slice) -> State:
    """Return the memory of some rows."""
    return tuple(part[rows] for part in state)


def repeat(state: State, times: int) -> State:
    """Return every row `times` times in succession."""
    return tuple(part.repeat_interleave(times, 0) for part in state)


def join(states: Sequence[State]) -> State:
    """Put memories one after the other."""
    return tuple(torch.cat(parts) for parts in zip(*states, strict=True))
