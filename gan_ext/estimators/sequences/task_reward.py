"""A user's reward for strings, as a reward for token numbers."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_ext.data import Corpus

__all__ = ["TaskReward", "check_reward"]


def check_reward(reward: object, objective: Callable[..., Any] | None) -> None:
    """Raise ValueError if there is a reward, and an objective that takes none."""
    if reward is not None and (objective is None or "task_reward" not in inspect.signature(objective).parameters):
        raise ValueError("reward needs an objective that takes task_reward, such as SeqGAN or partial(SeqGAN, ...).")


class TaskReward:
    """Let a function of strings (or lists of tokens) judge token numbers [B, T]; returns rewards [B].

    Args:
        function: maps a list of what the corpus was made of to as many finite numbers.
        corpus: knows the way back from numbers.

    Raises:
        ValueError: the function raised an error, or returned something else.
    """

    def __init__(self, function: Callable[[list[Any]], Sequence[float]], corpus: Corpus) -> None:
        self.function, self.corpus = function, corpus

    def __call__(self, tokens: Tensor) -> Tensor:
        texts = self.corpus.text(tokens.cpu())
        try:
            returned = self.function(texts)
        except Exception as error:
            raise ValueError(
                f"reward raised {type(error).__name__} on {len(texts)} sequences, such as {texts[0]!r}: {error}"
            ) from error
        try:
            values = np.asarray(returned, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"reward must return {len(texts)} numbers, one for each sequence: {error}") from error
        if values.shape != (len(texts),):
            raise ValueError(
                f"reward must return {len(texts)} numbers, one for each sequence; it returned shape {values.shape}."
            )
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise ValueError(f"reward returned {values[wrong[0]]} for {texts[wrong[0]]!r}; it must be a finite number.")
        return torch.from_numpy(values).to(tokens.device)
