"""The InfoGAN recipes for digits, MNIST and tables: pictures, the page, result.json, resume, and sentences."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location("recipe_runs", Path(__file__).with_name("test_recipes.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_RUNS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_RUNS)
_run, _result, small_mnist = _RUNS._run, _RUNS._result, _RUNS.small_mnist


def _kept(folder, *pictures):
    for picture in pictures:
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    page = (folder / "codes.html").read_text()
    assert "<input" in page or "slider" in page
    assert "http://" not in page
    assert "https://" not in page


def test_digits_recipe_finds_clusters_and_resumes(tmp_path):
    arguments = ("infogan_digits.py", "--steps", 300, "--seeds", 1, "--out", tmp_path)
    code, output = _run(*arguments)
    assert code == 0, output
    assert "held out" in output
    result = _result(tmp_path)
    assert result["metrics"]["InfoGAN, accuracy, mean"] > 30
    assert result["metrics"]["k-means, accuracy, mean"] > 70
    _kept(tmp_path, "traversals.png", "clusters.png", "report.png")
    codes = json.loads((tmp_path / "report.json").read_text())
    assert {row["code"] for row in codes["rows"]} == {"category", "style[0]", "style[1]"}
    code, output = _run(*arguments, "--resume")
    assert code == 0, output
    assert _result(tmp_path)["metrics"] == result["metrics"]
    code, output = _run("infogan_digits.py", "--steps", 20, "--out", tmp_path, "--resume")
    assert code != 0
    assert "is of a run with" in output


def test_digits_recipe_takes_images_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 0.2, (120, 8, 8))
    images[:60, :4] += 0.8
    images[60:, 4:] += 0.8
    np.savez(tmp_path / "own.npz", X=images, y=np.repeat(["top", "low"], 60))
    arguments = ("--data", tmp_path / "own.npz", "--clusters", 2, "--steps", 40, "--out", tmp_path / "out")
    code, output = _run("infogan_digits.py", *arguments)
    assert code == 0, output
    _kept(tmp_path / "out", "traversals.png")
    code, output = _run("infogan_digits.py", "--data", tmp_path / "none.npz", "--out", tmp_path / "out")
    assert code != 0
    assert "must be an .npz file" in output


@pytest.mark.parametrize("table", ["iris", "breast_cancer"])
def test_table_recipe_moves_measurements(tmp_path, table):
    code, output = _run("infogan_table.py", "--table", table, "--steps", 60, "--out", tmp_path)
    assert code == 0, output
    assert "Clusters against classes" in output
    assert _result(tmp_path)["config"]["table"] == table
    _kept(tmp_path, "traversals.png", "clusters.png", "report.png", "codes_and_features.png")


def test_table_recipe_takes_a_table_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (80, 3)), rng.normal(2, 1, (80, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 80), names=["a", "b", "c"])
    code, output = _run("infogan_table.py", "--data", tmp_path / "own.npz", "--steps", 40, "--out", tmp_path / "out")
    assert code == 0, output
    assert _result(tmp_path / "out")["metrics"]["k-means, accuracy, mean"] > 90


def test_mnist_recipe_reports_every_seed(tmp_path, small_mnist):
    arguments = (
        "infogan_mnist.py",
        "--data",
        small_mnist,
        "--steps",
        20,
        "--seeds",
        2,
        "--threads",
        1,
        "--out",
        tmp_path,
    )
    code, output = _run(*arguments)
    assert code == 0, output
    result = _result(tmp_path)
    assert set(result["rows"]) == {"0", "1"}
    accuracies = [row["scores"]["accuracy"] for row in result["rows"].values()]
    assert result["metrics"]["InfoGAN, accuracy, mean"] == pytest.approx(np.mean(accuracies), abs=1e-3)
    assert -1 <= result["rows"]["1"]["directions"]["slant by style[0]"] <= 1
    assert result["metrics"]["k-means, accuracy, mean"] > 90, "squares in ten places are easy"
    _kept(tmp_path / "seed-1", "traversals.png", "clusters.png", "report.png")
    code, output = _run(*arguments, "--resume")
    assert code == 0, output
    assert _result(tmp_path)["metrics"] == result["metrics"]
    code, output = _run("infogan_mnist.py", "--data", small_mnist, "--validation", 10, "--out", tmp_path / "other")
    assert code != 0
    assert "--validation 10 must be at least 1000" in output
