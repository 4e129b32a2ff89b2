"""The recipe of imitation keeps the recipes' contract, on a few short episodes."""

import signal
import time

TINY = (
    "--steps", 2, "--cloning-steps", 20, "--expert-steps", 2, "--batch", 4, "--judgments", 1, "--passes", 2,
    "--episodes", 2, "--every", 5, "--tests", 5, "--jobs", 1, "--seeds", 2,
)  # fmt: skip


def test_it_leaves_table_picture_and_result_also_after_a_kill(tmp_path, started, played, result_of):
    code, output = played("imitation_cartpole", *TINY, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "novice" in output
    result = result_of(tmp_path / "whole")
    metrics = result["metrics"]
    for arm in ("behavioral cloning", "gail", "gail, states", "gail, novice"):
        stem = f"{arm}, 2 episodes, every 5"
        assert 8 <= metrics[f"{stem}, return, worst"] <= metrics[f"{stem}, return"] <= 500
    assert metrics["expert, return"] >= metrics["expert, worst episode"]
    assert (tmp_path / "whole" / "returns.png").read_bytes().startswith(b"\x89PNG")
    process = started("imitation_cartpole", *TINY, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "killed").glob("rows/*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = played("imitation_cartpole", *TINY, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    timeless = [
        {name: value for name, value in result_of(tmp_path / run)["metrics"].items() if "seconds" not in name}
        for run in ("whole", "killed")
    ]
    assert timeless[0] == timeless[1]
    code, output = played("imitation_cartpole", *TINY, "--rate", 1, "--out", tmp_path / "killed", "--resume")
    assert code != 0
    assert "use another --out" in output


def test_numbers_out_of_range_are_refused_before_any_work(tmp_path, played):
    code, output = played("imitation_cartpole", "--steps", 0, "--out", tmp_path / "none")
    assert code != 0
    assert "must be at least 1" in output.replace("\n", " ")
    assert not (tmp_path / "none").exists()
