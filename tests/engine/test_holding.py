"""One process and one thread write into a folder of checkpoints; a second is told who does, and a kill frees it."""

import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from gan_ext import ConditionalGAN
from gan_ext.engine import CheckpointError, Compute, Engine, SaveEvery, adam
from gan_ext.engine.holding import LOCK, hold
from gan_ext.games import MaximumLikelihood
from gan_ext.testing import ConstantStream

pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")

FORK = multiprocessing.get_context("fork")  # quicker than a new Python; POSIX locks belong to a process all the same


def _hold(folder: Path, held: Any) -> None:
    with hold(folder):
        held.set()
        time.sleep(600)


@contextmanager
def other_process(folder: Path) -> Iterator[Any]:
    """Hold the folder from another process within the block; it may be killed there."""
    held = FORK.Event()
    process = FORK.Process(target=_hold, args=(folder, held))
    process.start()
    try:
        assert held.wait(30)
        yield process
    finally:
        process.kill()
        process.join()


def engine() -> Engine:
    line = nn.Linear(1, 1)
    game = MaximumLikelihood(line, lambda batch: -line(batch.x).square().sum(1))
    return Engine(game, {"model": adam(0.1)}, compute=Compute(device="cpu"))


class Numbers(NamedTuple):
    """A batch."""

    x: torch.Tensor


def data() -> ConstantStream:
    return ConstantStream(Numbers(torch.ones(4, 1)))


def test_the_second_process_is_told_who_holds_the_folder_and_a_kill_frees_it(tmp_path: Path) -> None:
    with other_process(tmp_path) as process:
        who = rf"{re.escape(str(tmp_path))} is held by process {process.pid} on .+ since 20\d\d-\d\d-\d\d .*UTC, which"
        mine = engine()
        with pytest.raises(CheckpointError, match=who):
            mine.fit(data(), 3, [SaveEvery(1, tmp_path)])
        assert mine.step == 0
        with pytest.raises(CheckpointError, match=who):
            mine.save(tmp_path)
        model = ConditionalGAN(max_iter=2, batch_size=4, device="cpu", checkpoint=tmp_path, random_state=0)
        with pytest.raises(CheckpointError, match="is held by process"):
            model.fit(np.random.default_rng(0).normal(size=(8, 2)), [0, 1] * 4)
        assert not list(tmp_path.glob("step-*"))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert (tmp_path / LOCK).exists()
        assert mine.fit(data(), 3, [SaveEvery(1, tmp_path)]).step == 3
    assert not (tmp_path / LOCK).exists()


def test_a_fit_holds_its_folder_from_its_first_step_to_its_last(tmp_path: Path) -> None:
    seen = []
    mine = engine().fit(data(), 3, [lambda engine: seen.append((tmp_path / LOCK).exists()), SaveEvery(100, tmp_path)])
    assert seen == [True] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003.safetensors"]

    def fail(engine: Engine) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        mine.fit(data(), 5, [fail, SaveEvery(1, tmp_path)])
    assert not (tmp_path / LOCK).exists()


def test_another_thread_is_told_too_and_the_same_thread_may_enter_again(tmp_path: Path) -> None:
    said = []

    def enter() -> None:
        try:
            with hold(tmp_path):
                said.append("in")
        except CheckpointError as error:
            said.append(str(error))

    def in_thread() -> None:
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join(10)

    with hold(tmp_path):
        with hold(str(tmp_path)):
            in_thread()
        in_thread()
    in_thread()
    assert "is held by another thread of this process" in said[0]
    assert said[1:] == [said[0], "in"]


def _take_often(folder: Path, taken: Any) -> None:
    end = time.monotonic() + 1
    while time.monotonic() < end:
        with suppress(CheckpointError), hold(folder):
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))  # an error if another one is in
            taken.value += 1
            (folder / "inside").unlink()
        time.sleep(0.0002)


def test_of_processes_that_start_together_one_at_a_time_is_in(tmp_path: Path) -> None:
    """Many take and free the folder as fast as they can; the file of a freed one never lets two in."""
    counts = [FORK.Value("i", 0) for _ in range(3)]
    started = [FORK.Process(target=_take_often, args=(tmp_path, count)) for count in counts]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0, 0, 0], "two were in at once"
    assert sum(count.value for count in counts) > 10
