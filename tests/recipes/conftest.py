"""How tests start a recipe: in this process; in one of its own where it is killed."""

import gzip
import json
import os
import runpy
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gan_ext

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}
KEPT = {"settings.json", "rows", "fits"}  # what a killed run leaves; all else is made of it


@pytest.fixture(scope="session")
def played(run_script: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    """Run a recipe by name in this process to its end; return its exit status and what it printed."""

    def run(recipe: str, *arguments: Any) -> tuple[int, str]:
        return run_script(f"recipes/{recipe}.py", *arguments)

    return run


@pytest.fixture(scope="session")
def names_of() -> Callable[[str], SimpleNamespace]:
    """Return what a recipe defines, without running it."""
    return lambda recipe: SimpleNamespace(**runpy.run_path(str(RECIPES / f"{recipe}.py")))


@pytest.fixture(scope="session")
def started() -> Callable[..., "subprocess.Popen[str]"]:
    """Start a recipe by name in a process of its own, with one thread."""

    def start(recipe: str, *arguments: Any) -> "subprocess.Popen[str]":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
        command = [sys.executable, str(RECIPES / f"{recipe}.py"), *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return start


@pytest.fixture(scope="session")
def killed(started: Callable[..., "subprocess.Popen[str]"]) -> Callable[..., None]:
    """Start a recipe in a process of its own with `--out` a folder, and kill it once that holds a file like `until`."""

    def run(recipe: str, *arguments: Any, out: Path, until: str) -> None:
        process = started(recipe, *arguments, "--out", out)
        try:
            deadline = time.monotonic() + 200
            while not list(out.glob(until)):
                assert process.poll() is None, f"it ended before there was {until}: {process.communicate()[0]}"
                assert time.monotonic() < deadline, f"no {until} in 200 s"
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert not (out / "result.json").exists(), "it was not killed but done; give it more steps"

    return run


@pytest.fixture(scope="session")
def reported_again(played: Callable[..., tuple[int, str]]) -> Callable[..., str]:
    """Resume a finished run as if it had been killed while it reported: all outputs come back, with the same figures.

    Everything in the folder but settings, rows and checkpoints is removed first, so that only these can be its source.
    Return what the resumed run printed.
    """

    def run(recipe: str, *arguments: Any, out: Path) -> str:
        before = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
        result = json.loads((out / "result.json").read_text())
        for path in out.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        code, output = played(recipe, *arguments, "--out", out, "--resume")
        assert code == 0, output
        after = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
        assert not before - after, f"missing after resuming: {sorted(map(str, before - after))}"
        again = json.loads((out / "result.json").read_text())
        assert again.keys() == result.keys()
        for part in ("metrics", "protocol", "rows"):
            assert again.get(part) == result.get(part), f"{part} differ"
        return output

    return run


@pytest.fixture(scope="session")
def result_of() -> Callable[[Path], dict[str, Any]]:
    """Read the result file of a folder, which has all that recipes promise."""

    def read(folder: Path) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        assert result.keys() >= CONTRACT
        assert {"torch", "device", "threads"} <= result["environment"].keys()
        return result

    return read


@pytest.fixture(scope="session")
def drawn() -> Callable[..., None]:
    """Say which of some pictures (.png, .gif) in a folder are not there, or are no pictures."""

    def check(folder: Path, *pictures: str) -> None:
        begins = {".png": b"\x89PNG", ".gif": b"GIF8"}
        missing = [
            name
            for name in pictures
            if not (folder / name).exists() or not (folder / name).read_bytes().startswith(begins[Path(name).suffix])
        ]
        assert not missing, f"{missing} are no pictures; there is {sorted(path.name for path in folder.iterdir())}"

    return check


@pytest.fixture(scope="session")
def written_idx() -> Callable[[Path, np.ndarray], None]:
    """Write an array as a gzipped idx file."""

    def write(path: Path, values: np.ndarray) -> None:
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))

    return write


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory, written_idx: Callable[[Path, np.ndarray], None]) -> Path:
    """Ten kinds of bars in MNIST's four files, 28 pixels wide."""
    folder, rng = tmp_path_factory.mktemp("bars"), np.random.default_rng(0)
    for part, n in (("train", 400), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 40, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2:26, 2 + 2 * label : 6 + 2 * label] += 200
        written_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        written_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory, written_idx: Callable[[Path, np.ndarray], None]) -> Path:
    """Ten bright squares in ten places in MNIST's four files, 28 pixels wide."""
    folder, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for part, n in (("train", 300), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 40, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(label, 4)
            image[2 + 8 * row : 8 + 8 * row, 1 + 7 * column : 6 + 7 * column] += 200
        written_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        written_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture
def quick_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recipes report codes from few samples, by a net that is hardly trained: its figures are tested elsewhere."""
    monkeypatch.setattr(gan_ext, "report_codes", partial(gan_ext.report_codes, n_samples=400, max_iter=40))


@pytest.fixture(scope="session")
def page_of() -> Callable[[Path], str]:
    """Read a page with sliders, which loads nothing from elsewhere."""

    def read(folder: Path) -> str:
        page = (folder / "codes.html").read_text()
        assert "<input" in page or "slider" in page
        assert "http://" not in page
        assert "https://" not in page
        return page

    return read
