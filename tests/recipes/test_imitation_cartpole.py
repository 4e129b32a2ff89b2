"""The recipe of imitation keeps the recipes' contract, on a few short episodes."""

import pytest

TINY = (
    "--steps", 1, "--cloning-steps", 4, "--expert-steps", 1, "--batch", 2, "--judgments", 1, "--passes", 1,
    "--episodes", 2, "--every", 5, "--tests", 3, "--jobs", 1, "--seeds", 2,
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory, played):
    out = tmp_path_factory.mktemp("imitation")
    code, output = played("imitation_cartpole", *TINY, "--out", out)
    assert code == 0, output
    return out, output


def timeless(result):
    return {name: value for name, value in result["metrics"].items() if "seconds" not in name}


def test_it_leaves_table_picture_and_result(whole, result_of, drawn):
    out, output = whole
    assert "novice" in output
    metrics = result_of(out)["metrics"]
    for arm in ("behavioral cloning", "gail", "gail, states", "gail, novice"):
        stem = f"{arm}, 2 episodes, every 5"
        assert 8 <= metrics[f"{stem}, return, worst"] <= metrics[f"{stem}, return"] <= 500
        assert metrics[f"{stem}, worst episode"] <= metrics[f"{stem}, return, worst"]
    assert metrics["expert, return"] >= metrics["expert, worst episode"]
    drawn(out, "returns.png")


def test_it_reports_again(whole, reported_again):
    assert "behavioral cloning" in reported_again("imitation_cartpole", *TINY, out=whole[0])


@pytest.mark.slow
def test_it_ends_after_a_kill_as_if_there_had_been_none(whole, killed, played, result_of, tmp_path):
    killed("imitation_cartpole", *TINY, out=tmp_path, until="rows/gail_2_5_0.json")
    code, output = played("imitation_cartpole", *TINY, "--out", tmp_path, "--resume")
    assert code == 0, output
    assert timeless(result_of(tmp_path)) == timeless(result_of(whole[0]))
    code, output = played("imitation_cartpole", *TINY, "--rate", 1, "--out", tmp_path, "--resume")
    assert code != 0
    assert "use another --out" in output


def test_numbers_out_of_range_are_refused_before_any_work(tmp_path, played):
    code, output = played("imitation_cartpole", "--steps", 0, "--out", tmp_path / "none")
    assert code != 0
    assert "must be at least 1" in output.replace("\n", " ")
    assert not (tmp_path / "none").exists()
