"""The taxonomy keeps the recipes' contract."""

import json

import pytest

QUICK = (
    "--samples", 40, 40, "--sizes", 16, 36, "--timed", 2, "--reader-steps", 2, "--parameters", 1000, 2500, "--steps", 1,
)  # fmt: skip
ROWS = ("--rows", "autoregressive", "Boltzmann", "GAN")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, played):
    out = tmp_path_factory.mktemp("taxonomy")
    code, output = played("taxonomy", *QUICK, *ROWS, "--out", out)
    assert code == 0, output
    return out, output


def test_it_leaves_tables_pictures_and_result(whole, result_of, drawn):
    out, output = whole
    assert "6 fits" in output
    result = result_of(out)
    assert result["metrics"]["images, GAN, passes"] == 1
    assert result["growth"]["autoregressive"]["passes"] == {"16": 16, "36": 36}
    assert 0 <= result["real"]["images"]["coverage"] <= 1
    assert result["images"] == {"pixels": 64, "test": 350}
    assert set(result["rows"]["images_Boltzmann_0"]["walks"]) == {"1", "3", "10", "30", "100"}
    drawn(out, "ring.png", "images.png", "growth.png", "tree.png")


def test_it_reports_again(whole, reported_again):
    assert "0 fits" not in reported_again("taxonomy", *QUICK, *ROWS, out=whole[0])


def test_a_fit_that_was_not_finished_is_repeated_with_the_same_figures(whole, played):
    out, _ = whole
    path = out / "rows" / "ring_Boltzmann_0.json"
    before = json.loads(path.read_text())["row"]
    path.unlink()
    code, output = played("taxonomy", *QUICK, "--rows", "Boltzmann", "--sets", "ring", "--out", out, "--resume")
    assert code == 0, output
    assert "1 fits" in output
    again = json.loads(path.read_text())["row"]
    timed = {"seconds", "seconds for 10 000"}
    assert before.keys() == again.keys()
    assert {key: before[key] for key in before if key not in timed} == {key: again[key] for key in again.keys() - timed}
    code, output = played("taxonomy", *QUICK, "--out", out, "--resume", "--seconds", 3)
    assert code != 0
    assert "other settings" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seeds", 0), "must be at least 1"),
        (("--seconds", 0), "must be at least"),
        (("--device", "cuda"), "so that it can only be cpu"),
        (("--threads", 2), "so that it can only be cpu"),
    ],
)
def test_errors_are_sentences(tmp_path, played, arguments, sentence):
    code, output = played("taxonomy", *arguments, "--out", tmp_path)
    assert code != 0
    assert sentence in output
    assert "Traceback" not in output
    assert not list(tmp_path.iterdir())
