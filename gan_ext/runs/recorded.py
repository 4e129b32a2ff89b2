"""The course of a fit: what is reached on the way, with the seconds that it took, kept over a kill."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from gan_ext.engine import Callback, Engine, Every, SaveEvery, StopAfter, Stream
from gan_ext.runs.live import Progress
from gan_ext.runs.options import StoppedEarlyError

__all__ = ["RecordEvery", "fit_recorded"]


class RecordEvery(Every):
    """Record figures, seconds of training so far and mean losses after every n-th step, and after the last one.

    Put it before :class:`gan_ext.engine.SaveEvery` of the same n, so that a checkpoint has the record of its step.  The
    seconds go on from those of a resumed engine's last record.

    Args:
        steps: n >= 1.
        measure: figures by name, from the engine.
        progress: a bar whose note shows them, if any.
        note: what it says, such as ``"error {error:.2f} %"``; the figures are filled in by their names.

    Raises:
        ValueError: `steps` is less than 1.
    """

    def __init__(
        self,
        steps: int,
        measure: Callable[[Engine], Mapping[str, float]],
        progress: Progress | None = None,
        note: str = "",
    ) -> None:
        super().__init__(steps, self._record)
        self.measure, self.progress, self.note = measure, progress, note
        self._start, self._spent = time.monotonic(), -1.0

    def _record(self, engine: Engine) -> None:
        if self._spent < 0:
            self._spent = float(engine.history[-1]["seconds"]) if engine.history else 0.0
        figures = self.measure(engine)
        seconds = self._spent + time.monotonic() - self._start
        engine.record(**figures, seconds=seconds, **engine.meters.read())
        if self.progress is not None:
            self.progress.note = self.note.format(**figures)


def fit_recorded(
    engine: Engine,
    stream: Stream,
    steps: int,
    measure: Callable[[Engine], Mapping[str, float]],
    *,
    folder: Path,
    every: int,
    label: str,
    note: str = "",
    bar: bool = True,
    callbacks: Sequence[Callback] = (),
    save_every: int | None = None,
    stop: StopAfter | None = None,
) -> list[dict[str, Any]]:
    """Fit with a live bar, figures on the way and checkpoints; go on from the last of these, if there is one.

    Args:
        engine: what plays.
        stream: its batches.
        steps: number of the last step.
        measure: figures by name, recorded with the seconds so far (:class:`RecordEvery`).
        folder: of the checkpoints.
        every: steps between measurements, each followed by a checkpoint unless `save_every` is given.
        label: of the bar, and of the sentence that it goes on.
        note: what the bar says of the figures, such as ``"error {error:.2f} %"``.
        bar: whether there is one; several fits side by side have none.
        callbacks: called after every step, before everything else.
        save_every: steps between checkpoints; there is one after the last step in any case.
        stop: may end the fit before its last step, with a checkpoint but without a record.

    Returns:
        The engine's history, of which the last record is of the last step.

    Raises:
        StoppedEarlyError: `stop` has ended the fit.
    """
    if engine.resume(folder) and engine.step < steps:
        print(f"Resuming {label} at step {engine.step}.", flush=True)
    progress = Progress(steps, label)
    record = RecordEvery(every, measure, progress, note)
    with progress if bar else nullcontext():
        early, save = (() if stop is None else (stop,)), SaveEvery(save_every or every, folder)
        end = engine.step if stop is not None and stop.over else steps
        engine.fit(stream, end, [*callbacks, record, *early, progress, save])
    if stop is not None and engine.step < steps:
        raise StoppedEarlyError(f"{label} is at step {engine.step} of {steps}; go on with --resume.")
    return engine.history
