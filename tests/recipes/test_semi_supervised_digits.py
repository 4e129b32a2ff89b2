"""Digits from few labels: table, pictures, result.json, resuming; a table of one's own."""

import numpy as np


def test_digits_recipe_leaves_table_pictures_and_result(tmp_path, played, result_of, drawn, reported_again):
    arguments = ("semi_supervised_digits", "--steps", 40, "--seeds", 1, "--labels", 1, 5)
    code, output = played(*arguments, "--out", tmp_path)
    assert code == 0, output
    assert "Test accuracy in %" in output
    result = result_of(tmp_path)
    assert result["config"]["labels"] == [1, 5]
    assert 10 < result["metrics"]["semi-supervised GAN, 5 per class, mean"] <= 100
    assert result["rows"]["1/0"].keys() == result["rows"]["5/0"].keys()
    drawn(tmp_path, "samples.png", "curve.png")
    assert "Test accuracy in %" in reported_again(*arguments, out=tmp_path)
    code, output = played(*arguments[:1], "--steps", 30, "--out", tmp_path, "--resume")
    assert code != 0
    assert "is of a run with other settings (steps 40, not 30)" in output


def test_digits_recipe_takes_a_table_of_ones_own(tmp_path, played, result_of):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (60, 3)), rng.normal(2, 1, (60, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 60))
    arguments = ("--data", tmp_path / "own.npz", "--test", 40, "--seeds", 1, "--labels", 3, "--steps", 30)
    code, output = played("semi_supervised_digits", *arguments, "--out", tmp_path / "out")
    assert code == 0, output
    assert result_of(tmp_path / "out")["metrics"]["semi-supervised GAN, 3 per class, mean"] > 80
    code, output = played("semi_supervised_digits", "--data", tmp_path / "none.npz", "--out", tmp_path / "out")
    assert code != 0
    assert "must be an .npz file with arrays X and y" in output


def test_an_output_folder_that_cannot_be_written_is_noticed_before_training(tmp_path, played):
    (tmp_path / "file").write_text("in the way")
    code, output = played("semi_supervised_digits", "--out", tmp_path / "file" / "out")
    assert code != 0
    assert "Cannot write to" in output
    assert "choose another folder" in output
