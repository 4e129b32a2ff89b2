"""The recipe of captions: both pictures, every score of every arm, a kill, reporting again, sentences."""

import random
import shutil
from pathlib import Path

import pytest

import gan_ext.runs.sequence_fits as fits

ARMS = (
    "tuned MLE",
    "tuned MLE, reshaped",
    "tuned MLE, resampled",
    "GAN",
    "constant reward",
    "random reward",
    "over-trained MLE",
)
SMALL = ("--steps", 4, "--warm-up", 2, "--game-steps", 2, "--generated", 20, "--judge-steps", 2, "--held-out", 20)


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    """Captions of a small grammar, split into files of 60 and 40."""
    folder, draw = tmp_path_factory.mktemp("captions"), random.Random(0)
    words = (("a", "the", "one"), ("red", "old", "small", "wet"), ("cat", "dog", "bus"), ("sits", "waits", "is"))

    def caption():
        end = draw.choice(("on a bench .", "near the road .", "there"))
        return " ".join([*(draw.choice(choice) for choice in words), end])

    for name, n in (("train.txt", 60), ("test.txt", 40)):
        (folder / name).write_text("\n".join(caption() for _ in range(n)))
    return folder


@pytest.fixture(scope="module")
def whole(captions, tmp_path_factory, played):
    """The folder of a run of two seeds with all arms, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    code, output = played("sequence_captions", "--data", captions, *SMALL, "--seeds", 2, "--arms", *ARMS, "--out", out)
    assert code == 0, output
    return out, output


def test_it_leaves_both_pictures_a_table_and_every_score_of_every_arm(whole, result_of, drawn):
    out, output = whole
    result = result_of(out)
    assert "20 captions a point against 40 test captions; 2 seeds" in result["protocol"]
    drawn(out, "bleu.png", "language_model.png")
    assert set(result["rows"]) == {f"{arm}/{seed}" for arm in ARMS for seed in (0, 1)}
    for rows in result["rows"].values():
        assert [row["inverse_temperature"] for row in rows] == [1.0, 1.25, 1.6]
        for row in rows:
            assert all(0 < row[kind][n] <= 1 for kind in ("bleu", "self_bleu", "backward_bleu") for n in "2345")
            assert 0 < row["unique"] <= 1
            assert row["lm"] > 0 < row["reverse_lm"]
    assert "BLEU: GAN lies below tuned MLE" in output
    assert "LM: random reward lies below tuned MLE" in output
    assert result["metrics"].keys() >= {"real, BLEU-4", "GAN below tuned MLE, LM, gap"}
    assert result["real"].keys() == {"bleu", "self_bleu", "lm"}


def test_a_centered_reward_that_says_nothing_leaves_the_generator_as_it_was(whole, result_of):
    rows = result_of(whole[0])["rows"]
    assert rows["constant reward/0"] == rows["tuned MLE/0"]
    for arm in ("GAN", "random reward", "tuned MLE, reshaped", "tuned MLE, resampled"):
        assert rows[f"{arm}/0"] != rows["tuned MLE/0"]


def test_it_reports_again_from_what_is_kept(whole, captions, tmp_path, reported_again):
    shutil.copytree(whole[0], tmp_path / "again")
    arguments = ("--data", captions, *SMALL, "--seeds", 2, "--arms", *ARMS)
    assert "LM: GAN lies below" in reported_again("sequence_captions", *arguments, out=tmp_path / "again")


def test_killed_and_resumed_it_ends_as_if_it_had_not_been(whole, captions, tmp_path, played, monkeypatch, result_of):
    arguments = ("--data", captions, *SMALL, "--arms", "tuned MLE", "GAN", "--out", tmp_path)

    def dies(engine):
        if engine.step == 3:
            raise KeyboardInterrupt

    keep = fits.fit_kept
    with monkeypatch.context() as patch:
        patch.setattr(
            fits, "fit_kept", lambda *given, callbacks, **named: keep(*given, callbacks=[*callbacks, dies], **named)
        )
        with pytest.raises(KeyboardInterrupt):
            played("sequence_captions", *arguments)
    code, output = played("sequence_captions", *arguments, "--resume")
    assert code == 0, output
    assert "Resuming tuned MLE, seed 0, at step 2." in output
    rows = result_of(whole[0])["rows"]
    assert result_of(tmp_path)["rows"] == {name: rows[name] for name in ("tuned MLE/0", "GAN/0")}
    code, output = played("sequence_captions", *arguments, "--resume", "--generated", 10)
    assert code != 0
    assert "use another --out or leave out --resume" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "--data nowhere must be a folder with train.txt and test.txt, one text a line. Fetch"),
        (("--held-out", 60), "60 held-out texts must be from 2 to 58 of 60"),
        (("--arms", "GAN"), "--arms must begin with 'tuned MLE'"),
        (("--arms", "tuned MLE", "magic"), "and name some of"),
        (("--seeds", 0), "--seeds 0 must be at least 1"),
        (("--out", Path(__file__) / "out"), "Cannot write to"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_a_sentence(captions, tmp_path, played, arguments, message):
    code, output = played("sequence_captions", "--data", captions, *SMALL, "--out", tmp_path, *arguments)
    assert code != 0
    assert message in " ".join(output.split())


def test_without_captions_it_says_where_to_get_them(tmp_path, played):
    code, output = played("sequence_captions", "--out", tmp_path)
    assert code != 0
    assert "--data FOLDER must be a folder with train.txt and test.txt" in output
    assert "https://github.com/geek-ai/Texygen" in output
