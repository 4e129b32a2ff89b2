"""Class-conditional clothes: table, pictures, pages and result; reporting again; a killed fit goes on; sentences."""

import numpy as np
import pytest

QUICK = (
    "--steps",
    20,
    "--batch-size",
    16,
    "--channels",
    8,
    "--classifier-steps",
    60,
    "--threads",
    1,
    "--device",
    "cpu",
)
ONE = ("--arms", "projection", "--seeds", 2, "--validation", 60, "--save-every", 5)
SCORES = ("hit rate", "coverage", "density", "frechet", "gan-train")


@pytest.fixture(scope="module")
def corners(tmp_path_factory, written_idx):
    """Three bright squares in three places, in the four files, 8 pixels wide."""
    folder, rng = tmp_path_factory.mktemp("corners"), np.random.default_rng(0)
    for part, n in (("train", 240), ("t10k", 90)):
        labels = np.arange(n) % 3
        images = rng.integers(0, 60, (n, 8, 8))
        for image, label in zip(images, labels, strict=True):
            image[2:6, 2 * label : 2 * label + 4] += 180
        written_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        written_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_it_leaves_table_pictures_and_result_and_reports_again(
    tmp_path, corners, played, reported_again, result_of, drawn
):
    arguments = ("--data", corners, *QUICK)
    code, output = played("conditional_fashion", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "Class-conditional generation" in output
    assert "of the real test images right" in output
    result = result_of(tmp_path)
    metrics = result["metrics"]
    assert metrics["classifier, accuracy on real images"] > 90
    arms = ("real images", "concatenation", "normalization", "projection", "ac-gan", "adc-gan")
    assert metrics.keys() == {
        "classifier, accuracy on real images", *(f"{arm}, {name}" for arm in arms for name in SCORES)
    }  # fmt: skip
    for arm in arms:
        assert 0 <= metrics[f"{arm}, hit rate"] <= 100
        assert 0 <= metrics[f"{arm}, coverage"] <= 1
    assert metrics["real images, coverage"] > 0.85
    assert metrics["real images, gan-train"] > 90
    assert metrics["real images, frechet"] < metrics["projection, frechet"]
    assert "90 generated images of the classes of as many test images" in result["protocol"]
    assert set(result["rows"]) == {"real images", *(f"{arm}/0" for arm in arms[1:])}
    assert list(result["scores"]) == list(SCORES)
    assert "sandal" not in (tmp_path / "classes-ac-gan-0.html").read_text()
    again = reported_again("conditional_fashion", *arguments, out=tmp_path)
    assert "was finished before" in again
    drawn(tmp_path, "samples.png", "scores.png")
    assert "pullover" in (tmp_path / "classes-ac-gan-0.html").read_text()


@pytest.mark.slow
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(tmp_path, corners, played, killed, result_of):
    arguments = ("--data", corners, *QUICK, *ONE)
    code, output = played("conditional_fashion", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    whole = result_of(tmp_path / "whole")
    assert whole["metrics"]["projection, hit rate, std"] >= 0
    assert "real images, hit rate, std" not in whole["metrics"]
    assert "60 generated images of the classes of as many validation images" in whole["protocol"]
    until = "fits/projection-seed-0/step-*.safetensors"
    killed("conditional_fashion", *arguments, out=tmp_path / "killed", until=until)
    code, output = played("conditional_fashion", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert result_of(tmp_path / "killed")["metrics"] == whole["metrics"]
    code, output = played("conditional_fashion", *arguments, "--r1", 1, "--out", tmp_path / "killed", "--resume")
    assert code != 0
    assert "use another --out or leave out --resume" in " ".join(output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "nowhere lacks train-images-idx3-ubyte.gz"),
        (("--validation", 240), "n_validation=240 must be at least 0 and below the 240 training images"),
        (("--channels", 7), "must be an even integer"),
        (("--classifier-steps", 0), "--classifier-steps 0 must be at least 1"),
    ],
)
def test_it_says_what_is_wrong(tmp_path, corners, played, arguments, message):
    quick = (*QUICK, "--classifier-steps", 1)
    code, output = played("conditional_fashion", "--data", corners, "--out", tmp_path, *quick, *arguments)
    assert code != 0
    assert message in " ".join(output.split())
