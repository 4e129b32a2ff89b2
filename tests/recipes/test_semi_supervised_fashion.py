"""The comparison on clothes: every method on the same splits, and a kill that costs nothing but steps."""

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "semi_supervised_fashion.py"
ARMS = ("gan", "game alone", "mean teacher", "supervised", "label spreading")


def _start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(*arguments):
    process = _start(*arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    """Ten bright rows, of which a mirrored image is of the same class, in Fashion-MNIST's four files."""
    folder, rng = tmp_path_factory.mktemp("clothes"), np.random.default_rng(0)
    for part, n in (("train", 300), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label, 4:24] += 190
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
            content = gzip.compress(header + values.astype(np.uint8).tobytes())
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def test_every_method_is_scored_on_every_split(clothes, tmp_path):
    output = _run(
        "--data", clothes, "--labels", 20, 40, "--seeds", 2, "--steps", 20, "--channels", 4, "--measure-every", 10,
        "--device", "cpu", "--out", tmp_path,
    )  # fmt: skip
    result = json.loads((tmp_path / "result.json").read_text())
    cells = {(cell["estimator"], cell["n_labeled"], cell["seed"]) for cell in result["cells"]}
    assert cells == {(arm, count, seed) for arm in ARMS for count in (20, 40) for seed in (0, 1)}
    for arm in ARMS:
        errors = [cell["error"] for cell in result["cells"] if cell["estimator"] == arm and cell["n_labeled"] == 40]
        assert result["metrics"][f"{arm}, 40 labels, mean"] == pytest.approx(100 * np.mean(errors))
        assert arm in output
    assert result["metrics"]["label spreading, 40 labels, mean"] < 60
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_killed_comparison_ends_with_the_same_scores(clothes, tmp_path):
    arguments = ("--data", clothes, "--arms", "gan", "supervised", "--labels", 20, "--seeds", 2, "--steps", 30)
    arguments += ("--channels", 4, "--measure-every", 10, "--device", "cpu")
    _run(*arguments, "--out", tmp_path / "whole")
    process = _start(*arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 200
    while not list((tmp_path / "killed" / "scores").glob("*/labels_20_seed_0.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _run(*arguments, "--out", tmp_path / "killed", "--resume")

    def scores(folder):
        cells = json.loads((tmp_path / folder / "result.json").read_text())["cells"]
        return [{**cell, "seconds": 0} for cell in cells]

    assert scores("whole") == scores("killed")


def test_bad_settings_are_sentences(clothes, tmp_path):
    process = _start("--data", tmp_path / "nowhere", "--out", tmp_path / "out")
    output, _ = process.communicate(timeout=100)
    assert process.returncode != 0
    assert "nowhere" in output
    assert "Traceback" not in output
