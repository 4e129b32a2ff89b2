"""Checks of estimators' parameters, each a sentence with the name and the value."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_ext.engine import Compute

__all__ = ["check_integers", "check_not_negative", "check_sequence_settings", "check_settings"]


def check_integers(estimator: Any, **least: int) -> None:
    """Raise ValueError unless the named parameters are integers, at least as large as given."""
    for name, smallest in least.items():
        value = getattr(estimator, name)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < smallest:
            raise ValueError(f"{name}={value!r} must be an integer, at least {smallest}.")


def check_not_negative(estimator: Any, *names: str) -> None:
    """Raise ValueError unless the named parameters are numbers that are not negative."""
    for name in names:
        value = getattr(estimator, name)
        if not value >= 0:
            raise ValueError(f"{name}={value!r} must not be negative.")


def check_settings(estimator: Any) -> None:
    """Raise ValueError for the first setting of a semi-supervised classifier that makes no sense."""
    check_integers(estimator, max_iter=1, batch_size=2, labelled_batch_size=1, latent_dim=1, checkpoint_every=1)
    check_not_negative(
        estimator, "noise", "input_noise", "unsupervised", "entropy", "balance", "smoothing", "smoothing_radius"
    )
    if not estimator.learning_rate > 0:
        raise ValueError(f"learning_rate={estimator.learning_rate!r} must be positive.")
    if not 0 <= estimator.averaging < 1:
        raise ValueError(f"averaging={estimator.averaging!r} must be in [0, 1).")
    if estimator.scaling not in ("auto", "standard", "minmax", "none"):
        raise ValueError(f"scaling={estimator.scaling!r} must be 'auto', 'standard', 'minmax' or 'none'.")
    widths = estimator.hidden_layer_sizes
    if not isinstance(widths, Sequence) or not widths or not all(width >= 1 for width in widths):
        raise ValueError(f"hidden_layer_sizes={widths!r} must be a sequence of positive integers.")
    if not isinstance(estimator.callbacks, Sequence):
        raise ValueError(f"callbacks={estimator.callbacks!r} must be a sequence of functions of the engine.")
    if estimator.checkpoint is not None and estimator.warm_start:
        raise ValueError("checkpoint and warm_start=True exclude each other: a folder holds a whole fit.")
    if estimator.allow_empty_classes and estimator.classes is None:
        raise ValueError("allow_empty_classes=True needs `classes`, the list of all classes.")
    if estimator.checkpoint is not None and not isinstance(estimator.random_state, (int, np.integer)):
        raise ValueError(
            f"checkpoint needs an integer random_state, to go on bit for bit; got {estimator.random_state!r}."
        )
    Compute(estimator.device, estimator.precision)


def check_sequence_settings(estimator: Any) -> None:
    """Raise ValueError for the first setting of a model of sequences that makes no sense."""
    check_integers(
        estimator, likelihood_iter=0, warm_up_iter=0, max_iter=0, batch_size=2, checkpoint_every=1, guard_every=1
    )
    check_not_negative(estimator, "reward_weight")
    for name in ("learning_rate", "game_learning_rate", "discriminator_learning_rate"):
        if not getattr(estimator, name) > 0:
            raise ValueError(f"{name}={getattr(estimator, name)!r} must be positive.")
    if not 0 <= estimator.validation_fraction < 1:
        raise ValueError(f"validation_fraction={estimator.validation_fraction!r} must be in [0, 1).")
    if not isinstance(estimator.callbacks, Sequence):
        raise ValueError(f"callbacks={estimator.callbacks!r} must be a sequence of functions of the engine.")
    _check_objective(estimator.objective, estimator.reward)
    if estimator.checkpoint is not None and not isinstance(estimator.random_state, (int, np.integer)):
        raise ValueError(
            f"checkpoint needs an integer random_state, to go on bit for bit; got {estimator.random_state!r}."
        )
    Compute(estimator.device, estimator.precision)


def _check_objective(objective: Any, reward: Any) -> None:
    if objective is not None and not callable(objective):
        raise ValueError(
            f"objective={objective!r} must make a game from (generator, discriminator), such as SeqGAN or "
            "partial(SeqGAN, rollouts=8); None trains by maximum likelihood."
        )
    if reward is None:
        return
    if not callable(reward):
        raise ValueError(f"reward={reward!r} must be a function from a list of sequences to numbers.")
    if objective is None or "task_reward" not in inspect.signature(objective).parameters:
        raise ValueError("reward needs an objective that takes task_reward, such as SeqGAN or partial(SeqGAN, ...).")
