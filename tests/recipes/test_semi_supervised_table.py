"""The comparison on tables: all methods on the same splits, a kill that costs nothing but steps, errors in words."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "semi_supervised_table.py"
METHODS = (
    "semi-supervised GAN",
    "label spreading, rbf",
    "label spreading, knn",
    "self-training SVC",
    "SVC, labeled rows only",
    "logistic regression, labeled rows only",
)


def _start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(*arguments):
    process = _start(*arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def _result(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def recipe():
    specification = importlib.util.spec_from_file_location("semi_supervised_table", RECIPE)
    module = importlib.util.module_from_spec(specification)
    sys.modules["semi_supervised_table"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["semi_supervised_table"]


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Two clusters far apart, one axis in other units, with names as classes."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "clusters.npz"
    x = np.concatenate([rng.normal(-5, 1, (60, 3)), rng.normal(5, 1, (60, 3))]) * [1, 1, 1000]
    np.savez(path, X=x, y=np.repeat(["low", "high"], 60))
    return path


def test_every_method_is_scored_on_every_split_of_every_table(tmp_path):
    tables = ("iris", "wine")
    output = _run("--tables", *tables, "--labels", 1, 3, "--seeds", 2, "--steps", 2, "--out", tmp_path)
    result = _result(tmp_path)
    cells = {(cell["table"], cell["estimator"], cell["n_labeled"], cell["seed"]) for cell in result["cells"]}
    assert cells == {(t, m, n, seed) for t in tables for m in METHODS for n in (3, 9) for seed in (0, 1)}
    for method in METHODS:
        errors = [c["error"] for c in result["cells"] if (c["table"], c["estimator"]) == ("wine", method)]
        mine = [result["metrics"][f"wine, {method}, {count} per class, mean"] for count in (1, 3)]
        assert np.mean(mine) == pytest.approx(100 - 100 * np.mean(errors), abs=1e-3)
        both = [100 - 100 * c["error"] for c in result["cells"] if c["estimator"] == method]
        assert result["metrics"][f"all tables, {method}, mean"] == pytest.approx(np.mean(both), abs=1e-3)
        assert method in output
    assert (tmp_path / "iris" / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_clusters_far_apart_need_one_label_each(clusters, tmp_path):
    _run("--data", clusters, "--labels", 1, "--seeds", 1, "--steps", 40, "--out", tmp_path)
    metrics = _result(tmp_path)["metrics"]
    for method in METHODS:
        if method != "self-training SVC":  # an SVC's probabilities mean nothing with two rows
            assert metrics[f"clusters, {method}, 1 per class, mean"] > 99


def test_a_killed_comparison_ends_with_the_same_scores(clusters, tmp_path):
    arguments = ("--data", clusters, "--labels", 2, "--seeds", 2, "--steps", 20)
    _run(*arguments, "--out", tmp_path / "whole")
    killed = tmp_path / "killed"
    process, deadline = _start(*arguments, "--out", killed), time.monotonic() + 200
    while not list((killed / "clusters" / "scores").glob("*/labels_4_seed_0.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in (killed / "clusters" / "scores").glob("*/*.json")}
    _run(*arguments, "--out", killed, "--resume")
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in done.items())
    cells = [[{**c, "seconds": 0} for c in _result(tmp_path / name)["cells"]] for name in ("whole", "killed")]
    assert cells[0] == cells[1]


def test_bad_files_are_sentences(recipe, tmp_path):
    wrong = [
        (None, r"must be an \.npz file with arrays X and y"),
        ({"X": np.zeros((9, 2))}, r"must be an \.npz file with arrays X and y"),
        ({"X": np.zeros((9, 2)), "y": np.arange(8)}, r"needs finite numbers X .*, got \(9, 2\) and \(8,\)"),
        ({"X": np.full((9, 2), np.nan), "y": np.arange(9)}, "needs finite numbers"),
        ({"X": np.eye(9), "y": np.array([0] * 8 + [1])}, "class of .* has less than 3 rows"),
    ]
    for number, (content, sentence) in enumerate(wrong):
        path = tmp_path / f"table-{number}.npz"
        if content is not None:
            np.savez(path, **content)
        with pytest.raises(ValueError, match=sentence):
            recipe.load(recipe.Config(data=(path,)))
    twice = (tmp_path / "table-4.npz", tmp_path / "other" / "table-4.npz")
    with pytest.raises(ValueError, match="files of the same name"):
        recipe.load(recipe.Config(data=twice))
    process = _start("--data", tmp_path / "table-1.npz", "--out", tmp_path / "out")
    output, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert "error: " in output
    assert "Traceback" not in output
