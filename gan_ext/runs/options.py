"""The options that every recipe has, to extend by its own; and how a recipe is started from a command line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gan_ext.engine import CheckpointError, NonFiniteLossError

__all__ = ["Options", "Seeds", "StoppedEarlyError", "at_least", "launch", "plain_errors"]

Given = TypeVar("Given")


class StoppedEarlyError(Exception):
    """The steps that a call may take are used up; the run goes on with --resume."""


@dataclass
class Options:
    """Options of every recipe."""

    out: Path = Path("runs/recipe")
    """Where pictures and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped: finished rows are kept, a fit goes on at its last checkpoint."""
    seed: int = 0
    """Decides all that is random; the first one, where there are several."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N."""
    threads: int = 1
    """Threads of torch; 0 leaves its default, the number of cores."""

    @property
    def fits(self) -> Path:
        """The folder of checkpoints: what lies in it is kept for --resume, and removed by a run that starts afresh."""
        return self.out / "fits"


@dataclass
class Seeds(Options):
    """Options of a recipe that repeats its fits."""

    seeds: int = 1
    """Fits of everything, with seeds seed, seed + 1, ...; all are reported."""

    def each_seed(self) -> range:
        """Return the seeds."""
        return range(self.seed, self.seed + self.seeds)


def at_least(config: Any, least: float, *names: str) -> None:
    """Say which setting is too small.

    Args:
        config: the settings.
        least: the smallest right value.
        names: settings to look at; each a number, a tuple of numbers, or None, which is right.

    Raises:
        ValueError: one is smaller.
    """
    for name in names:
        value = getattr(config, name)
        each = value if isinstance(value, tuple) else (value,)
        if any(number is not None and not number >= least for number in each):
            shown = " ".join(map(str, each))
            raise ValueError(f"--{name.replace('_', '-')} {shown} must be at least {least:g}.")


@contextmanager
def plain_errors() -> Iterator[None]:
    """End a script with the sentence of an error that its user can mend, instead of a traceback."""
    try:
        yield
    except StoppedEarlyError as stopped:
        print(stopped)
    except (CheckpointError, ImportError, NonFiniteLossError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None


def launch(main: Callable[[Given], object], config: type[Given], arguments: Sequence[str] | None = None) -> None:
    """Start a recipe with the options of the command line (needs tyro, in the extra ``recipes``).

    Args:
        main: what it does with its settings.
        config: a dataclass of its settings; the docstrings of its fields are the help.
        arguments: options, those of this process if not given.
    """
    import tyro

    with plain_errors():
        main(tyro.cli(config, args=arguments))
