"""Codes of tables: pictures, the page, result.json; reporting again after a kill; a table of one's own."""

import json

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick_report")
PICTURES = ("traversals.png", "clusters.png", "report.png", "codes_and_features.png")


def test_it_moves_measurements_and_reports_again(tmp_path, played, reported_again, result_of, drawn, page_of):
    arguments = ("--table", "iris", "--steps", 60)
    code, output = played("infogan_table", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "Clusters against classes" in output
    result = result_of(tmp_path)
    assert result["config"]["table"] == "iris"
    assert result["rows"]["0"].keys() == {"InfoGAN", "k-means", "Gaussian mixture"}
    assert result["metrics"]["k-means, accuracy, mean"] > 80
    assert "mostly setosa" in page_of(tmp_path)
    drawn(tmp_path, *PICTURES)
    report = json.loads((tmp_path / "report.json").read_text())
    again = reported_again("infogan_table", *arguments, out=tmp_path)
    assert "was finished before" in again
    assert json.loads((tmp_path / "report.json").read_text()) == report
    code, output = played("infogan_table", "--table", "wine", "--steps", 60, "--out", tmp_path, "--resume")
    assert code != 0
    assert "is of a run with other settings (table iris, not wine)" in output


def test_a_wide_table_is_drawn_by_the_features_that_move_most(tmp_path, played, drawn, page_of):
    code, output = played("infogan_table", "--table", "breast_cancer", "--steps", 3, "--out", tmp_path)
    assert code == 0, output
    drawn(tmp_path, *PICTURES)
    assert "worst fractal dimension" in page_of(tmp_path)


def test_it_takes_a_table_of_ones_own(tmp_path, played, result_of, page_of):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (80, 3)), rng.normal(2, 1, (80, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 80), names=["length", "width", "height"])
    arguments = ("--steps", 20, "--seeds", 2, "--out", tmp_path / "out")
    code, output = played("infogan_table", "--data", tmp_path / "own.npz", *arguments)
    assert code == 0, output
    result = result_of(tmp_path / "out")
    assert result["metrics"]["k-means, accuracy, mean"] > 90
    assert result["metrics"]["k-means, accuracy, std"] == 0
    assert result["rows"].keys() == {"0", "1"}
    assert "height" in page_of(tmp_path / "out")
    np.savez(tmp_path / "odd.npz", X=x, y=np.zeros(3))
    np.savez(tmp_path / "single.npz", X=3.0, y=np.zeros(3))
    wrong = {"none": "must be an .npz file with arrays X and y", "odd": "needs X (n, d), y (n,)", "single": "needs X"}
    for name, said in wrong.items():
        code, output = played("infogan_table", "--data", tmp_path / f"{name}.npz", "--out", tmp_path / "out")
        assert code != 0
        assert said in output
