"""The recipes on games that do not converge keep the recipes' contract."""

import json
from functools import partial

import numpy as np
import pytest

from gan_ext import pictures
from gan_ext.engine import read_tensors

TOYS = (
    "--steps", 24, "--batch-size", 16, "--samples", 200, "--generator-widths", 8, "--discriminator-widths", 8,
    "--toys", "ring", "--jobs", 1,
)  # fmt: skip
SOLVERS = ("--solvers", "alternating", "look-ahead", "two time scales", "--steps", 3, "--digits-steps", 2)
STACKED = (
    "--steps", 5, "--batch-size", 4, "--channels", 2, "--samples", 2000, "--measure-every", 3, "--reader-epochs", 4,
    "--save-every", 2, "--threads", 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def toys(tmp_path_factory, played):
    out = tmp_path_factory.mktemp("toys")
    code, output = played("toy_games", *TOYS, "--seeds", 2, "--out", out)
    assert code == 0, output
    return out, output


def test_toys_leave_table_pictures_and_result(toys, result_of, drawn):
    out, output = toys
    assert "mean (worst) of 2 seeds" in output
    metrics = result_of(out)["metrics"]
    for arm in ("standard", "r3gan"):
        assert metrics[f"ring, {arm}, modes, worst"] <= metrics[f"ring, {arm}, modes"] <= 8
        assert 0 <= metrics[f"ring, {arm}, high quality"] <= 1
    drawn(out, "ring.png", "good_samples.png", "ring.gif")


@pytest.mark.filterwarnings("ignore:.*worker stopped:UserWarning")
def test_toys_are_the_same_side_by_side_and_one_by_one(toys, played, result_of, tmp_path):
    code, output = played("toy_games", *TOYS, "--seeds", 2, "--arms", "r3gan", "--jobs", 2, "--out", tmp_path)
    assert code == 0, output
    again, before = result_of(tmp_path)["metrics"], result_of(toys[0])["metrics"]
    np.testing.assert_equal(again, {name: before[name] for name in again})  # a divergence of no good sample is NaN


def test_toys_report_again(tmp_path, played, reported_again):
    code, output = played("toy_games", *TOYS, "--arms", "r3gan, look-ahead", "--samples", 2000, "--out", tmp_path)
    assert code == 0, output
    output = reported_again("toy_games", *TOYS, "--arms", "r3gan, look-ahead", "--samples", 2000, out=tmp_path)
    assert "mean (worst) of 1 seeds" in output
    code, output = played("toy_games", *TOYS, "--gamma", 1, "--out", tmp_path, "--resume")
    assert code != 0
    assert "use another --out" in output


@pytest.fixture(scope="module")
def short_film():
    """A film of three pictures, which are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "animate_fields", partial(pictures.animate_fields, frames=3))
        yield


@pytest.fixture(scope="module")
def solvers(tmp_path_factory, played, short_film):
    out = tmp_path_factory.mktemp("solvers")
    code, output = played("solvers", *SOLVERS, "--out", out)
    assert code == 0, output
    return out


def test_solvers_agree_with_their_closed_forms(solvers, result_of, drawn):
    metrics = result_of(solvers)["metrics"]
    for name in ("alternating", "look-ahead", "two time scales"):
        for game in ("bilinear", "dirac"):
            assert abs(metrics[f"{name}, {game}, closed form"] - metrics[f"{name}, {game}, measured"]) < 1e-3
        assert metrics[f"{name}, ms"] > 0
    assert metrics["alternating, cost"] == 1
    assert metrics["look-ahead, bilinear, measured"] < 1 == pytest.approx(metrics["alternating, bilinear, measured"])
    drawn(solvers, "paths.png", "paths.gif")


def test_an_unknown_solver_is_refused_before_any_work(tmp_path, played):
    code, output = played("solvers", "--solvers", "newton", "--out", tmp_path)
    assert code != 0
    assert "newton is none of alternating" in output.replace("\n", " ")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def stacked(tmp_path_factory, bars, played):
    out = tmp_path_factory.mktemp("stacked")
    code, output = played("stacked_mnist", "--data", bars, *STACKED, "--out", out)
    assert code == 0, output
    return out


def test_stacked_digits_leave_table_pictures_and_result(stacked, result_of, drawn):
    result = result_of(stacked)
    metrics = result["metrics"]
    assert metrics["classifier, accuracy"] >= 90
    assert metrics["real, modes"] > 700  # 2000 samples of 1000 kinds
    assert metrics["real, kl"] < metrics["r3gan, kl"]
    assert set(result["rows"]) == {"r3gan-0", "standard-0", "packed-0"}
    row = result["rows"]["r3gan-0"]
    assert [record["step"] for record in row["course"]] == [3, 5]
    assert row["steps to 1000 modes"] is None
    drawn(stacked, "samples.png", "modes.png")


@pytest.mark.slow
def test_stacked_digits_end_after_a_kill_as_if_there_had_been_none(stacked, bars, killed, played, result_of, tmp_path):
    arguments = ("--data", bars, *STACKED, "--arms", "r3gan")
    killed("stacked_mnist", *arguments, out=tmp_path, until="fits/r3gan-0/step-*.safetensors")
    code, output = played("stacked_mnist", *arguments, "--out", tmp_path, "--resume")
    assert code == 0, output
    again, before = result_of(tmp_path)["metrics"], result_of(stacked)["metrics"]
    assert again == {name: before[name] for name in again}
    whole, resumed = (read_tensors(folder / "generator-r3gan-0.safetensors") for folder in (stacked, tmp_path))
    assert whole.tensors.keys() == resumed.tensors.keys()
    assert all(bool((value == resumed.tensors[name]).all()) for name, value in whole.tensors.items())


def test_solvers_and_stacked_digits_report_again(solvers, stacked, bars, short_film, reported_again):
    assert "closed form" in reported_again("solvers", *SOLVERS, out=solvers)
    arguments = ("--data", bars, *STACKED)
    before = json.loads((stacked / "result.json").read_text())["floor"]
    assert "real images" in reported_again("stacked_mnist", *arguments, out=stacked)
    assert json.loads((stacked / "result.json").read_text())["floor"] == before
