"""Codes of tables: pictures, the page, result.json; a table of one's own."""

import numpy as np
import pytest


@pytest.mark.parametrize("table", ["iris", "breast_cancer"])
def test_table_recipe_moves_measurements(tmp_path, table, played, result_of, drawn, page_of):
    code, output = played("infogan_table", "--table", table, "--steps", 60, "--out", tmp_path)
    assert code == 0, output
    assert "Clusters against classes" in output
    assert result_of(tmp_path)["config"]["table"] == table
    page_of(tmp_path)
    drawn(tmp_path, "traversals.png", "clusters.png", "report.png", "codes_and_features.png")


def test_table_recipe_takes_a_table_of_ones_own(tmp_path, played, result_of):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (80, 3)), rng.normal(2, 1, (80, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 80), names=["a", "b", "c"])
    code, output = played("infogan_table", "--data", tmp_path / "own.npz", "--steps", 40, "--out", tmp_path / "out")
    assert code == 0, output
    assert result_of(tmp_path / "out")["metrics"]["k-means, accuracy, mean"] > 90
