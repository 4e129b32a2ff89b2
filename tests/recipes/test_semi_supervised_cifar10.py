"""The recipe for CIFAR-10 on real files: it ends in time, goes on, and plays both games."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "semi_supervised_cifar10.py"


def _run(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


@pytest.mark.data
@pytest.mark.parametrize(
    "options",
    [(), ("--game", "triple", "--net", "wide_resnet", "--width", 1, "--augmentation", "weak")],
    ids=["kplusone", "triple"],
)
def test_a_call_ends_in_time_and_the_next_goes_on(options, tmp_path):
    folder = Path(os.environ["GAN_EXT_DATA"]) / "cifar10"
    arguments = ("--data", folder, "--out", tmp_path, "--steps", 4, "--measure-every", 2, "--batch", 8)
    arguments += ("--labeled-batch", 4, "--samples", 4, "--validation", 200, "--device", "cpu", *options)
    first = _run(*arguments, "--minutes", 0.0001)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Not done" in first.stdout
    assert json.loads((tmp_path / "result.json").read_text())["metrics"]["done"] == 0
    second = _run(*arguments, "--resume")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Resuming at step 1." in second.stdout
    assert "Done" in second.stdout
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["metrics"]["done"] == 1
    assert result["history"][-1]["step"] == 4
    for picture in ("samples.png", "curve.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_cifar10_is_a_sentence(tmp_path):
    done = _run("--data", tmp_path, "--out", tmp_path / "out")
    assert done.returncode != 0
    assert "data_batch_1.bin" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
