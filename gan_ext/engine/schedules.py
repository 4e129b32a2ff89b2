"""Schedules of learning rates, temperatures, weights of penalties: numbers that change with the step.

A schedule is any function from the step (0, 1, ...) to a number; these are the usual ones.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["Schedule", "apply_schedules", "checked_schedules", "cosine", "flat_then_linear", "linear", "sigmoid_rise"]

Schedule = Callable[[int], float]


def linear(start: float, end: float, steps: int, wait: int = 0) -> Schedule:
    """Go from `start` at step 0 to `end` at step `steps` in a straight line, and stay there.

    Args:
        start: the number at first.
        end: the number at last.
        steps: of the way, at least 1.
        wait: steps before it begins, of which each has `start`; at least 0.
    """
    _positive(steps)
    if wait < 0:
        raise ValueError(f"wait must be at least 0, got {wait}.")
    return lambda step: start + (end - start) * min(max(step - wait, 0) / steps, 1.0)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Go from `start` at step 0 to `end` at step `steps` along half a cosine, and stay there.

    References: SGDR (Loshchilov and Hutter, 2017), https://arxiv.org/abs/1608.03983
    """
    _positive(steps)
    return lambda step: end + (start - end) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def flat_then_linear(value: float, steps: int, flat: float = 0.5) -> Schedule:
    """Stay at `value` for the share `flat` of `steps`, then fall to 0 at `steps` in a straight line.

    Args:
        value: the number at first.
        steps: when 0 is reached.
        flat: share in [0, 1) of `steps` before the fall begins.
    """
    _positive(steps)
    if not 0 <= flat < 1:
        raise ValueError(f"flat must be in [0, 1), got {flat}.")
    return lambda step: value * min(1.0, max(0.0, (1 - step / steps) / (1 - flat)))


def sigmoid_rise(value: float, steps: int) -> Schedule:
    r"""Rise from nearly 0 to `value` at step `steps`, slowly at first, and stay there.

    .. math:: \text{value} \cdot \exp(-5 (1 - \min(1, t / \text{steps}))^2)

    References: Temporal Ensembling (Laine and Aila, 2017), section 2.1, https://arxiv.org/abs/1610.02242
    """
    _positive(steps)
    return lambda step: value * math.exp(-5 * (1 - min(step / steps, 1.0)) ** 2)


def _positive(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"A schedule needs steps >= 1, got {steps}.")


def checked_schedules(
    schedules: Mapping[str, Schedule], optimizers: Mapping[str, torch.optim.Optimizer], game: nn.Module
) -> dict[str, Schedule]:
    """Return the schedules, or say which key stands for no number that can be changed."""
    options = {
        f"{player}.{option}"
        for player, optimizer in optimizers.items()
        for option, value in optimizer.param_groups[0].items()
        if isinstance(value, (int, float, Tensor)) and not isinstance(value, bool)
    }
    buffers = {name for name, buffer in game.named_buffers() if buffer.dim() == 0 and buffer.is_floating_point()}
    for key, schedule in schedules.items():
        if not callable(schedule):
            raise ValueError(
                f"schedules[{key!r}] is {schedule!r}; give a function of the step, such as linear(1.0, 0.1, 5000)."
            )
        if key not in options and key not in buffers:
            rates = [f"{player}.lr" for player in optimizers]
            raise ValueError(
                f"schedules has the key {key!r}, which is neither a number of a player's optimizer (such as "
                f"{', '.join(rates)}) nor a 0-dim buffer of the game ({', '.join(sorted(buffers)) or 'it has none'})."
            )
    return dict(schedules)


def apply_schedules(
    schedules: Mapping[str, Schedule],
    optimizers: Mapping[str, torch.optim.Optimizer],
    buffers: Mapping[str, Tensor],
    step: int,
) -> None:
    """Set every scheduled number to its value at this step."""
    for key, schedule in schedules.items():
        if key in buffers:
            buffers[key].fill_(schedule(step))
            continue
        player, option = key.rsplit(".", 1)
        for group in optimizers[player].param_groups:
            if isinstance(group[option], Tensor):
                group[option].fill_(schedule(step))
            else:
                group[option] = schedule(step)
