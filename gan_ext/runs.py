"""What every recipe shares: a live bar, a result file, and where the result came from."""

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from typing_extensions import Self

from gan_ext.engine import (
    CheckpointError,
    Engine,
    NonFiniteLossError,
    ensure_writable,
    resolve_device,
    write_atomically,
)

__all__ = ["Progress", "environment", "plain_errors", "source_commit", "write_json", "write_result"]


def environment(device: torch.device | str = "auto") -> dict[str, Any]:
    """Return what a figure depends on besides code and seed: libraries, processor, threads."""
    device = resolve_device(device)
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def source_commit() -> str:
    """Return the commit of the checkout this package runs from, with ``+`` if files differ, or ``"unknown"``."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def plain_errors() -> Iterator[None]:
    """End a script with the sentence of an error that its user can mend, instead of a traceback."""
    try:
        yield
    except (CheckpointError, NonFiniteLossError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON so that the file is never seen half-written."""
    write_atomically(Path(path), (json.dumps(content, indent=2, default=str) + "\n").encode())


def write_result(
    directory: str | Path,
    recipe: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, float],
    protocol: str,
    seconds: float,
    steps_per_second: float,
    device: torch.device | str = "auto",
    **more: Any,
) -> Path:
    """Write ``result.json``, from which the tables in the documentation are built.

    Args:
        directory: the recipe's output folder.
        recipe: its name.
        config: all its settings.
        metrics: named numbers.
        protocol: how they were measured, in a sentence.
        seconds: wall time of training.
        steps_per_second: of the engine.
        device: where it ran.
        more: anything else worth keeping (rows, curves), as JSON.

    Returns:
        The file.
    """
    path = ensure_writable(Path(directory)) / "result.json"
    content = {
        "recipe": recipe,
        # Of a folder the name is enough: where it lay decides no figure.
        "config": {name: value.name if isinstance(value, Path) else value for name, value in config.items()},
        "metrics": dict(metrics),
        "protocol": protocol,
        "seconds": round(seconds, 2),
        "steps_per_second": round(steps_per_second, 2),
        "environment": environment(device),
        "commit": source_commit(),
        **more,
    }
    write_json(path, content)
    return path


class Progress:
    """A live bar with the players' losses; a callback for the engine and a context manager.

    Args:
        steps: where the bar ends.
        label: what is trained.
        every: steps between refreshes.
    """

    def __init__(self, steps: int, label: str, every: int = 20) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.every = every
        self.note = ""
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            TextColumn("{task.fields[note]}", style="bold green"),
        )
        self._task = self._bar.add_task(label, total=steps, losses="", note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, engine: Engine) -> None:
        if engine.step % self.every and engine.step != engine.last_step:
            return
        means = engine.meters.peek()
        losses = "  ".join(f"{name} {value:.3f}" for name, value in means.items() if name.endswith("/loss"))
        fields: dict[str, Any] = {"losses": losses.replace("/loss", "")} if losses else {}
        self._bar.update(self._task, completed=engine.step, note=self.note, **fields)
