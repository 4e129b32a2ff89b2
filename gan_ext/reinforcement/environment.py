"""Environment: many episodes at once, from a start that a seed decides."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.checks import checked, no_less

__all__ = ["Environment", "TokenEnvironment", "Transition"]


class Transition(NamedTuple):
    """What comes of actions: observations [n, ...], rewards [n], and whether each episode came to its end [n] (bool).

    `terminated` says that nothing comes after; `truncated` that a limit of time cut the episode short.
    """

    observations: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor


@checked
class Environment(ABC):
    """Many episodes side by side, each from its start to its end; all tensors are on the CPU.

    Between :meth:`reset` and the last :meth:`step` an environment may keep what it likes; before and after, nothing: a
    seed and the actions decide everything.  So there is no state that a checkpoint could forget.

    Args:
        shape: of one observation.
        actions: number of actions to choose from; 0 if an action is a vector of numbers.
        action_shape: of one action; () for a choice.
        horizon: most steps of an episode T.
    """

    def __init__(self, shape: tuple[int, ...], actions: int, action_shape: tuple[int, ...], horizon: int) -> None:
        if horizon < 1:
            raise ValueError(f"horizon={horizon} must be at least 1: the most steps of an episode.")
        self.shape, self.actions, self.action_shape, self.horizon = shape, actions, action_shape, horizon

    @abstractmethod
    def reset(self, n: int, seed: int) -> Tensor:
        """Begin `n` fresh episodes and return their first observations [n, ...]."""

    @abstractmethod
    def step(self, actions: Tensor) -> Transition:
        """Take one step in every episode; what comes of those that have ended means nothing."""


@checked(length=no_less(1))
class TokenEnvironment(Environment):
    r"""Sequences as episodes: an action appends a token, the observation is the last token, and the end is paid.

    .. math:: s_0 = \text{start}, \qquad s_{t+1} = a_t, \qquad r_T = R(a_1, \dots, a_T)

    With a length of 1 it is a bandit.

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        reward: maps tokens [n, T] to what each sequence earns [n]; None pays nothing.
        start: what is observed first.
        end: the token that closes a sequence; None if all have T tokens.
        pad: what fills up closed sequences.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        reward: Callable[[Tensor], Tensor] | None = None,
        *,
        start: int = 0,
        end: int | None = None,
        pad: int = 0,
    ) -> None:
        super().__init__((), vocabulary, (), length)
        self.reward, self.start, self.end, self.pad = reward, start, end, pad
        self._tokens: list[Tensor] = []
        self._open = torch.empty(0, dtype=torch.bool)

    def reset(self, n: int, seed: int) -> Tensor:
        self._tokens, self._open = [], torch.ones(n, dtype=torch.bool)
        return torch.full((n,), self.start)

    def step(self, actions: Tensor) -> Transition:
        token = torch.where(self._open, actions, self.pad)
        self._tokens.append(token)
        closed = torch.full_like(self._open, len(self._tokens) == self.horizon)
        if self.end is not None:
            closed = closed | (token == self.end)
        closing, self._open = closed & self._open, self._open & ~closed
        return Transition(token, self._paid(closing), closing, torch.zeros_like(closing))

    def _paid(self, closing: Tensor) -> Tensor:
        if self.reward is None or not bool(closing.any()):
            return torch.zeros(len(closing))
        tokens = torch.stack(self._tokens, 1)
        whole = torch.nn.functional.pad(tokens, (0, self.horizon - tokens.shape[1]), value=self.pad)
        return torch.where(closing, self.reward(whole).float(), 0.0)
