"""Characters, written live: samples, curve, figures; kills in the game and in the reporting; a text of one's own."""

import math

import pytest

SMALL = (
    "--steps", 8, "--warm-up", 2, "--game-steps", 6, "--every", 1, "--hidden", 16, "--window", 16, "--samples", 20,
    "--threads", 1, "--batch-size", 8,
)  # fmt: skip
LONG = (*SMALL, "--game-steps", 24, "--every", 2)


def test_it_writes_text_and_reports_again(tmp_path, played, reported_again, result_of, drawn):
    code, output = played("sequence_shakespeare", *SMALL, "--out", tmp_path)
    assert code == 0, output
    assert "step 8" in output
    assert "nats per character | 'O" in output
    assert any(sentence in output for sentence in ("did not help", "Kept: step"))
    result = result_of(tmp_path)
    nats, bits = (result["metrics"][f"game, temperature 1, {unit}"] for unit in ("nats", "bits"))
    assert bits == pytest.approx(nats / math.log(2), rel=1e-4)
    assert nats < math.log(60)  # fewer than uniform characters cost
    assert result["curves"]["likelihood"][0] == list(range(1, 9))
    assert result["curves"]["game"][0] == list(range(8, 15))  # goes on where likelihood stopped
    samples = (tmp_path / "samples.txt").read_text()
    headings = [f"=== {part}, temperature {t}" for part in ("likelihood", "game") for t in ("1", "0.8", "0.6")]
    assert all(heading in samples for heading in headings)
    drawn(tmp_path, "curve.png")
    again = reported_again("sequence_shakespeare", *SMALL, out=tmp_path)
    assert "nats per character |" not in again  # nothing is trained again
    assert (tmp_path / "samples.txt").read_text() == samples
    assert result_of(tmp_path)["curves"] == result["curves"]


@pytest.mark.slow
def test_it_goes_on_after_a_kill_in_the_game(tmp_path, played, killed, result_of):
    killed("sequence_shakespeare", *LONG, out=tmp_path / "killed", until="fits/game/game/step-*.safetensors")
    for folder, resume in (("whole", ()), ("killed", ("--resume",))):
        code, output = played("sequence_shakespeare", *LONG, "--out", tmp_path / folder, *resume)
        assert code == 0, output
    whole, resumed = (result_of(tmp_path / folder) for folder in ("whole", "killed"))
    assert resumed["metrics"] == whole["metrics"]
    assert resumed["curves"] == whole["curves"]


def test_it_reads_a_text_of_ones_own(tmp_path, played, result_of):
    (tmp_path / "input.txt").write_text("the cat sat on the mat and that was that\n" * 40)
    arguments = (*SMALL, "--steps", 60, "--every", 30, "--game-steps", 0, "--learning-rate", 0.03, "--prompt", "the")
    code, output = played("sequence_shakespeare", *arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 0, output
    assert "No game was played." in output
    assert result_of(tmp_path / "out")["metrics"]["likelihood, temperature 1, nats"] < 1.5  # a unigram model has 2.3
    code, output = played("sequence_shakespeare", "--data", tmp_path, "--prompt", "Zounds", "--out", tmp_path / "out")
    assert code != 0
    assert "characters that the text knows" in output
    assert (tmp_path / "out" / "rows").exists(), "a wrong option removes nothing"
    (tmp_path / "input.txt").write_text("short")
    code, output = played("sequence_shakespeare", "--data", tmp_path, "--out", tmp_path / "out")
    assert code != 0
    assert "too few for windows of 64" in output
