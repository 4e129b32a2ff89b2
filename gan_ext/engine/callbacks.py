"""Callbacks that are used often: something after every n-th step, checkpoints, and an end in time."""

import time
from pathlib import Path

from gan_ext.checks import checked
from gan_ext.engine.checkpoint import ensure_writable
from gan_ext.engine.loop import Callback, Engine

__all__ = ["Every", "SaveEvery", "StopAfter"]


@checked
class Every:
    """Call a function after every n-th step, and after the last one.

    Args:
        steps: n >= 1.
        function: takes the engine.
    """

    def __init__(self, steps: int, function: Callback) -> None:
        if steps < 1:
            raise ValueError(f"Every needs steps >= 1, got {steps}.")
        self.steps = steps
        self.function = function

    def __call__(self, engine: Engine) -> None:
        if engine.step % self.steps == 0 or engine.step == engine.last_step:
            self.function(engine)


@checked
class SaveEvery(Every):
    """Save a checkpoint after every n-th step, and after the last one.

    Args:
        steps: n >= 1.
        directory: where checkpoints go; made and tried at once, so that a folder that cannot be written is no
            surprise after an hour.
        keep: how many of the newest checkpoints stay, >= 1; with 2, one can be damaged without loss.
    """

    def __init__(self, steps: int, directory: str | Path, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"SaveEvery needs keep >= 1, got {keep}.")
        self.directory = ensure_writable(Path(directory))
        super().__init__(steps, lambda engine: engine.save(directory, keep=keep))


@checked
class StopAfter:
    """Let a fit end once some seconds have passed since this was made, or so many steps been taken with it.

    Put it before callbacks that act at the end.  Several fits, one after the other, may share it.

    Args:
        seconds: of the wall, > 0; None for any.
        steps: of all fits together, > 0; None for any.

    Raises:
        ValueError: neither positive nor None.
    """

    def __init__(self, seconds: float | None = None, steps: int | None = None) -> None:
        for name, value in (("seconds", seconds), ("steps", steps)):
            if value is not None and not value > 0:
                raise ValueError(f"StopAfter needs {name} > 0, or None to never stop, got {value}.")
        self.seconds, self.steps, self._start, self._taken = seconds, steps, time.monotonic(), 0

    @property
    def over(self) -> bool:
        """Whether no further step is left."""
        late = self.seconds is not None and time.monotonic() - self._start > self.seconds
        return late or (self.steps is not None and self._taken >= self.steps)

    def __call__(self, engine: Engine) -> None:
        self._taken += 1
        if self.over:
            engine.stop()
