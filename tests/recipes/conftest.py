"""How tests start a recipe: as its user would, in a process of its own."""

import gzip
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}


@pytest.fixture(scope="session")
def started() -> Callable[..., "subprocess.Popen[str]"]:
    """Start a recipe by name, with one thread."""

    def start(recipe: str, *arguments: Any) -> "subprocess.Popen[str]":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
        command = [sys.executable, str(RECIPES / f"{recipe}.py"), *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return start


@pytest.fixture(scope="session")
def played(started: Callable[..., "subprocess.Popen[str]"]) -> Callable[..., tuple[int, str]]:
    """Run a recipe to its end; return its exit status and what it printed."""

    def run(recipe: str, *arguments: Any) -> tuple[int, str]:
        process = started(recipe, *arguments)
        output, _ = process.communicate(timeout=400)
        return process.returncode, output

    return run


@pytest.fixture(scope="session")
def result_of() -> Callable[[Path], dict[str, Any]]:
    """Read the result file of a folder, which has all that recipes promise."""

    def read(folder: Path) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        assert result.keys() >= CONTRACT
        return result

    return read


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
