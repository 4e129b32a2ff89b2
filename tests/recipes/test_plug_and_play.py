"""The recipes of plug and play keep the recipes' contract."""

import json
import signal
import time

import pytest

TINY = (
    "--training-steps", 4, "--classifier-steps", 30, "--denoiser-steps", 4, "--channels", 4, "--chains", 3, "--steps",
    6, "--chain-seeds", 1,
)  # fmt: skip


@pytest.mark.parametrize("recipe", ["plug_and_play_mnist", "plug_and_play_fashion"])
def test_table_pictures_film_and_result_are_left(recipe, tmp_path, bars, played, result_of):
    code, output = played(recipe, "--data", bars, *TINY, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    assert result["recipe"] == recipe
    metrics = result["metrics"]
    for arm in ("PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", "noiseless joint PPGN-h", "latent Langevin", "DDLS"):
        assert 0 <= metrics[f"{arm}, hit_rate"] <= 1
        assert metrics[f"{arm}, passes"] > 0
    assert metrics["real images, hit_rate"] > 0.5
    for picture, start in (("samples.png", b"\x89PNG"), ("live.png", b"\x89PNG"), ("chains.gif", b"GIF8")):
        assert (tmp_path / picture).read_bytes().startswith(start)


def test_a_killed_run_goes_on_to_the_same_scores(tmp_path, bars, started, played, result_of):
    arguments = ("--data", bars, *TINY, "--arms", "DGN-AM", "PPGN-h")
    code, output = played("plug_and_play_mnist", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    process = started("plug_and_play_mnist", *arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "killed").glob("rows/DGN-AM*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = played("plug_and_play_mnist", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    timed = ("milliseconds",)
    whole, again = (result_of(tmp_path / name)["metrics"] for name in ("whole", "killed"))
    assert {k: v for k, v in whole.items() if not k.endswith(timed)} == {
        k: v for k, v in again.items() if not k.endswith(timed)
    }


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--arms", "PPGN-z"), "PPGN-z"),
        (("--chains", "1"), "--chains must be at least 2"),
    ],
)
def test_wrong_settings_are_named_before_any_work(wrong, sentence, tmp_path, bars, played):
    code, output = played("plug_and_play_mnist", "--data", bars, *TINY, "--out", tmp_path, *wrong)
    assert code != 0
    assert sentence in output
    assert "Traceback" not in output
    assert not (tmp_path / "settings.json").exists()


def test_other_settings_do_not_go_on_with_anothers_run(tmp_path, bars, played):
    (tmp_path / "settings.json").write_text(json.dumps({"steps": "9"}))
    code, output = played("plug_and_play_mnist", "--data", bars, *TINY, "--out", tmp_path, "--resume")
    assert code != 0
    assert "use another --out" in output
