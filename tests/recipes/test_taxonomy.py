"""The taxonomy keeps the recipes' contract."""

import json

import pytest

QUICK = (
    "--samples", 60, 40, "--sizes", 16, 64, "--timed", 4, "--reader-steps", 5, "--parameters", 1000, 2500,
    "--steps", 3,
)  # fmt: skip


def test_it_leaves_tables_pictures_and_result_and_resumes(tmp_path, played, result_of) -> None:
    code, output = played("taxonomy", *QUICK, "--rows", "autoregressive", "Boltzmann", "GAN", "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    assert result["metrics"]["images, GAN, passes"] == 1
    assert result["growth"]["autoregressive"]["passes"] == {"16": 16, "64": 64}
    assert 0 <= result["real"]["images"]["coverage"] <= 1
    for picture in ("ring.png", "images.png", "growth.png", "tree.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    row = tmp_path / "rows" / "ring_Boltzmann_0.json"
    before = json.loads(row.read_text())
    row.unlink()
    code, output = played("taxonomy", *QUICK, "--rows", "Boltzmann", "--sets", "ring", "--out", tmp_path, "--resume")
    assert code == 0, output
    assert "1 fits" in output
    again = json.loads(row.read_text())
    timed = {"seconds", "seconds for 10 000"}
    assert {key: before[key] for key in before if key not in timed} == {
        key: again[key] for key in again if key not in timed
    }
    code, output = played("taxonomy", *QUICK, "--out", tmp_path, "--resume", "--seconds", 3)
    assert code != 0
    assert "other settings" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--seeds", 0), "must be at least 1"), (("--device", "cuda"), "so that it can only be cpu")],
)
def test_errors_are_sentences(tmp_path, played, arguments, sentence) -> None:
    code, output = played("taxonomy", *arguments, "--out", tmp_path)
    assert code != 0
    assert sentence in output
    assert "Traceback" not in output
