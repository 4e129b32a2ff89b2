"""A run of a recipe: rows that are kept and taken up, its settings, its result; spreads, options, sentences."""

import json
import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_config

from gan_ext.runs import (
    Experiment,
    Seeds,
    at_least,
    cell_name,
    compared,
    courses,
    flat,
    launch,
    named,
    over_seeds,
    print_table,
    read_npz,
    spread,
    spreads,
    table_cells,
)


@dataclass
class Config(Seeds):
    """Settings."""

    out: Path = Path("runs/own")
    steps: int = 3
    """Steps."""
    arms: tuple[str, ...] = ("a", "b")
    """Arms."""


class Killed(BaseException):
    """What ends a run in the middle."""


def measured(calls, arm, seed, stop=None):
    calls.append((arm, seed))
    if (arm, seed) == stop:
        raise Killed
    return {"score": len(arm) + seed, "course": [(0, 1.0)], "where": np.full((2, 3), seed), "real": torch.tensor(2.0)}


def cells(config):
    return [(arm, seed) for seed in config.each_seed() for arm in config.arms]


def test_rows_that_are_kept_are_not_measured_again(tmp_path):
    config, calls = Config(tmp_path / "run", seeds=2), []
    with pytest.raises(Killed):
        Experiment("own", config, ("arms",)).fill(cells(config), partial(measured, calls, stop=("a", 1)))
    run = Experiment("own", replace(config, resume=True), ("arms",))
    assert run.left(cells(config)) == [("a", 1), ("b", 1)]
    rows = run.fill(cells(config), partial(measured, calls))
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("a", 1), ("b", 1)]
    assert list(rows) == cells(config)
    assert rows["b", 1] == {"score": 2, "course": [[0, 1.0]]}  # as JSON gives it back, arrays apart
    arrays = run.arrays(("b", 1))
    assert arrays["where"].tolist() == [[1, 1, 1]] * 2
    assert arrays["real"] == 2
    assert run.seconds < 5


def test_a_run_that_starts_afresh_removes_rows_and_checkpoints_but_no_other_file(tmp_path):
    config = Config(tmp_path)
    first = Experiment("own", config)
    first.keep("x", {"score": 1})
    (config.fits / "deep").mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("stays")
    again = Experiment("own", replace(config, resume=True))
    assert "x" in again
    assert (config.fits / "deep").exists()
    fresh = Experiment("own", config)
    assert "x" not in fresh
    assert not config.fits.exists()
    assert (tmp_path / "mine.txt").exists()


def test_settings_must_be_those_of_the_killed_run(tmp_path):
    config = Config(tmp_path, resume=True)
    Experiment("own", config, free=("arms",), fixed=("seed",))
    for same in ({"arms": ("c",)}, {"seeds": 5}, {"device": "auto"}, {"threads": 2}):
        Experiment("own", replace(config, **same), free=("arms",), fixed=("seed",))
    for other, said in (({"steps": 4}, r"steps 3, not 4"), ({"seed": 1}, r"seed 0, not 1")):
        with pytest.raises(ValueError, match=rf"is of a run with other settings \({said}\); use another --out"):
            Experiment("own", replace(config, **other), free=("arms",), fixed=("seed",))
    torch.set_num_threads(1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_settings_are_named_and_nothing_is_removed(content, tmp_path):
    config = Config(tmp_path, resume=True)
    run = Experiment("own", config)
    run.fill([("a", 0)], partial(measured, []))
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"settings\.json is damaged .*which settings the rows beside it are of"):
        Experiment("own", config)
    assert list((tmp_path / "rows").iterdir())


def test_an_output_folder_that_cannot_be_written_is_noticed_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RuntimeError, match=r"Cannot write to .*choose another folder"):
        Experiment("own", Config(tmp_path / "file" / "out"))


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_cells_side_by_side_give_the_same_rows(tmp_path, backend):
    one, two = (Experiment("own", Config(tmp_path / str(jobs))) for jobs in (1, 2))
    squares = [1, 2, 3]
    with parallel_config(backend=backend):
        rows = two.fill(squares, lambda x: {"square": x * x, "array": np.full(2, x)}, jobs=2, label="squares")
    assert list(rows) == squares
    assert rows == one.fill(squares, lambda x: {"square": x * x})
    assert two.arrays(3)["array"].tolist() == [3, 3]


def test_names_of_cells_are_names_of_files(tmp_path):
    run = Experiment("own", Config(tmp_path))
    strange = ("a/b", "every 20, 1", 0.5)
    assert cell_name(strange) == "a/b_every 20, 1_0.5"
    run.keep(strange, {"x": 1.0})
    assert run.rows([strange]) == {strange: {"x": 1.0}}
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["a%2Fb_every 20, 1_0.5.json"]


def test_a_damaged_row_is_said(tmp_path):
    run = Experiment("own", Config(tmp_path))
    (tmp_path / "rows" / "x.json").write_text('{"row"')
    with pytest.raises(ValueError, match=r"x\.json is damaged .*remove it"):
        run.rows(["x"])
    with pytest.raises(ValueError, match="without pickle"):
        run.keep("y", {"objects": np.array([None, {}])})


def test_numbers_of_numpy_and_torch_are_numbers_in_a_row(tmp_path):
    run = Experiment("own", Config(tmp_path))
    run.keep("x", {"a": np.float32(0.5), "b": np.int64(3), "c": [np.arange(2)], "d": {"e": np.bool_(True)}})
    assert run.rows(["x"])["x"] == {"a": 0.5, "b": 3, "c": [[0, 1]], "d": {"e": True}}


def test_the_result_has_the_seconds_of_its_rows_and_its_settings(tmp_path, capsys):
    run = Experiment("own", Config(tmp_path, seeds=2))
    for seed in (0, 1, 2):
        run.keep(seed, {"score": float(seed)}, seconds=4.0)
    rows = run.rows([0, 1])
    run.finish(named(spreads(rows.values())), "by hand", steps=16, rows=rows)
    assert capsys.readouterr().out == f"8 s; pictures and result.json are in {tmp_path}\n"
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["metrics"] == {"score": 0.5, "score, std": round(math.sqrt(0.5), 5)}
    assert (result["seconds"], result["steps_per_second"]) == (8.0, 2.0)
    assert result["rows"] == {"0": {"score": 0.0}, "1": {"score": 1.0}}
    assert result["config"]["out"] == tmp_path.name
    assert result["config"]["steps"] == 3


def test_spreads_by_hand():
    found = spread([1.0, 3.0])
    assert (found.mean, found.low, found.high, len(found)) == (2.0, 1.0, 3.0, 2)
    assert f"{found:.2f}" == "2.00 +- 1.41"
    assert f"{spread([1]):.1f}" == "1.0 +- 0.0"
    assert math.isnan(spread([None, 1.0]).mean)
    with pytest.raises(ValueError, match="at least one"):
        spread([])
    row = {"GAN": {"nll": 1.0, "deep": {"er": 2}}, "seconds": 3, "text": "x", "list": [1]}
    assert flat(row) == {"GAN, nll": 1.0, "GAN, deep, er": 2, "seconds": 3}
    assert list(spreads([row, row])) == ["seconds"]
    one = spreads([flat(row)], ["GAN, nll"])
    assert named(one) == {"GAN, nll": 1.0}
    assert named(one, ", mean", alone=True) == {"GAN, nll, mean": 1.0, "GAN, nll, std": 0.0}
    assert named({"third": spread([1 / 3])}, digits=2) == {"third": 0.33}


def test_rows_of_an_arm_are_those_of_its_seeds():
    rows = {("ring", "GAN", seed): {"nll": seed, "course": [{"step": 1, "nll": 2.0}, {"step": 2}]} for seed in (0, 2)}
    assert over_seeds(rows) == {"ring, GAN": list(rows.values())}
    assert courses(rows, "nll") == {"ring, GAN": [([1], [2.0]), ([1], [2.0])]}
    found = {arm: spreads(each) for arm, each in over_seeds(rows).items()}
    assert named(found) == {"ring, GAN, nll": 1.0, "ring, GAN, nll, std": pytest.approx(2**0.5, abs=1e-5)}


def test_cells_of_a_table_are_in_the_order_of_its_formats():
    values = {"good": 0.5, "nll": spread([1.0, 3.0]), "none": None, "name": "x"}
    formats = {"nll": ".1f", "good": ".0%", "none": ".1f", "absent": ".1f", "name": "s"}
    assert table_cells(values, formats) == ["2.0 +- 1.4", "50%", "", "", "x"]


def test_the_best_arm_of_a_score_is_in_bold():
    found = {
        "real": {"fid": spread([0.0]), "hits": spread([9.0]), "seconds": spread([1.0])},
        "one": {"fid": spread([1.0, 3.0]), "hits": spread([5.0]), "seconds": spread([2.0])},
        "other": {"fid": spread([4.0]), "hits": spread([6.0]), "seconds": spread([3.0])},
    }
    rows = compared(found, {"fid": ".1f", "hits": ".0f", "seconds": ".0f"}, lower=("fid",), apart=("real", "seconds"))
    assert rows == [
        ("real", "0.0", "9", "1"),
        ("one", "[bold]2.0 +- 1.4[/]", "5", "2"),
        ("other", "4.0", "[bold]6[/]", "3"),
    ]


def test_a_table_is_printed(capsys):
    print_table("Title", ("", "score"), [("a", "1"), ("longer",)], width=40)
    said = capsys.readouterr().out
    assert "Title" in said
    assert "│ a      │     1 │" in said


def test_settings_that_are_too_small_are_said():
    at_least(Config(), 1, "seeds", "steps")
    for config, said in ((Config(seeds=0), "--seeds 0"), (Config(steps=-1), "--steps -1")):
        with pytest.raises(ValueError, match=f"{said} must be at least 1"):
            at_least(config, 1, "seeds", "steps")


def test_a_recipe_is_started_from_a_command_line_and_ends_in_a_sentence():
    seen = []

    def main(config):
        seen.append(config)
        at_least(config, 1, "steps")

    launch(main, Config, ["--steps", "7", "--seeds", "2", "--arms", "x"])
    assert seen == [Config(steps=7, seeds=2, arms=("x",))]
    with pytest.raises(SystemExit, match=r"error: --steps 0 must be at least 1\."):
        launch(main, Config, ["--steps", "0"])


def test_arrays_of_ones_own_are_read_or_the_file_is_said_to_be_wrong(tmp_path):
    np.savez(tmp_path / "own.npz", X=np.eye(2), y=np.arange(2))
    x, y, names = read_npz(tmp_path / "own.npz", ("X", "y"), ("names",))
    assert x.tolist() == [[1, 0], [0, 1]]
    assert (y.tolist(), names) == ([0, 1], None)
    np.savez(tmp_path / "less.npz", X=np.eye(2))
    (tmp_path / "no.npz").write_text("text")
    for name in ("less", "no", "none"):
        with pytest.raises(ValueError, match=rf"--data .*{name}\.npz must be an \.npz file with arrays X and y"):
            read_npz(tmp_path / f"{name}.npz", ("X", "y"))
