"""A fit that is kept on disk: its checkpoints, and the weights that cost least on held-out data (model selection)."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from gan_ext.engine import (
    Callback,
    Engine,
    Every,
    SaveEvery,
    Stream,
    check_weights,
    ensure_writable,
    read_tensors,
    write_tensors,
)
from gan_ext.runs.live import Progress

__all__ = ["KeepBest", "fit_kept"]


class KeepBest(Every):
    """Keep the weights that cost least, after every n-th step and after the last one; a callback for the engine.

    What each step costs is recorded on the engine, so that a resumed fit knows the lowest so far; put it before
    :class:`gan_ext.engine.SaveEvery`.

    Args:
        steps: n >= 1.
        network: whose weights are kept.
        cost: of the network as it is now, lower is better; called without arguments.
        path: the file of the best weights.
        name: of the cost in the engine's history.

    Raises:
        CheckpointError: the file's folder cannot be written.
        ValueError: `steps` is less than 1.
    """

    def __init__(
        self, steps: int, network: nn.Module, cost: Callable[[], float], path: str | Path, name: str = "held_out"
    ) -> None:
        super().__init__(steps, self._look)
        self.network, self.cost, self.name = network, cost, name
        self.path = ensure_writable(Path(path).parent) / Path(path).name

    def _look(self, engine: Engine) -> None:
        cost = float(self.cost())
        if cost < min((each[self.name] for each in engine.history if self.name in each), default=float("inf")):
            write_tensors(self.path, self.network.state_dict(), {"step": engine.step})
        engine.record(**{self.name: cost})

    def restore(self) -> None:
        """Give the network its best weights.

        Raises:
            CheckpointError: there are none, or their file is damaged.
        """
        self.network.load_state_dict(check_weights(read_tensors(self.path), self.network.state_dict()))


def fit_kept(
    engine: Engine,
    stream: Stream,
    steps: int,
    *,
    folder: Path,
    label: str,
    every: int = 100,
    refresh: int = 20,
    callbacks: Sequence[Callback] = (),
) -> Engine:
    """Fit with a live bar and checkpoints; go on from the last of these, if there is one.

    Args:
        engine: what plays.
        stream: its batches.
        steps: number of the last step.
        folder: of the checkpoints.
        label: of the bar, and of the sentence that it goes on.
        every: steps between checkpoints.
        refresh: steps between two looks of the bar.
        callbacks: called after every step, before everything else.

    Returns:
        The engine, after its last step.
    """
    if engine.resume(folder) and engine.step < steps:
        print(f"Resuming {label}, at step {engine.step}.", flush=True)
    with Progress(steps, label, refresh) as progress:
        engine.fit(stream, steps, [*callbacks, progress, SaveEvery(every, folder)])
    return engine
