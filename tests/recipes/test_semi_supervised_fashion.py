"""The comparison on clothes: every method on the same splits, and a kill that costs nothing but steps."""

import numpy as np
import pytest

ARMS = ("gan", "game alone", "mean teacher", "supervised", "label spreading")


@pytest.fixture(scope="module")
def clothes(tmp_path_factory, written_idx):
    """Ten bright rows, of which a mirrored image is of the same class, in Fashion-MNIST's four files."""
    folder, rng = tmp_path_factory.mktemp("clothes"), np.random.default_rng(0)
    for part, n in (("train", 150), ("t10k", 50)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label, 4:24] += 190
        written_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        written_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_every_method_is_scored_on_every_split(clothes, tmp_path, played, result_of, drawn, reported_again):
    arguments = ("--data", clothes, "--labels", 20, 40, "--seeds", 2, "--steps", 4, "--channels", 4)
    arguments += ("--measure-every", 2, "--device", "cpu")
    code, output = played("semi_supervised_fashion", *arguments, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    cells = {(cell["estimator"], cell["n_labeled"], cell["seed"]) for cell in result["cells"]}
    assert cells == {(arm, count, seed) for arm in ARMS for count in (20, 40) for seed in (0, 1)}
    for arm in ARMS:
        errors = [cell["error"] for cell in result["cells"] if cell["estimator"] == arm and cell["n_labeled"] == 40]
        assert result["metrics"][f"{arm}, 40 labels, mean"] == pytest.approx(100 * np.mean(errors))
        assert arm in output
    assert result["metrics"]["label spreading, 40 labels, mean"] < 60
    drawn(tmp_path, "learning_curves.png")
    reported_again("semi_supervised_fashion", *arguments, out=tmp_path)
    assert result_of(tmp_path)["cells"] == result["cells"]


@pytest.mark.slow
def test_a_killed_comparison_ends_with_the_same_scores(clothes, tmp_path, played, killed, result_of):
    arguments = ("--data", clothes, "--arms", "gan", "supervised", "--labels", 20, "--seeds", 2, "--steps", 12)
    arguments += ("--channels", 4, "--measure-every", 6, "--device", "cpu")
    killed("semi_supervised_fashion", *arguments, out=tmp_path / "killed", until="rows/*/labels_20_seed_0.json")
    cells = {}
    for folder, more in (("killed", ("--resume",)), ("whole", ())):
        code, output = played("semi_supervised_fashion", *arguments, "--out", tmp_path / folder, *more)
        assert code == 0, output
        cells[folder] = [{**cell, "seconds": 0} for cell in result_of(tmp_path / folder)["cells"]]
    assert cells["whole"] == cells["killed"]


def test_validation_images_take_the_place_of_test_images(clothes, tmp_path, played, result_of):
    arguments = ("--data", clothes, "--arms", "label spreading", "--labels", 20, "--seeds", 1, "--validation", 30)
    code, output = played("semi_supervised_fashion", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "on 30 validation images" in result_of(tmp_path)["protocol"]


def test_bad_settings_are_sentences(tmp_path, played):
    code, output = played("semi_supervised_fashion", "--data", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert code != 0
    assert "nowhere" in output
