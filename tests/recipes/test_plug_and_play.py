"""The recipe of plug and play keeps the recipes' contract."""

import pytest

TINY = (
    "--training-steps", 4, "--classifier-steps", 30, "--denoiser-steps", 4, "--channels", 4, "--chains", 3, "--steps",
    6, "--chain-seeds", 1, "--precision", "float32",
)  # fmt: skip
FILMED = "noiseless joint PPGN-h"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, bars, played):
    """A run of all arms; it is not changed but by its own resuming."""
    out = tmp_path_factory.mktemp("plug_and_play")
    code, output = played("plug_and_play", "--data", bars, *TINY, "--out", out)
    assert code == 0, output
    return out, output


def test_table_pictures_film_and_result_are_left(whole, result_of, drawn):
    out, output = whole
    result = result_of(out)
    assert result["recipe"] == "plug_and_play_mnist"
    metrics = result["metrics"]
    arms = ("PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", FILMED, "flat prior, same chains", "latent Langevin", "DDLS")
    for arm in arms:
        assert 0 <= metrics[f"{arm}, hit_rate"] <= 1
        assert metrics[f"{arm}, passes"] > 0
        assert arm[:8] in output
    assert metrics["real images, hit_rate"] > 0.5
    assert metrics["judge, accuracy"] > 50
    assert set(result["rows"][f"{FILMED}, chains 0"]) == {
        "hit_rate", "coverage", "density", "diversity", "kernel_distance", "frechet", "accepted", "autocorrelation",
        "switches", "passes", "milliseconds",
    }  # fmt: skip
    drawn(out, "samples.png", "live.png", "chains.gif")
    assert (out / "generator.safetensors").exists()


def test_a_run_that_was_killed_in_its_reporting_reports(whole, bars, reported_again):
    output = reported_again("plug_and_play", "--data", bars, *TINY, out=whole[0])
    assert "hit rate" in output


@pytest.mark.slow
def test_a_run_that_was_killed_between_arms_goes_on_to_the_same_scores(
    whole, bars, played, killed, result_of, tmp_path
):
    killed("plug_and_play", "--data", bars, *TINY, out=tmp_path, until="rows/PPGN-x*.json")
    code, output = played(
        "plug_and_play", "--data", bars, *TINY, "--arms", "PPGN-x", "DGN-AM", "--out", tmp_path, "--resume"
    )
    assert code == 0, output
    again, before = result_of(tmp_path)["metrics"], result_of(whole[0])["metrics"]
    assert {"PPGN-x, hit_rate", "DGN-AM, hit_rate"} <= again.keys()
    assert {k: v for k, v in again.items() if not k.endswith("milliseconds")} == {
        k: v for k, v in before.items() if k in again and not k.endswith("milliseconds")
    }


def test_another_set_of_images_has_a_result_of_its_own(whole, bars, played, result_of, tmp_path):
    arms = ("--arms", "DGN-AM")
    code, output = played("plug_and_play", "--data", bars, "--dataset", "fashion", *TINY, *arms, "--out", tmp_path)
    assert code == 0, output
    assert result_of(tmp_path)["recipe"] == "plug_and_play_fashion"
    assert not (tmp_path / "chains.gif").exists()
    code, output = played("plug_and_play", "--data", bars, *TINY, "--out", tmp_path, "--resume")
    assert code != 0
    assert "use another --out" in output


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--arms", "PPGN-z"), "PPGN-z"),
        (("--chains", "1"), "--chains 1 must be at least 2"),
        (("--data", "nowhere"), "nowhere lacks"),
    ],
)
def test_wrong_settings_are_named_before_any_work(wrong, sentence, tmp_path, bars, played):
    code, output = played("plug_and_play", "--data", bars, *TINY, "--out", tmp_path, *wrong)
    assert code != 0
    assert sentence in output
    assert "Traceback" not in output
    assert not (tmp_path / "settings.json").exists()
