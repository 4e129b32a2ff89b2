"""MNIST from few labels: a kill and resuming, the published game, sentences for data that is wrong."""

import numpy as np
import pytest


@pytest.mark.slow
def test_mnist_recipe_killed_and_resumed_ends_as_if_it_had_not_been(
    tmp_path, squares, played, killed, result_of, drawn
):
    arguments = ("--data", squares, "--labels", 20, "--steps", 40, "--measure-every", 5, "--channels", 8)
    arguments += ("--threads", 1)
    code, output = played("semi_supervised_mnist", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    whole = result_of(tmp_path / "whole")
    assert whole["metrics"]["test_error_percent_mean"] < 60

    killed("semi_supervised_mnist", *arguments, out=tmp_path / "killed", until="fits/split-0/step-*.safetensors")
    code, output = played("semi_supervised_mnist", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert "Resuming split 0 at step" in output

    first, second = (result_of(tmp_path / name / "split-0")["history"] for name in ("whole", "killed"))
    timeless = [[{**record, "seconds": 0} for record in history] for history in (first, second)]
    assert timeless[0] == timeless[1]
    drawn(tmp_path / "killed" / "split-0", "samples.png", "curve.png")


def test_mnist_recipe_plays_the_published_game_too_on_several_splits(
    tmp_path, squares, played, result_of, reported_again
):
    arguments = ("--data", squares, "--labels", 10, "--steps", 4, "--published", "--threads", 1, "--splits", 2)
    code, output = played("semi_supervised_mnist", *arguments, "--validation", 50, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    errors = []
    for seed in (0, 1):
        split = result_of(tmp_path / f"split-{seed}")
        assert split["config"]["seed"] == seed
        assert split["protocol"] == "error on 50 validation images, averaged weights of the last step"
        assert "discriminator/unsupervised" in split["history"][-1]
        assert "discriminator/mean_teacher" not in split["history"][-1]
        errors.append(split["metrics"]["test_error_percent"])
        assert f"split {seed}: {errors[-1]:.2f} % error" in output
    assert [(row["seed"], row["test_error_percent"]) for row in result["rows"]] == list(enumerate(errors))
    assert result["metrics"]["test_error_percent_mean"] == pytest.approx(np.mean(errors))
    assert result["metrics"]["test_error_percent_std"] == pytest.approx(np.std(errors, ddof=1))
    reported_again("semi_supervised_mnist", *arguments, "--validation", 50, out=tmp_path)


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
def test_mnist_recipe_says_what_is_wrong_with_its_data(tmp_path, squares, spoil, message, played):
    folder = tmp_path / "data"
    folder.mkdir()
    for file in squares.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    spoil(folder)
    code, output = played("semi_supervised_mnist", "--data", folder, "--out", tmp_path / "out")
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())


def test_an_output_folder_that_cannot_be_written_is_noticed_before_training(tmp_path, squares, played):
    (tmp_path / "file").write_text("in the way")
    code, output = played("semi_supervised_mnist", "--data", squares, "--out", tmp_path / "file" / "out")
    assert code != 0
    assert "Cannot write to" in output
    assert "choose another folder" in output
