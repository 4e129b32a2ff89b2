"""The recipe of class-conditional clothes keeps the recipes' contract."""

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

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "conditional_fashion.py"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}
QUICK = ("--steps", 60, "--batch-size", 16, "--channels", 8, "--classifier-steps", 60, "--threads", 1)


def _start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(*arguments):
    process = _start(*arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def _result(folder):
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() >= CONTRACT
    return result


def _idx(path, values):
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Three bright squares in three places, in the four files, 8 pixels wide."""
    folder, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for part, n in (("train", 240), ("t10k", 90)):
        labels = np.arange(n) % 3
        images = rng.integers(0, 60, (n, 8, 8))
        for image, label in zip(images, labels, strict=True):
            image[2:6, 2 * label : 2 * label + 4] += 180
        _idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        _idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_it_leaves_table_pictures_and_result(tmp_path, squares):
    code, output = _run("--data", squares, "--out", tmp_path, *QUICK)
    assert code == 0, output
    assert "Class-conditional generation" in output
    result = _result(tmp_path)
    metrics = result["metrics"]
    assert metrics["classifier, accuracy on real images"] > 90
    for arm in ("real images", "concatenation", "normalization", "projection", "ac-gan", "adc-gan"):
        assert 0 <= metrics[f"{arm}, hit rate"] <= 100
        assert 0 <= metrics[f"{arm}, coverage"] <= 1
        assert {f"{arm}, {name}" for name in ("density", "frechet", "gan-train")} <= metrics.keys()
    assert metrics["real images, coverage"] > 0.85
    assert metrics["real images, frechet"] < metrics["projection, frechet"]
    assert "90 generated images of the classes of as many test images" in result["protocol"]
    for picture in ("samples.png", "scores.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_killed_and_resumed_it_ends_as_if_it_had_not_been(tmp_path, squares):
    arguments = (
        "--data",
        squares,
        *QUICK,
        "--arms",
        "projection",
        "--seeds",
        2,
        "--validation",
        60,
        "--save-every",
        20,
    )
    code, output = _run(*arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    whole = _result(tmp_path / "whole")
    assert whole["metrics"]["projection, hit rate, std"] >= 0
    assert "60 generated images of the classes of as many validation images" in whole["protocol"]

    process = _start(*arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 200
    while not list((tmp_path / "killed").glob("fits/projection-seed-0/step-*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    judge = (tmp_path / "killed" / "classifier.safetensors").read_bytes()
    code, output = _run(*arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert (tmp_path / "killed" / "classifier.safetensors").read_bytes() == judge
    assert _result(tmp_path / "killed")["metrics"] == whole["metrics"]
    code, output = _run(*arguments, "--batch-size", 7, "--out", tmp_path / "killed", "--resume")
    assert code != 0
    assert "use another --out or leave out --resume" in " ".join(output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "nowhere lacks train-images-idx3-ubyte.gz"),
        (("--validation", 240), "--validation 240 must be below the 240 training images"),
        (("--channels", 7), "must be an even integer"),
    ],
)
def test_it_says_what_is_wrong(tmp_path, squares, arguments, message):
    code, output = _run("--data", squares, "--out", tmp_path, *QUICK, *arguments)
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())
