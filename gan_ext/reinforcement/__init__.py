"""Reinforcement and imitation learning: environments, episodes and demonstrations, for games with a policy."""

from gan_ext.reinforcement.environment import Environment, TokenEnvironment, Transition
from gan_ext.reinforcement.episodes import EpisodeStream, collect, demonstrations, episode_returns
from gan_ext.reinforcement.gymnasium import GymnasiumEnvironment
from gan_ext.reinforcement.small_nets import imitation_game, small_policy

__all__ = [
    "Environment",
    "EpisodeStream",
    "GymnasiumEnvironment",
    "TokenEnvironment",
    "Transition",
    "collect",
    "demonstrations",
    "episode_returns",
    "imitation_game",
    "small_policy",
]
