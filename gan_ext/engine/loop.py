"""The training loop of the package."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.engine import checkpoint as files
from gan_ext.engine import state
from gan_ext.engine.board import Board, per_player
from gan_ext.engine.compute import Compute, current, resolve_device
from gan_ext.engine.ema import ExponentialMovingAverage
from gan_ext.engine.graphs import GraphedStep, PythonState
from gan_ext.engine.holding import hold, hold_all
from gan_ext.engine.optimizers import OptimizerFactory, built
from gan_ext.engine.ranks import Ranks
from gan_ext.engine.schedules import Schedule, apply_schedules, checked_schedules
from gan_ext.engine.solvers import Solver, as_solver
from gan_ext.engine.solvers.solver import moves_of
from gan_ext.engine.turns import Turns
from gan_ext.game import Game, owned_parameters
from gan_ext.seeds import reseed, turns

__all__ = ["Callback", "Engine", "NonFiniteLossError", "Stream"]

Callback = Callable[["Engine"], object]
"""What is called between steps: a function of the engine; the only place that may wait for the device."""

_CHECK_EVERY = 64  # steps between looks at the losses on a GPU, where a look waits for the device


class NonFiniteLossError(RuntimeError):
    """A loss became infinite or not a number."""


class Stream(Protocol):
    """Batches by number: ``stream[draw]`` is a ``NamedTuple`` of tensors of fixed shapes, always the same one."""

    def __getitem__(self, draw: int) -> Any: ...

    def place(self, device: torch.device, rank: int, ranks: int) -> "Stream":
        """Return this stream with its data on `device`, cut down to the share of one rank among `ranks`."""
        ...


@checked
class Engine:
    """Play a game: move the players' parameters, on any device, in any precision, on any number of ranks.

    Args:
        game: what is played; moved to the device.
        optimizers: for each player's name, a recipe such as :func:`~gan_ext.engine.adam` (any function from a list of
            parameters to an optimizer).
        solver: how a step is played, such as :class:`~gan_ext.engine.Extragradient`; or turns, who moves when by
            plain gradient steps.  By default each player moves once, one after the other.
        seed: decides every random number of the run, together with rank and step.
        ema: decay of the averaged copy of the game in `averaged`; None keeps no copy.
        clip: largest norm of a player's gradient, for all players or by name; None leaves gradients alone.
        schedules: numbers that change with the step, by ``"player.option"`` (such as ``"generator.lr"``) or by the name
            of a 0-dim buffer of the game.
        compute: device, precision and compilation.

    Attributes:
        step: steps done.
        last_step: where the present :meth:`fit` ends.
        averaged: the game with averaged weights, in evaluation mode (the game itself without `ema`).
        history: records kept in checkpoints; :meth:`record` adds one.

    Raises:
        ValueError: a player without optimizer, a parameter with two owners or none, unknown names in `solver`, `clip`
            or `schedules`.
    """

    def __init__(
        self,
        game: Game,
        optimizers: Mapping[str, OptimizerFactory],
        solver: Solver | Turns | None = None,
        *,
        seed: int = 0,
        ema: float | None = None,
        clip: float | Mapping[str, float] | None = None,
        schedules: Mapping[str, Schedule] | None = None,
        compute: Compute | None = None,
    ) -> None:
        self.compute = compute or Compute()
        self.device = Ranks.local_device(resolve_device(self.compute.device))
        self.ranks = Ranks.join(self.device)
        self.seed, self.step, self.last_step = seed, 0, 0
        self.history: list[dict[str, Any]] = []
        self.last_checkpoint: Path | None = None
        self.game = game.to(self.device)
        self.ranks.broadcast(self.game)
        self.parameters = _owners(self.game)
        self.solver = as_solver(solver)
        self.moves = moves_of(solver, tuple(self.parameters))
        self.optimizers = built(optimizers, self.parameters, schedules or {})
        self.board = self._set_up(per_player(clip, self.parameters))
        self.meters, self._clock = self.board.meters, self.board.clock
        self._schedules = checked_schedules(schedules or {}, self.optimizers, self.game)
        self._buffers = dict(self.game.named_buffers())
        self._shared_buffers = [value for value in self._buffers.values() if value.is_floating_point()]
        self.ema = ExponentialMovingAverage(self.game, ema) if ema is not None else None
        graphed = self.compute.records(self.device, self.ranks.count)
        self._run = GraphedStep(self._play, self._watch, self.device, self.ranks.count > 1) if graphed else self._play

    def _watch(self) -> PythonState:
        return PythonState(self, ("board", "solver", "ema", "ranks", "_shared_buffers"), self.parameters.values())

    def _set_up(self, clip: Mapping[str, float]) -> Board:
        board = Board(
            self.game,
            self.parameters,
            self.optimizers,
            clip,
            self.compute,
            self.compute.compile and not self.solver.second_order,  # compiled losses have no second derivative
            self.ranks,
            self.device,
        )
        self.solver.start(board)
        return board

    @property
    def averaged(self) -> Game:
        """The game with averaged weights, if `ema` was given; else the game."""
        averaged = self.ema.module if self.ema else self.game
        assert isinstance(averaged, Game)
        return averaged

    def fit(self, stream: Stream, steps: int, callbacks: Sequence[Callback] = ()) -> Self:
        """Train until `steps` steps have been done in all (those of a resumed run included)::

            for each step:
                set the scheduled numbers; reseed(seed, rank, step)
                solver.play(batches):               # by default, for each move (players who step together):
                    for each of its players:        # the others are frozen
                        loss, terms = player.loss(stream[draw]); take its gradient
                    average gradients over ranks; clip them; step the movers' optimizers
                average weights; look for losses that are not finite
                call the callbacks

        Args:
            stream: batches; every move takes the next one.
            steps: number of the last step; nothing is done if it has been done already.
            callbacks: functions of this engine, called after every step (see :class:`~gan_ext.engine.Every`).

        Raises:
            NonFiniteLossError: a loss was infinite or not a number; names step, player, term and last checkpoint.
            CheckpointError: another process or thread saves into the folder of a callback, and is named.
        """
        if not hasattr(stream, "place"):
            raise ValueError(
                f"stream is {type(stream).__name__}, which has no place(device, rank, ranks); use "
                "gan_ext.data.ArrayStream or a class with the two methods of gan_ext.engine.Stream."
            )
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            raise ValueError(f"steps={steps!r} must be an integer, at least 0: the number of the last step.")
        wrong = [each for each in callbacks if not callable(each)] if isinstance(callbacks, Iterable) else [callbacks]
        if wrong or not isinstance(callbacks, Iterable):
            raise ValueError(f"callbacks has {wrong[0]!r}; give a sequence of functions of the engine.")
        self._check_owners()
        self.last_step = steps
        stream = stream.place(self.device, self.ranks.rank, self.ranks.count)
        self.game.train()
        held = hold_all(callbacks if self.ranks.is_main else ())
        with held, current(self.device), turns(self.device) as alone, self._restored_flags():
            while self.step < self.last_step:
                apply_schedules(self._schedules, self.optimizers, self._buffers, self.step)
                first = self.step * len(self.moves)
                batches = [stream[first + index] for index in range(len(self.moves))]
                with alone:  # among threads, which share torch's generators; callbacks may wait for other threads
                    reseed(self.device, self.seed, self.ranks.rank, self.step)
                    self._run(batches)
                    self.step += 1
                    if self.solver.acts_between:
                        self.solver.after(self.board, self.step)
                        self._average()
                if self.device.type == "cpu" or self.step % _CHECK_EVERY == 0:
                    self._check_ranks()
                for callback in callbacks:
                    callback(self)
            self._check_ranks()
        return self

    def _check_owners(self) -> None:
        present = {id(parameter) for parameter in self.game.parameters()}
        for player, parameters in self.parameters.items():
            if not all(id(parameter) in present for parameter in parameters):
                raise ValueError(
                    f"Parameters of player {player!r} are others than when this engine was built, which would train "
                    "the old ones. Copy values into them (load_state_dict without assign), or build a new Engine."
                )

    def stop(self) -> None:
        """Let the present :meth:`fit` end after this step; for callbacks, of which later ones see the last step."""
        self.last_step = self.step

    def _play(self, batches: Sequence[Any]) -> None:
        self.solver.play(self.board, batches)
        self.ranks.average(self._shared_buffers)
        if not self.solver.acts_between:
            self._average()
        self._clock += 1

    def _average(self) -> None:
        if self.ema:
            self.ema.update()

    @contextmanager
    def _restored_flags(self) -> Iterator[None]:
        try:
            yield
        finally:
            for parameters in self.parameters.values():
                for parameter in parameters:
                    parameter.requires_grad_(True)
                    parameter.grad = None

    def check_finite(self) -> None:
        """Stop if any loss or term so far was not finite; on a GPU this waits for the device."""
        found = self.meters.first_non_finite()
        if found:
            step, player, term = found
            raise self._spoilt(f"Step {step}: {term!r} of player {player!r}")

    def _check_ranks(self) -> None:
        """Stop all processes if a loss of one of them was not finite; a step that all of them take."""
        where = self.ranks.failed(self.meters.first_non_finite() is not None, self.device)
        if where is not None:
            self.check_finite()
            raise self._spoilt(f"Step {self.step - 1}: a loss of process {where}, which says which one,")

    def _check_parameters(self) -> None:
        # A finite loss can have a gradient that is not, and another rank may have seen what this one did not.
        for player, parameters in self.parameters.items():
            if not all(bool(parameter.isfinite().all()) for parameter in parameters):
                names = [name for name, value in self.game.named_parameters() if not value.isfinite().all()]
                raise self._spoilt(f"After step {self.step}: parameter {names[0]!r} of player {player!r}")

    def _spoilt(self, what: str) -> NonFiniteLossError:
        saved = f"The last good checkpoint is {self.last_checkpoint}." if self.last_checkpoint else "None was saved."
        return NonFiniteLossError(
            f"{what} is not finite. {saved} Try a smaller learning rate, a gradient clip, or float32."
        )

    def record(self, **numbers: float) -> None:
        """Add a record with the present step to `history`."""
        self.history.append({"step": self.step} | {name: float(number) for name, number in numbers.items()})

    def save(self, directory: str | Path, keep: int = 2) -> Path | None:
        """Write a checkpoint into a directory, from which :meth:`resume` goes on bit for bit.

        Args:
            directory: made if it is not there.
            keep: how many of the newest checkpoints stay.

        Returns:
            The file, or None on ranks that do not write.

        Raises:
            NonFiniteLossError: the state is spoilt; nothing is written.
            CheckpointError: the file cannot be written; the older ones are as they were.
        """
        self._check_ranks()
        self._check_parameters()
        path = None
        if self.ranks.is_main:
            with hold(directory):
                path = files.write(Path(directory), self.step, *state.capture(self), keep)
            self.last_checkpoint = path
        self.ranks.wait()
        return path

    def resume(self, source: str | Path) -> bool:
        """Take up the newest whole checkpoint of a directory (or that of a file).

        Args:
            source: directory or file.

        Returns:
            Whether there was one.

        Raises:
            CheckpointError: all are damaged, or the newest is of another game, shape, seed or optimizer.
        """
        found = files.newest(Path(source))
        if found is None:
            return False
        state.restore(self, found)
        self.last_checkpoint = found.path
        return True


def _owners(game: Game) -> dict[str, list[nn.Parameter]]:
    owner: dict[int, str] = {}
    owned: dict[str, list[nn.Parameter]] = {}
    for player, entry in game.players().items():
        owned[player] = []
        for name, parameter in owned_parameters(entry):
            if id(parameter) in owner:
                raise ValueError(
                    f"Parameter {name!r} of player {player!r} belongs to player {owner[id(parameter)]!r} too; every "
                    "parameter needs exactly one owner."
                )
            owner[id(parameter)] = player
            owned[player].append(parameter)
        if not owned[player]:
            raise ValueError(f"Player {player!r} has no trainable parameter.")
    orphans = [name for name, value in game.named_parameters() if value.requires_grad and id(value) not in owner]
    if orphans:
        raise ValueError(f"No player owns {', '.join(orphans)}; give them to a player or call requires_grad_(False).")
    return owned
