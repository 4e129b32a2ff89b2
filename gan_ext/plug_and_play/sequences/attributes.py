"""Attributes for controlled text generation: log p(a | prefix), after every token that may come next."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.sequences import State

__all__ = ["AllOf", "ClassAttribute", "PrefixAttribute", "PrefixFunction"]


class PrefixAttribute(nn.Module, ABC):
    r"""A condition on sequences that can be judged at their prefixes.

    .. math:: \log p(a \mid x_{\le t}, v) \quad \text{for every token } v

    It is read like a model of sequences, one token after the other.  An unbounded score will do in place of a
    log-probability, but for :class:`~gan_ext.plug_and_play.Rejection`, which needs values of at most 0.
    """

    @abstractmethod
    def initial(self, n: int, device: torch.device) -> State:
        """Return the memory of `n` empty prefixes."""

    @abstractmethod
    def read(self, token: Tensor, state: State) -> State:
        """Take in one token [B]; the first one is the generator's `start`."""

    @abstractmethod
    def of_next(self, state: State, candidates: Tensor | None = None) -> Tensor:
        """Return the log-probability [B, V] after each possible next token, or [B, K] after candidates [B, K]."""

    def forward(self, tokens: Tensor, start: int, real: Tensor) -> Tensor:
        """Return the log-probability [B] after the last token of whole sequences.

        Args:
            tokens: sequences [B, T].
            start: the token before the first one.
            real: which positions [B, T] hold a token.
        """
        state, previous = self.initial(len(tokens), tokens.device), torch.full_like(tokens[:, 0], start)
        known = torch.zeros(len(tokens), device=tokens.device)
        for position in range(tokens.shape[1]):
            state = self.read(previous, state)
            previous = tokens[:, position]
            now = self.of_next(state, previous[:, None])[:, 0].float()
            known = torch.where(real[:, position], now, known)
        return known


@checked
class ClassAttribute(PrefixAttribute):
    """One class of a classifier of prefixes.

    Args:
        classifier: has `initial(n)`, `read(token, state)` and `of_next(state, candidates)` with log-probabilities
            [B, V or K, C], such as :class:`gan_ext.nets.PrefixClassifier`.
        label: the class, 0 to C - 1.

    Raises:
        ValueError: there is no such class.
    """

    def __init__(self, classifier: nn.Module, label: int) -> None:
        super().__init__()
        classes = getattr(classifier, "classes", None)
        if not isinstance(label, int) or label < 0 or (classes is not None and label >= classes):
            raise ValueError(f"label={label!r} is no class of the classifier, which has {classes}: 0 to classes - 1.")
        self.classifier: Any = classifier
        self.label = label

    def initial(self, n: int, device: torch.device) -> State:
        state: State = self.classifier.initial(n)
        return state

    def read(self, token: Tensor, state: State) -> State:
        new: State = self.classifier.read(token, state)
        return new

    def of_next(self, state: State, candidates: Tensor | None = None) -> Tensor:
        log_prob: Tensor = self.classifier.of_next(state, candidates)[..., self.label]
        return log_prob


@checked
class PrefixFunction(PrefixAttribute):
    """A function of prefixes; it is called for every candidate of the next token.

    Args:
        function: maps token numbers [B, t], any t from 1 to T, to the log-probability of the attribute [B].  After the
            token that closes a sequence come pads.
        vocabulary: number of tokens V.

    Raises:
        ValueError: the function returns another shape.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], vocabulary: int) -> None:
        super().__init__()
        self.function, self.vocabulary = function, vocabulary

    def initial(self, n: int, device: torch.device) -> State:
        return (torch.empty(n, 0, dtype=torch.int64, device=device),)

    def read(self, token: Tensor, state: State) -> State:
        return (torch.cat([state[0], token[:, None]], 1),)

    def of_next(self, state: State, candidates: Tensor | None = None) -> Tensor:
        prefix = state[0][:, 1:]  # without `start`
        if candidates is None:
            candidates = torch.arange(self.vocabulary, device=prefix.device).expand(len(prefix), -1)
        n, k = candidates.shape
        longer = torch.cat([prefix[:, None].expand(-1, k, -1), candidates[..., None]], -1)
        return checked_values(self.function(longer.flatten(0, 1)), n * k).view(n, k)


@checked
class AllOf(PrefixAttribute):
    r"""Several attributes at once, as if they were independent given the text, with a weight for each.

    .. math:: \sum_k w_k \log p(a_k \mid x_{\le t})

    Args:
        attributes: at least one.
        weights: one for each; all 1 if None.

    Raises:
        ValueError: no attribute, or another number of weights.
    """

    def __init__(self, attributes: Sequence[PrefixAttribute], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        weights = (1.0,) * len(attributes) if weights is None else tuple(weights)
        if not attributes or len(weights) != len(attributes):
            raise ValueError(
                f"AllOf needs at least one attribute and a weight for each, got attributes={attributes} and "
                f"weights={weights}."
            )
        self.attributes, self.weights = nn.ModuleList(attributes), weights

    def initial(self, n: int, device: torch.device) -> State:
        parts = [attribute.initial(n, device) for attribute in self._all()]
        self._sizes = [len(part) for part in parts]
        return tuple(tensor for part in parts for tensor in part)

    def read(self, token: Tensor, state: State) -> State:
        pairs = zip(self._all(), self._apart(state), strict=True)
        return tuple(tensor for attribute, part in pairs for tensor in attribute.read(token, part))

    def of_next(self, state: State, candidates: Tensor | None = None) -> Tensor:
        parts = zip(self._all(), self.weights, self._apart(state), strict=True)
        return torch.stack([weight * attribute.of_next(part, candidates) for attribute, weight, part in parts]).sum(0)

    def _all(self) -> list[PrefixAttribute]:
        return [attribute for attribute in self.attributes if isinstance(attribute, PrefixAttribute)]

    def _apart(self, state: State) -> list[State]:
        parts, begin = [], 0
        for size in self._sizes:
            parts.append(state[begin : begin + size])
            begin += size
        return parts


def checked_values(log_prob: Tensor, n: int) -> Tensor:
    """Return what a function of n sequences said, or raise ValueError unless it is one number for each."""
    if not isinstance(log_prob, Tensor) or log_prob.shape != (n,):
        shape = tuple(log_prob.shape) if isinstance(log_prob, Tensor) else type(log_prob).__name__
        raise ValueError(f"attribute must return one log-probability for each of {n} sequences, [{n}], got {shape}.")
    return log_prob.float()
