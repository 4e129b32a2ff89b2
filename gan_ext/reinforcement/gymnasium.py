"""Gymnasium environments, many episodes at a time."""

import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.reinforcement.environment import Environment, Transition

__all__ = ["GymnasiumEnvironment"]


@checked
class GymnasiumEnvironment(Environment):
    """An environment of gymnasium by name, with its limit of time as horizon.

    Its vectorized form is used where there is one (CartPole-v1), else copies in turns.

    References: Gymnasium (Towers et al., 2024), https://arxiv.org/abs/2407.17032

    Args:
        name: such as ``"CartPole-v1"``; any that gymnasium knows, with observations in a ``Box`` and actions that are a
            choice (``Discrete``) or numbers (``Box``).
        horizon: most steps of an episode; the environment's own limit if None.
        options: further settings of the environment.

    Raises:
        ImportError: gymnasium is not installed; says how to.
        ValueError: an unknown name, spaces of another kind, or an environment without limit and no `horizon`.
    """

    def __init__(self, name: str, horizon: int | None = None, **options: Any) -> None:
        self.name, self.options = name, options
        self._gymnasium = _library()
        try:
            spec = self._gymnasium.spec(name)
        except self._gymnasium.error.Error as error:
            raise ValueError(f"gymnasium knows no environment {name!r}: {error}") from None
        horizon = spec.max_episode_steps if horizon is None else horizon
        if horizon is None:
            raise ValueError(f"{name} has no limit of time; give horizon, the most steps of an episode.")
        self._mode = "vector_entry_point" if spec.vector_entry_point is not None else "sync"
        self._limit, self._n, self._running = horizon, 0, None
        observation, action = self._spaces()
        super().__init__(tuple(observation.shape), int(getattr(action, "n", 0)), tuple(action.shape), horizon)
        self._first = int(getattr(action, "start", 0))
        self._low: Any = getattr(action, "low", None)
        self._high: Any = getattr(action, "high", None)

    def _spaces(self) -> tuple[Any, Any]:
        running, spaces = self._made(1), self._gymnasium.spaces
        observation, action = running.single_observation_space, running.single_action_space
        if not isinstance(observation, spaces.Box) or not isinstance(action, spaces.Discrete | spaces.Box):
            raise ValueError(
                f"{self.name} has observations {observation} and actions {action}; observations must be a Box, actions "
                "Discrete or a Box."
            )
        return observation, action

    def _made(self, n: int) -> Any:
        if self._running is None or self._n != n:
            self.close()
            self._running = self._gymnasium.make_vec(
                self.name, num_envs=n, vectorization_mode=self._mode, max_episode_steps=self._limit, **self.options
            )
            self._n = n
        return self._running

    def reset(self, n: int, seed: int) -> Tensor:
        observations, _ = self._made(n).reset(seed=seed % 2**31)
        return torch.from_numpy(np.array(observations, np.float32))

    def step(self, actions: Tensor) -> Transition:
        taken = actions.numpy() + self._first if self.actions else actions.numpy().clip(self._low, self._high)
        assert self._running is not None
        observations, rewards, terminated, truncated, _ = self._running.step(taken)
        return Transition(
            torch.from_numpy(np.array(observations, np.float32)),
            torch.from_numpy(np.array(rewards, np.float32)),
            torch.from_numpy(np.array(terminated)),
            torch.from_numpy(np.array(truncated)),
        )

    def close(self) -> None:
        """Let the copies go."""
        if self._running is not None:
            self._running.close()
            self._running = None


def _library() -> Any:
    try:
        return importlib.import_module("gymnasium")
    except ImportError:
        raise ImportError(
            'GymnasiumEnvironment needs gymnasium, which is not installed: pip install "gan_ext[reinforcement]".'
        ) from None
