"""The recipes on games that do not converge keep the recipes' contract."""

import signal
import time

import numpy as np
import pytest

from gan_ext.engine import read_tensors

TOYS = ("--steps", 24, "--batch-size", 32, "--samples", 200, "--generator-widths", 16, 16, "--toys", "ring")
STACKED = (
    "--steps", 6, "--batch-size", 8, "--channels", 4, "--samples", 2000, "--measure-every", 3, "--reader-epochs", 4,
    "--save-every", 2, "--threads", 1,
)  # fmt: skip


def killed_after(process, folder, pattern):
    """Kill a recipe as soon as a file is there."""
    deadline = time.monotonic() + 300
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_toys_leave_table_pictures_and_result(tmp_path, played, result_of):
    arguments = (*TOYS, "--arms", "standard", "r3gan", "--seeds", 2, "--jobs", 1)
    code, output = played("toy_games", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "mean (worst) of 2 seeds" in output
    metrics = result_of(tmp_path)["metrics"]
    for arm in ("standard", "r3gan"):
        assert metrics[f"ring, {arm}, modes, worst"] <= metrics[f"ring, {arm}, modes"] <= 8
        assert 0 <= metrics[f"ring, {arm}, high quality"] <= 1
    for picture, start in (("ring.png", b"\x89PNG"), ("good_samples.png", b"\x89PNG"), ("ring.gif", b"GIF8")):
        assert (tmp_path / picture).read_bytes().startswith(start)


def test_toys_are_the_same_side_by_side_and_after_a_kill(tmp_path, started, played, result_of):
    arguments = (*TOYS, "--arms", "r3gan", "--seeds", 3)
    code, output = played("toy_games", *arguments, "--out", tmp_path / "whole", "--jobs", 1)
    assert code == 0, output
    process = started("toy_games", *arguments, "--out", tmp_path / "killed", "--jobs", 1)
    killed_after(process, tmp_path / "killed", "rows/*.json")
    code, output = played("toy_games", *arguments, "--out", tmp_path / "killed", "--jobs", 2, "--resume")
    assert code == 0, output
    figures = [result_of(tmp_path / name)["metrics"] for name in ("whole", "killed")]
    np.testing.assert_equal(*figures)  # a divergence of no good sample is NaN
    code, output = played("toy_games", *TOYS, "--gamma", 1, "--out", tmp_path / "killed", "--resume")
    assert code != 0
    assert "use another --out" in output


def test_solvers_agree_with_their_closed_forms(tmp_path, played, result_of):
    rows = ("alternating", "look-ahead", "two time scales")
    code, output = played("solvers", "--solvers", *rows, "--steps", 30, "--digits-steps", 3, "--out", tmp_path)
    assert code == 0, output
    metrics = result_of(tmp_path)["metrics"]
    for name in rows:
        for game in ("bilinear", "dirac"):
            assert abs(metrics[f"{name}, {game}, closed form"] - metrics[f"{name}, {game}, measured"]) < 1e-3
        assert metrics[f"{name}, ms"] > 0
    assert metrics["alternating, cost"] == 1
    assert metrics["look-ahead, bilinear, measured"] < 1 == pytest.approx(metrics["alternating, bilinear, measured"])
    assert (tmp_path / "paths.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "paths.gif").read_bytes().startswith(b"GIF8")


def test_an_unknown_solver_is_refused_before_any_work(tmp_path, played):
    code, output = played("solvers", "--solvers", "newton", "--out", tmp_path)
    assert code != 0
    assert "newton is none of alternating" in output.replace("\n", " ")


def test_stacked_digits_leave_table_pictures_and_result(tmp_path, bars, played, result_of):
    code, output = played("stacked_mnist", "--data", bars, *STACKED, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    metrics = result["metrics"]
    assert metrics["classifier, accuracy"] >= 90
    assert metrics["real, modes"] > 700  # 2000 samples of 1000 kinds
    assert metrics["real, kl"] < metrics["r3gan, kl"]
    assert {row.rsplit("-", 1)[0] for row in result["rows"]} == {"r3gan", "standard", "packed"}
    for picture in ("samples.png", "modes.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_stacked_digits_end_after_a_kill_as_if_there_had_been_none(tmp_path, bars, started, played, result_of):
    arguments = ("--data", bars, *STACKED, "--arms", "r3gan")
    code, output = played("stacked_mnist", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    killed_after(
        started("stacked_mnist", *arguments, "--out", tmp_path / "killed"),
        tmp_path / "killed",
        "fits/r3gan-seed-0/step-*.safetensors",
    )
    code, output = played("stacked_mnist", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert result_of(tmp_path / "killed")["metrics"] == result_of(tmp_path / "whole")["metrics"]
    whole, killed = (read_tensors(tmp_path / name / "generator-r3gan-0.safetensors") for name in ("whole", "killed"))
    assert whole.tensors.keys() == killed.tensors.keys()
    assert all(bool((value == killed.tensors[name]).all()) for name, value in whole.tensors.items())
