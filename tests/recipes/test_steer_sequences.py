"""The recipe of steering: every way, the picture, a kill, reporting again, sentences for what is wrong."""

import shutil

import pytest

pytest.importorskip("rdkit")

SMALL = (
    "--steps", 60, "--classifier-steps", 12, "--samples", 20, "--hidden", 32, "--strengths", 1, "--candidates", 2,
    "--particles", 2, "--labeled", 200, "--quantile", 0.6, "--learning-rate", 0.02, "--max-length", 26,
    "--drawn", 200, "--gradient-steps", 1,
)  # fmt: skip
WAYS = [
    "unsteered",
    "reweighting strength 1",
    "2 particles strength 1",
    "gradient strength 1",
    "gradient, one length strength 1",
    "rejection strength 1",
    "best of several of 2",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, played):
    """The folder of a whole run, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    code, output = played("steer_sequences", *SMALL, "--out", out)
    assert code == 0, output
    return out, output


def timeless(rows):
    return {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in rows.items()}


def test_every_way_is_drawn_and_judged(whole, result_of, drawn):
    out, output = whole
    assert "Share with the property" in output
    result = result_of(out)
    assert list(result["rows"]) == WAYS
    drawn(out, "steering.png")
    assert "# best of several of 2" in (out / "molecules.txt").read_text()
    for row in result["rows"].values():
        assert 0 <= row["hit"] <= row["validity"] <= 1
        assert row["passes"] >= 1
    assert result["real"]["hit"] == 1
    assert {"threshold", "classifier auc", "unsteered, hit", "rejection strength 1, passes"} <= result["metrics"].keys()
    assert result["rows"]["reweighting strength 1"]["evidence"] > 0
    assert result["rows"]["unsteered"]["evidence"] is None


def test_it_reports_again_and_measures_what_a_kill_left_as_if_it_had_not_been(
    whole, tmp_path, played, reported_again, result_of
):
    out, rows = tmp_path / "again", timeless(result_of(whole[0])["rows"])
    shutil.copytree(whole[0], out)
    assert "Share with the property" in reported_again("steer_sequences", *SMALL, out=out)
    for name in WAYS[2:]:
        (out / "rows" / f"{name}.json").unlink()
    (out / "result.json").unlink()
    code, output = played("steer_sequences", *SMALL, "--out", out, "--resume")
    assert code == 0, output
    assert "was finished before" in output  # the generator, and the classifier
    assert timeless(result_of(out)["rows"]) == rows
    code, output = played("steer_sequences", *SMALL, "--out", out, "--resume", "--samples", 30)
    assert code != 0
    assert "use another --out or leave out --resume" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--property", "magic"), "--property magic must be one of logp, qed, rings; add yours"),
        (("--quantile", 1.5), "--quantile 1.5 must be between 0 and 1"),
        (("--labeled", 3), "--labeled 3 must be at least 20"),
        (("--drawn", 3), "--drawn 3 must be at least 20"),
        (("--samples", 1), "--samples 1 must be at least 2"),
        (("--data", "nowhere"), "nowhere is no file and no folder"),
        (("--max-length", 2), "molecules of fewer than 2 tokens are too few; need 20"),
    ],
    ids=["property", "quantile", "labeled", "drawn", "samples", "data", "length"],
)
def test_what_is_wrong_is_a_sentence(tmp_path, played, arguments, sentence):
    code, output = played("steer_sequences", *SMALL, "--out", tmp_path, *arguments)
    assert code != 0
    assert sentence in " ".join(output.split())
