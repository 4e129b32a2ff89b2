"""The comparison on tables: all methods on the same splits, a kill that costs nothing but steps, errors in words."""

import numpy as np
import pytest

METHODS = (
    "semi-supervised GAN",
    "label spreading, rbf",
    "label spreading, knn",
    "self-training SVC",
    "SVC, labeled rows only",
    "logistic regression, labeled rows only",
)


@pytest.fixture(scope="module")
def recipe(names_of):
    return names_of("semi_supervised_table")


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Two clusters far apart, one axis in other units, with names as classes."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "clusters.npz"
    x = np.concatenate([rng.normal(-5, 1, (60, 3)), rng.normal(5, 1, (60, 3))]) * [1, 1, 1000]
    np.savez(path, X=x, y=np.repeat(["low", "high"], 60))
    return path


def test_every_method_is_scored_on_every_split_of_every_table(tmp_path, played, result_of, drawn, reported_again):
    tables = ("iris", "wine")
    arguments = ("--tables", *tables, "--labels", 1, 3, "--seeds", 2, "--steps", 2)
    code, output = played("semi_supervised_table", *arguments, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    cells = {(cell["table"], cell["estimator"], cell["n_labeled"], cell["seed"]) for cell in result["cells"]}
    assert cells == {(t, m, n, seed) for t in tables for m in METHODS for n in (3, 9) for seed in (0, 1)}
    for method in METHODS:
        errors = [c["error"] for c in result["cells"] if (c["table"], c["estimator"]) == ("wine", method)]
        mine = [result["metrics"][f"wine, {method}, {count} per class, mean"] for count in (1, 3)]
        assert np.mean(mine) == pytest.approx(100 - 100 * np.mean(errors), abs=1e-3)
        both = [100 - 100 * c["error"] for c in result["cells"] if c["estimator"] == method]
        assert result["metrics"][f"all tables, {method}, mean"] == pytest.approx(np.mean(both), abs=1e-3)
        assert method in output
    drawn(tmp_path / "iris", "learning_curves.png")
    assert "mean over seeds, by labels per class" in reported_again("semi_supervised_table", *arguments, out=tmp_path)
    assert result_of(tmp_path)["cells"] == result["cells"]


def test_clusters_far_apart_need_one_label_each(clusters, tmp_path, played, result_of):
    arguments = ("--data", clusters, "--labels", 1, "--seeds", 1, "--steps", 40)
    code, output = played("semi_supervised_table", *arguments, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    assert result["config"]["data"] == ["clusters.npz"]
    for method in METHODS:
        if method != "self-training SVC":  # an SVC's probabilities mean nothing with two rows
            assert result["metrics"][f"clusters, {method}, 1 per class, mean"] > 99


@pytest.mark.slow
def test_a_killed_comparison_ends_with_the_same_scores(clusters, tmp_path, played, killed, result_of):
    arguments = ("semi_supervised_table", "--data", clusters, "--labels", 2, "--seeds", 2, "--steps", 20)
    folder = tmp_path / "killed"
    killed(*arguments, out=folder, until="rows/clusters/*/labels_4_seed_0.json")
    done = {path: path.stat().st_mtime_ns for path in (folder / "rows" / "clusters").glob("*/labels*.json")}
    cells = {}
    for name, more in (("killed", ("--resume",)), ("whole", ())):
        code, output = played(*arguments, "--out", tmp_path / name, *more)
        assert code == 0, output
        cells[name] = [{**cell, "seconds": 0} for cell in result_of(tmp_path / name)["cells"]]
    assert done
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in done.items())
    assert cells["whole"] == cells["killed"]


def test_bad_files_are_sentences(recipe, tmp_path, played):
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
    code, output = played("semi_supervised_table", "--data", tmp_path / "table-1.npz", "--out", tmp_path / "out")
    assert code != 0
    assert "error: " in output
