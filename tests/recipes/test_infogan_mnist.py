"""MNIST without labels: every seed is reported, again if it was killed while it reported; sentences."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick_report")
PICTURES = ("traversals.png", "clusters.png", "report.png")


@pytest.fixture(scope="module")
def spots(tmp_path_factory, written_idx):
    """Ten bright spots in ten places in MNIST's four files, 8 pixels wide."""
    folder, rng = tmp_path_factory.mktemp("spots"), np.random.default_rng(0)
    for part, n in (("train", 300), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 40, (n, 8, 8))
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(label, 4)
            image[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] += 200
        written_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        written_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_it_reports_every_seed(tmp_path, spots, played, result_of, drawn, page_of):
    arguments = ("--data", spots, "--steps", 2, "--seeds", 2, "--threads", 1, "--device", "cpu")
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
    assert result["metrics"]["k-means, accuracy, mean"] > 90, "spots in ten places are easy"
    assert "Gaussian mixture (50 components), ARI, mean" in result["metrics"]
    assert "100 test images, averaged weights" in result["protocol"]
    assert "(digit " in page_of(tmp_path / "seed-1")
    drawn(tmp_path / "seed-1", *PICTURES)


def test_the_published_game_alone_reports_again(tmp_path, spots, played, reported_again, result_of, drawn):
    arguments = ("--data", spots, "--steps", 1, "--seeds", 1, "--published", "--no-baselines", "--device", "cpu")
    code, output = played("infogan_mnist", *arguments, "--out", tmp_path)
    assert code == 0, output
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["InfoGAN, purity, std"] == 0
    assert not [name for name in metrics if not name.startswith("InfoGAN")]
    again = reported_again("infogan_mnist", *arguments, out=tmp_path)
    assert "was finished before" in again
    assert "Codes of InfoGAN" in again
    drawn(tmp_path / "seed-0", *PICTURES)


@pytest.mark.parametrize(
    ("validation", "said"), [(10, "--validation 10 must be at least 1000"), (2000, "below the 300 training images")]
)
def test_it_says_how_many_images_may_be_kept_apart(tmp_path, spots, played, validation, said):
    code, output = played("infogan_mnist", "--data", spots, "--validation", validation, "--out", tmp_path)
    assert code != 0
    assert said in output
    assert not list(tmp_path.iterdir())
