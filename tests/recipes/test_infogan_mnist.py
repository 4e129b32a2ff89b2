"""MNIST without labels: every seed is reported; resuming; sentences."""

import numpy as np
import pytest


def test_mnist_recipe_reports_every_seed(tmp_path, squares, played, result_of, drawn, page_of):
    arguments = (
        "infogan_mnist",
        "--data",
        squares,
        "--steps",
        20,
        "--seeds",
        2,
        "--threads",
        1,
        "--out",
        tmp_path,
    )
    code, output = played(*arguments)
    assert code == 0, output
    result = result_of(tmp_path)
    assert set(result["rows"]) == {"0", "1"}
    accuracies = [row["scores"]["accuracy"] for row in result["rows"].values()]
    assert result["metrics"]["InfoGAN, accuracy, mean"] == pytest.approx(np.mean(accuracies), abs=1e-3)
    assert -1 <= result["rows"]["1"]["directions"]["slant by style[0]"] <= 1
    assert result["metrics"]["k-means, accuracy, mean"] > 90, "squares in ten places are easy"
    page_of(tmp_path / "seed-1")
    drawn(tmp_path / "seed-1", "traversals.png", "clusters.png", "report.png")
    code, output = played(*arguments, "--resume")
    assert code == 0, output
    assert result_of(tmp_path)["metrics"] == result["metrics"]
    code, output = played("infogan_mnist", "--data", squares, "--validation", 10, "--out", tmp_path / "other")
    assert code != 0
    assert "--validation 10 must be at least 1000" in output
