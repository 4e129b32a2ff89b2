"""Molecules: all arms, a kill and resuming, held-out files, sentences for settings, the verdict by hand."""

import gzip
import importlib.util
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
SMILES = (
    "--steps", 6, "--warm-up", 2, "--game-steps", 40, "--hidden", 16, "--samples", 30, "--temperatures", 1.0, 0.5,
    "--threads", 1, "--batch-size", 8,
)  # fmt: skip


def test_smiles_recipe_plays_all_arms_and_goes_on_after_a_kill(tmp_path, played, killed, result_of):
    pytest.importorskip("rdkit")
    arguments = (*SMILES, "--arms", "both", "constant")
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "193 molecules to train on; 24 to test on." in output
    assert "maximum likelihood reaches" in output
    whole = result_of(tmp_path / "whole")
    for arm in ("maximum likelihood", "game, both", "game, constant"):
        rows = whole["rows"][arm]
        assert [row["temperature"] for row in rows] == [1.0, 0.5]
        for row in rows:
            assert row["validity"][1] <= row["validity"][0] <= row["validity"][2]
            assert row["reward"][0] <= row["validity"][0]  # qed is at most 1, and 0 for what is not valid
    for picture in ("frontier.png", "molecules.png"):
        assert (tmp_path / "whole" / picture).read_bytes().startswith(b"\x89PNG")
    assert "# game, both" in (tmp_path / "whole" / "molecules.txt").read_text()

    until = "fits/both/game/step-*.safetensors"
    killed("sequence_smiles", *arguments, until=until, out=tmp_path / "killed")
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert result_of(tmp_path / "killed")["rows"] == whole["rows"]


def test_smiles_recipe_holds_out_what_a_folder_says(tmp_path, played, result_of):
    pytest.importorskip("rdkit")
    chains = ["C" * n + end for n in range(1, 12) for end in ("O", "N", "", "Cl")]
    parts = {"all.txt.gz": chains, "all_test.txt.gz": chains[::4], "all_valid.txt.gz": chains[1::4]}
    for name, part in parts.items():
        (tmp_path / name).write_bytes(gzip.compress(("\n".join(part) + "\n").encode()))
    arguments = (*SMILES, "--game-steps", 0, "--reward", "none", "--arms", "discriminator", "--validation")
    code, output = played("sequence_smiles", *arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 0, output
    assert "22 molecules to train on; 11 to validate on." in output
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
    ],
)
def test_smiles_recipe_says_what_is_wrong_with_its_settings(tmp_path, arguments, message, played):
    pytest.importorskip("rdkit")
    code, output = played("sequence_smiles", *arguments, "--out", tmp_path)
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())


def test_smiles_recipe_judges_an_arm_by_equal_reward():
    pytest.importorskip("rdkit")
    from gan_ext.metrics import Interval

    specification = importlib.util.spec_from_file_location("smiles_recipe", RECIPES / "sequence_smiles.py")
    recipe = importlib.util.module_from_spec(specification)
    sys.modules["smiles_recipe"] = recipe  # dataclasses look their module up
    specification.loader.exec_module(recipe)
    try:

        def rows(*points):
            return [
                {"temperature": t, "nats": nats, "reward": Interval(value, value - 0.01, value + 0.01)}
                for t, value, nats in points
            ]

        sharpened = rows((1.0, 0.2, 1.0), (0.5, 0.6, 1.4))  # costs 0.8 + value
        for shift, words in ((-0.1, "better from"), (0.1, "worse from"), (0.0, "neither better nor worse")):
            arm = rows((1.0, 0.2, 1.0 + shift), (0.5, 0.6, 1.4 + shift))
            said = recipe.verdict("arm", arm, sharpened, "mean reward")
            assert words in said
            assert f"cost {shift:+.3f} to {shift:+.3f} nats" in said.replace("-0.000", "+0.000")
        far = rows((1.0, 0.8, 1.0), (0.5, 0.9, 1.4))
        assert "Too little mean reward is reached by both" in recipe.verdict("arm", far, sharpened, "mean reward")
    finally:
        del sys.modules["smiles_recipe"]
