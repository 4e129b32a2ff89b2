"""Molecules: all arms, reporting again, a kill, held-out files, sentences for settings."""

import gzip

import pytest

pytest.importorskip("rdkit")

SMALL = (
    "--steps", 6, "--warm-up", 2, "--game-steps", 4, "--hidden", 16, "--samples", 20, "--temperatures", 1.0, 0.5,
    "--threads", 1, "--batch-size", 8, "--max-length", 24,
)  # fmt: skip


def test_all_arms_are_played_and_reported_again(tmp_path, played, result_of, drawn, reported_again):
    arguments = (*SMALL, "--arms", "both", "reward", "discriminator", "constant")
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "168 molecules to train on; 20 to test on." in output
    assert "maximum likelihood reaches" in output
    result = result_of(tmp_path)
    names = ["maximum likelihood", *(f"game, {arm}" for arm in ("both", "reward", "discriminator", "constant"))]
    assert list(result["rows"]) == names
    for rows in result["rows"].values():
        assert [row["temperature"] for row in rows] == [1.0, 0.5]
        for row in rows:
            assert row["validity"][1] <= row["validity"][0] <= row["validity"][2]
            assert row["reward"][0] <= row["validity"][0]  # qed is at most 1, and 0 for what is not valid
    assert result["metrics"]["game, both, temperature 0.5, nats"] == pytest.approx(
        result["rows"]["game, both"][1]["nats"], abs=1e-5
    )
    drawn(tmp_path, "frontier.png")
    written = (tmp_path / "molecules.txt").read_text()
    assert "# game, both" in written
    assert "maximum likelihood reaches" in reported_again("sequence_smiles", *arguments, out=tmp_path)
    assert (tmp_path / "molecules.txt").read_text() == written


def test_killed_and_resumed_it_ends_as_if_it_had_not_been(tmp_path, played, result_of, monkeypatch):
    import gan_ext.runs

    class Dying(gan_ext.runs.Progress):
        def __call__(self, engine):
            super().__call__(engine)
            if engine.step == 3 and len(engine.game.players()) == 2:  # in the game
                raise KeyboardInterrupt

    arguments = (*SMALL, "--arms", "both")
    assert played("sequence_smiles", *arguments, "--out", tmp_path / "whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(gan_ext.runs, "Progress", Dying)
        with pytest.raises(KeyboardInterrupt):
            played("sequence_smiles", *arguments, "--out", tmp_path / "killed")
    assert not (tmp_path / "killed" / "result.json").exists()
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert result_of(tmp_path / "killed")["rows"] == result_of(tmp_path / "whole")["rows"]


def test_what_a_folder_says_is_held_out(tmp_path, played, result_of):
    chains = ["C" * n + end for n in range(1, 12) for end in ("O", "N", "", "Cl")]
    parts = {"all.txt.gz": chains, "all_test.txt.gz": chains[::4], "all_valid.txt.gz": chains[1::4]}
    for name, part in parts.items():
        (tmp_path / name).write_bytes(gzip.compress(("\n".join(part) + "\n").encode()))
    arguments = (*SMALL, "--game-steps", 0, "--reward", "none", "--arms", "discriminator", "--validation")
    code, output = played("sequence_smiles", *arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 0, output
    assert "22 molecules to train on; 11 to validate on." in output
    assert "share of valid strings" in output
    assert "mean none" not in output
    result = result_of(tmp_path / "out")
    assert "reward" not in result["rows"]["maximum likelihood"][0]
    assert "11 validation molecules" in result["protocol"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reward", "beauty"), "--reward beauty must be one of qed, validity, none"),
        (("--reward", "none", "--arms", "reward"), "--arms reward needs a reward"),
        (("--temperatures", 0.5), "must have 1 among them"),
        (("--max-length", 1), "are too few"),
        (("--data", "nowhere"), "nowhere is no file and no folder"),
    ],
    ids=["reward", "arm", "temperatures", "length", "data"],
)
def test_what_is_wrong_is_a_sentence(tmp_path, arguments, message, played):
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path)
    assert code != 0
    assert message in " ".join(output.split())
