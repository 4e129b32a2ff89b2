"""How an estimator's games are run: the parameters that all who train share, and what the engine makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from typing_extensions import Self

from gan_ext.data import DataDevice
from gan_ext.engine import Callback, Compute, Engine, OptimizerFactory, SaveEvery, Schedule, Solver, Stream, Turns
from gan_ext.game import Game

__all__ = ["Running", "RunningParameters", "print_progress", "remember_losses"]


class RunningParameters(Protocol):
    """An estimator, by those of its shared parameters that say how its games are run."""

    @property
    def solver(self) -> Solver | Turns | None: ...
    @property
    def clip(self) -> float | None: ...
    @property
    def averaging(self) -> float: ...
    @property
    def device(self) -> str: ...
    @property
    def data_device(self) -> DataDevice: ...
    @property
    def precision(self) -> Literal["float32", "bfloat16"]: ...
    @property
    def checkpoint(self) -> str | PathLike[str] | None: ...
    @property
    def checkpoint_every(self) -> int: ...
    @property
    def verbose(self) -> bool | int: ...
    @property
    def callbacks(self) -> Sequence[Callback]: ...


@runtime_checkable
class _Movable(Protocol):
    """A stream that lets one choose where its data lie."""

    def with_data_device(self, data_device: DataDevice) -> Stream: ...


@dataclass(frozen=True)
class Running:
    """How games are run; made of an estimator's shared parameters.

    Args:
        solver: how a step is played; None for plain turns.
        clip: largest norm of a player's gradient, None for any.
        averaging: decay of the averaged weights; 0 keeps none.
        compute: device and precision.
        checkpoint: folder of checkpoints, None for none.
        checkpoint_every: steps between checkpoints.
        verbose: whether to print how it goes.
        callbacks: called with the engine after every step.
        data_device: where data lie while a GPU trains.
    """

    solver: Solver | Turns | None = None
    clip: float | Mapping[str, float] | None = None
    averaging: float = 0.0
    compute: Compute = field(default_factory=Compute)
    checkpoint: Path | None = None
    checkpoint_every: int = 500
    verbose: bool | int = False
    callbacks: Sequence[Callback] = ()
    data_device: DataDevice = "auto"

    @classmethod
    def of(cls, estimator: RunningParameters) -> Self:
        """Return how an estimator's games are run, by the parameters of :data:`~.parameters.SHARED`."""
        return cls(
            estimator.solver,
            estimator.clip,
            estimator.averaging,
            Compute(estimator.device, estimator.precision),
            None if estimator.checkpoint is None else Path(estimator.checkpoint),
            estimator.checkpoint_every,
            estimator.verbose,
            tuple(estimator.callbacks),
            estimator.data_device,
        )

    def part(self, name: str) -> Self:
        """Return the same for one part of a fit, which keeps its checkpoints in a folder of its own."""
        return replace(self, checkpoint=None if self.checkpoint is None else self.checkpoint / name)

    def engine(
        self,
        game: Game,
        optimizers: Mapping[str, OptimizerFactory],
        seed: int,
        schedules: Mapping[str, Schedule] | None = None,
    ) -> Engine:
        """Return the engine of a game, resumed from the newest checkpoint if there is one."""
        engine = Engine(
            game,
            optimizers,
            self.solver,
            seed=seed,
            ema=self.averaging or None,
            clip=self.clip,
            schedules=schedules,
            compute=self.compute,
        )
        if self.checkpoint is not None:
            engine.resume(self.checkpoint)
        return engine

    def fit(
        self, engine: Engine, stream: Stream, steps: int, label: str = "", first: Sequence[Callback] = ()
    ) -> Engine:
        """Train up to so many steps in all: with the history, printed progress, the user's callbacks, checkpoints.

        Args:
            engine: from :meth:`engine`.
            stream: the batches.
            steps: where training ends.
            label: of the printed lines.
            first: callbacks before the user's.
        """
        if isinstance(stream, _Movable):
            stream = stream.with_data_device(self.data_device)
        said = [print_progress(steps, label)] if self.verbose else []
        saving = [] if self.checkpoint is None else [SaveEvery(self.checkpoint_every, self.checkpoint)]
        # Reading the meters starts them anew, so what looks at them comes before.
        return engine.fit(stream, steps, [*first, *said, remember_losses(steps), *self.callbacks, *saving])


def remember_losses(steps: int) -> Callback:
    """Return a callback that adds the mean losses to the history, fifty times in a training of so many steps."""
    every = max(1, steps // 50)

    def remember(engine: Engine) -> None:
        if engine.step % every == 0 or engine.step == engine.last_step:
            engine.record(**engine.meters.read())

    return remember


def print_progress(steps: int, label: str = "") -> Callback:
    """Return a callback that prints the mean losses, ten lines in a training of so many steps."""
    every = max(1, steps // 10)

    def say(engine: Engine) -> None:
        if engine.step % every == 0 or engine.step == engine.last_step:
            means = ", ".join(f"{name} {value:.3f}" for name, value in engine.meters.peek().items())
            print(f"{label + ' ' if label else ''}{engine.step}/{steps}: {means}", flush=True)

    return say
