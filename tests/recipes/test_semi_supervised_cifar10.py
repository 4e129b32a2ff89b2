"""The recipe for CIFAR-10: it ends in time, goes on, plays both games and augments as asked."""

import os
from pathlib import Path

import numpy as np
import pytest

from gan_ext import data

SMALL = ("--steps", 4, "--measure-every", 2, "--batch", 8, "--labeled-batch", 4, "--samples", 4, "--device", "cpu")
GAMES = pytest.mark.parametrize(
    "options",
    [("--width", 4), ("--game", "triple", "--net", "wide_resnet", "--width", 1, "--augmentation", "weak")],
    ids=["kplusone", "triple"],
)


@pytest.fixture
def colors(monkeypatch):
    """Let the reader of CIFAR-10 return a few images of ten shades, whatever the folder."""
    rng, y = np.random.default_rng(0), np.arange(160) % 10
    x = (rng.integers(0, 30, (160, 3, 32, 32)) + 22 * y[:, None, None, None]).astype(np.uint8)
    found = data.ImageData(x[:120], y[:120], x[120:], y[120:])
    monkeypatch.setattr(data, "read_cifar10", lambda directory: found)


def ends_in_time_and_goes_on(arguments, folder, played, result_of, drawn):
    code, output = played("semi_supervised_cifar10", *arguments, "--minutes", 0.00001, "--out", folder)
    assert code == 0, output
    assert "Not done" in output
    assert result_of(folder)["metrics"]["done"] == 0
    code, output = played("semi_supervised_cifar10", *arguments, "--out", folder, "--resume")
    assert code == 0, output
    assert "at step 1." in output
    assert "Done; see" in output
    result = result_of(folder)
    assert result["metrics"]["done"] == 1
    assert [record["step"] for record in result["history"]] == [1, 2, 4]
    assert result["metrics"]["test_error_percent"] == result["history"][-1]["error"]
    drawn(folder, "samples.png", "curve.png")


@GAMES
def test_a_call_ends_in_time_and_the_next_goes_on(options, colors, tmp_path, played, result_of, drawn, reported_again):
    arguments = ("--data", tmp_path, "--labels", 20, "--validation", 20, *SMALL, *options)
    ends_in_time_and_goes_on(arguments, tmp_path / "out", played, result_of, drawn)
    assert "on 20 validation images" in result_of(tmp_path / "out")["protocol"]
    assert "Resuming" not in reported_again("semi_supervised_cifar10", *arguments, out=tmp_path / "out")


@pytest.mark.slow
def test_without_augmentation_pixels_are_whitened(colors, tmp_path, played, result_of):
    arguments = ("--data", tmp_path, "--labels", 20, *SMALL, "--steps", 1, "--width", 4, "--augmentation", "none")
    code, output = played("semi_supervised_cifar10", *arguments, "--out", tmp_path / "out")
    assert code == 0, output
    assert "on 40 test images" in result_of(tmp_path / "out")["protocol"]


@pytest.mark.data
def test_real_files_are_played(tmp_path, played, result_of, drawn):
    folder = Path(os.environ["GAN_EXT_DATA"]) / "cifar10"
    ends_in_time_and_goes_on(("--data", folder, "--validation", 200, *SMALL), tmp_path, played, result_of, drawn)


def test_a_folder_without_cifar10_is_a_sentence(tmp_path, played):
    code, output = played("semi_supervised_cifar10", "--data", tmp_path, "--out", tmp_path / "out")
    assert code != 0
    assert "data_batch_1.bin" in output
