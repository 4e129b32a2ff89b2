"""The recipes keep their contract: flags, pictures, result.json, resume, and sentences for what is wrong."""

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

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}


def _start(recipe, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPES / recipe), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(recipe, *arguments):
    process = _start(recipe, *arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def _result(folder):
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() >= CONTRACT
    assert {"torch", "device", "threads"} <= result["environment"].keys()
    return result


def _idx(path, values):
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def small_mnist(tmp_path_factory):
    """Ten bright squares in ten places, in MNIST's four files."""
    folder, rng = tmp_path_factory.mktemp("mnist"), np.random.default_rng(0)
    for part, n in (("train", 300), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 40, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(label, 4)
            image[2 + 8 * row : 8 + 8 * row, 1 + 7 * column : 6 + 7 * column] += 200
        _idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        _idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_digits_recipe_leaves_table_pictures_and_result(tmp_path):
    code, output = _run("semi_supervised_digits.py", "--steps", 40, "--seeds", 1, "--labels", 1, 5, "--out", tmp_path)
    assert code == 0, output
    assert "Test accuracy in %" in output
    result = _result(tmp_path)
    assert result["config"]["labels"] == [1, 5]
    assert 10 < result["metrics"]["semi-supervised GAN, 5 per class, mean"] <= 100
    for picture in ("samples.png", "curve.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    code, output = _run(
        "semi_supervised_digits.py", "--steps", 40, "--seeds", 1, "--labels", 1, 5, "--out", tmp_path, "--resume"
    )
    assert code == 0, output
    assert _result(tmp_path)["metrics"] == result["metrics"]


def test_digits_recipe_takes_a_table_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (60, 3)), rng.normal(2, 1, (60, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 60))
    arguments = ("--data", tmp_path / "own.npz", "--test", 40, "--seeds", 1, "--labels", 3, "--steps", 30)
    code, output = _run("semi_supervised_digits.py", *arguments, "--out", tmp_path / "out")
    assert code == 0, output
    assert _result(tmp_path / "out")["metrics"]["semi-supervised GAN, 3 per class, mean"] > 80
    code, output = _run("semi_supervised_digits.py", "--data", tmp_path / "none.npz", "--out", tmp_path / "out")
    assert code != 0
    assert "must be an .npz file with arrays X and y" in output


def test_mnist_recipe_killed_and_resumed_ends_as_if_it_had_not_been(tmp_path, small_mnist):
    arguments = ("--data", small_mnist, "--labels", 20, "--steps", 60, "--measure-every", 10)
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    whole = _result(tmp_path / "whole")
    assert whole["metrics"]["test_error_percent_mean"] < 60

    process = _start("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("split-0/step-*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert "Resuming split 0 at step" in output

    first, second = (_result(tmp_path / name / "split-0")["history"] for name in ("whole", "killed"))
    timeless = [[{**record, "seconds": 0} for record in history] for history in (first, second)]
    assert timeless[0] == timeless[1]
    for picture in ("samples.png", "curve.png"):
        assert (tmp_path / "killed" / "split-0" / picture).read_bytes().startswith(b"\x89PNG")


def test_mnist_recipe_plays_the_published_game_too(tmp_path, small_mnist):
    arguments = ("--data", small_mnist, "--labels", 10, "--steps", 4, "--published", "--threads", 1)
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path)
    assert code == 0, output
    terms = _result(tmp_path / "split-0")["history"][-1].keys()
    assert "discriminator/unsupervised" in terms
    assert "discriminator/pseudo_label" not in terms


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "t10k-labels-idx1-ubyte.gz").unlink(), "lacks t10k-labels-idx1-ubyte.gz"),
        (
            lambda folder: (folder / "train-images-idx3-ubyte.gz").write_bytes(
                (folder / "train-images-idx3-ubyte.gz").read_bytes()[:5000]
            ),
            "damaged or cut short",
        ),
    ],
)
def test_mnist_recipe_says_what_is_wrong_with_its_data(tmp_path, small_mnist, spoil, message):
    folder = tmp_path / "data"
    folder.mkdir()
    for file in small_mnist.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    spoil(folder)
    code, output = _run("semi_supervised_mnist.py", "--data", folder, "--out", tmp_path / "out")
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())


def test_an_output_folder_that_cannot_be_written_is_noticed_before_training(tmp_path, small_mnist):
    (tmp_path / "file").write_text("in the way")
    for recipe, data in (("semi_supervised_mnist.py", ("--data", small_mnist)), ("semi_supervised_digits.py", ())):
        code, output = _run(recipe, *data, "--out", tmp_path / "file" / "out")
        assert code != 0
        assert "Traceback" not in output
        assert "Cannot write to" in output
        assert "choose another folder" in output
