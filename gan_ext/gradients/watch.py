"""A callback that warns of advantages whose mean is not zero: rewards without a baseline."""

import warnings
from collections.abc import Mapping
from typing import Protocol

from gan_ext.checks import checked

__all__ = ["AdvantageWarning", "AdvantageWatch"]


class AdvantageWarning(UserWarning):
    """The mean advantage is not near zero, so that a part of the update does not depend on the reward."""


class _Meters(Protocol):
    def peek(self) -> Mapping[str, float]: ...


class _Engine(Protocol):
    @property
    def step(self) -> int: ...

    @property
    def last_step(self) -> int: ...

    @property
    def meters(self) -> _Meters: ...


@checked
class AdvantageWatch:
    r"""A callback that warns when the mean advantage has drifted from zero.

    .. math:: |\bar A| > \kappa \sigma_A + 10^{-3} |\bar R|

    A positive mean makes every drawn token likelier, whatever it earned: the model trains on its own samples, sharpens,
    and a score of quality improves without any information.  Call it only so often, for it waits for the device; it
    warns once for each player.

    Args:
        tolerance: :math:`\kappa > 0`, in standard deviations of the advantage.  Of action values the mean is over
            tokens, and long sequences have more of them; if they grow with the length, a centered batch can have .7.
        every: steps between looks, >= 1.
    """

    def __init__(self, tolerance: float = 1.0, every: int = 100) -> None:
        if not tolerance > 0 or every < 1:
            raise ValueError(f"AdvantageWatch needs tolerance > 0 and every >= 1, got {tolerance} and {every}.")
        self.tolerance, self.every = tolerance, every
        self._warned: set[str] = set()

    def __call__(self, engine: _Engine) -> None:
        """Look at the engine's meters, and warn."""
        if engine.step % self.every and engine.step != engine.last_step:
            return
        means = engine.meters.peek()
        for name, mean in means.items():
            prefix, _, term = name.rpartition("/")
            if term == "advantage" and prefix not in self._warned:
                self._judge(prefix, mean, means, engine.step)

    def _judge(self, prefix: str, mean: float, means: Mapping[str, float], step: int) -> None:
        spread = means.get(f"{prefix}/advantage_spread", 0.0)
        level = means.get(f"{prefix}/reward", 0.0)
        if abs(mean) > self.tolerance * spread + 1e-3 * abs(level):
            self._warned.add(prefix)
            warnings.warn(
                f"Step {step}: the mean advantage of player {prefix!r} is {mean:.3g}, its standard deviation "
                f"{spread:.3g}. Such a push does not depend on what the reward says; subtract a baseline (LeaveOneOut "
                "does).",
                AdvantageWarning,
                stacklevel=3,
            )
