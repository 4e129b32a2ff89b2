"""MNIST without labels: every seed is reported, again if it was killed while it reported; sentences."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick_report")
PICTURES = ("traversals.png", "clusters.png", "report.png")


def test_it_reports_every_seed_and_reports_again(tmp_path, squares, played, reported_again, result_of, drawn, page_of):
    arguments = ("--data", squares, "--steps", 2, "--seeds", 2, "--threads", 1, "--device", "cpu")
    code, output = played("infogan_mnist", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert output.count("Codes of InfoGAN") == 2
    assert "ClusterGAN, published" in output
    result = result_of(tmp_path)
    assert set(result["rows"]) == {"0", "1"}
    for row in result["rows"].values():
        assert row.keys() == {"scores", "directions", "codes", "seconds", "history"}
        assert row["directions"].keys() == {
            f"{name} by style[{k}]" for name in ("slant", "width", "ink") for k in range(2)
        }
        assert all(-1 <= value <= 1 for value in row["directions"].values())
    accuracies = [row["scores"]["accuracy"] for row in result["rows"].values()]
    assert result["metrics"]["InfoGAN, accuracy, mean"] == pytest.approx(np.mean(accuracies), abs=1e-3)
    assert result["metrics"]["InfoGAN, accuracy, std"] == pytest.approx(np.std(accuracies, ddof=1), abs=1e-3)
    assert result["metrics"]["k-means, accuracy, mean"] > 90, "squares in ten places are easy"
    assert "Gaussian mixture (50 components), ARI, mean" in result["metrics"]
    assert "100 test images, averaged weights" in result["protocol"]
    assert "(digit " in page_of(tmp_path / "seed-1")
    again = reported_again("infogan_mnist", *arguments, out=tmp_path)
    assert "was finished before" in again
    assert again.count("Codes of InfoGAN") == 2
    drawn(tmp_path / "seed-1", *PICTURES)


def test_the_published_game_alone(tmp_path, squares, played, result_of):
    arguments = ("--data", squares, "--steps", 1, "--seeds", 1, "--published", "--no-baselines", "--device", "cpu")
    code, output = played("infogan_mnist", *arguments, "--out", tmp_path)
    assert code == 0, output
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["InfoGAN, purity, std"] == 0
    assert not [name for name in metrics if not name.startswith("InfoGAN")]


@pytest.mark.parametrize(
    ("validation", "said"), [(10, "--validation 10 must be at least 1000"), (2000, "below the 300 training images")]
)
def test_it_says_how_many_images_may_be_kept_apart(tmp_path, squares, played, validation, said):
    code, output = played("infogan_mnist", "--data", squares, "--validation", validation, "--out", tmp_path)
    assert code != 0
    assert said in output
    assert not list(tmp_path.iterdir())
