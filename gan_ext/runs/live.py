"""What a run shows while it trains: a bar with the players' losses, or with a text that is written by now."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

from typing_extensions import Self

from gan_ext.engine import Engine

__all__ = ["LiveText", "Progress", "Written"]


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
        self._steps, self._called = steps, False
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
        if error is None and not self._called:  # a fit that was finished before takes no steps
            self._bar.update(self._task, completed=self._steps, note="was finished before")
        self._bar.stop()

    def __call__(self, engine: Engine) -> None:
        self._called = True
        if engine.step % self.every and engine.step != engine.last_step:
            return
        means = engine.meters.peek()
        losses = "  ".join(f"{name} {value:.3f}" for name, value in means.items() if name.endswith("/loss"))
        fields: dict[str, Any] = {"losses": losses.replace("/loss", "")} if losses else {}
        self._bar.update(self._task, completed=engine.step, note=self.note, **fields)


class Written(NamedTuple):
    """What a generator writes by now, and a short note on how good it is."""

    text: str
    note: str


class LiveText:
    """A bar, and below it what a generator writes by now; lines now and then where there is no terminal.

    A callback for the engine and a context manager.

    Args:
        steps: where the bar ends.
        label: what is trained.
        look: returns what is written by now, or None to leave what is shown; it may record on the engine too.
        every: steps between two looks; the last step is looked at too.
    """

    def __init__(self, steps: int, label: str, look: Callable[[Engine], Written | None], every: int) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.label, self.look, self.every = label, look, every
        self._steps, self._called = steps, False
        self._console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, TextColumn("{task.fields[note]}", style="bold green"), console=self._console)
        self._task = self._bar.add_task(label, total=steps, note="")
        self._live = Live(self._bar, console=self._console) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._called:  # a fit that was finished before takes no steps
            self._bar.update(self._task, completed=self._steps, note="was finished before")
        if self._live:
            self._live.stop()

    def __call__(self, engine: Engine) -> None:
        self._called = True
        last = engine.step == engine.last_step
        if engine.step % self.every == 0 or last:
            written = self.look(engine)
            if written is not None:
                self._show(written, engine.step, last)
        self._bar.update(self._task, completed=engine.step)

    def _show(self, written: Written, step: int, last: bool) -> None:
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        if self._live:
            self._bar.update(self._task, note=written.note)
            panel = Panel(Text(written.text), title="what it writes now", width=90)
            self._live.update(Group(self._bar, panel))
        elif step % (4 * self.every) == 0 or last:
            print(f"{self.label}, step {step}: {written.note} | {written.text!r}", flush=True)
