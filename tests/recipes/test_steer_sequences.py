"""The recipe of steering keeps the contract: flags, a picture, result.json, resume, sentences for what is wrong."""

import importlib.util
import math
import re
import signal
import sys
import time
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "steer_sequences.py"

SMALL = (
    "--steps", 120, "--classifier-steps", 40, "--samples", 40, "--hidden", 48, "--strengths", 1, "--candidates", 2,
    "--particles", 2, "--labeled", 400, "--quantile", 0.6, "--learning-rate", 0.02, "--max-length", 26,
    "--drawn", 400,
)  # fmt: skip
WAYS = {
    "unsteered",
    "reweighting strength 1",
    "2 particles strength 1",
    "gradient strength 1",
    "gradient, one length strength 1",
    "rejection strength 1",
    "best of several of 2",
}


@pytest.fixture
def recipe(monkeypatch):
    """The recipe as a module."""
    specification = importlib.util.spec_from_file_location("steer_sequences", RECIPE)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, specification.name, module)  # where dataclasses look for their module
    specification.loader.exec_module(module)
    return module


def _timeless(rows):
    return {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in rows.items()}


def test_killed_and_resumed_it_ends_as_if_it_had_not_been(played, started, result_of, tmp_path):
    code, output = played("steer_sequences", *SMALL, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "Share with the property" in output
    result = result_of(tmp_path / "whole")
    assert set(result["rows"]) == WAYS
    assert (tmp_path / "whole" / "steering.png").read_bytes().startswith(b"\x89PNG")
    assert "# best of several of 2" in (tmp_path / "whole" / "molecules.txt").read_text()
    for row in result["rows"].values():
        assert 0 <= row["hit"] <= row["validity"] <= 1
        assert row["passes"] >= 1
    assert result["real"]["hit"] == 1
    assert result["rows"]["reweighting strength 1"]["hit"] > result["rows"]["unsteered"]["hit"]

    process = started("steer_sequences", *SMALL, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 300
    while len(list((tmp_path / "killed" / "rows").glob("*.json"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = played("steer_sequences", *SMALL, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert _timeless(result_of(tmp_path / "killed")["rows"]) == _timeless(result["rows"])
    code, output = played("steer_sequences", *SMALL, "--out", tmp_path / "killed", "--resume", "--samples", 30)
    assert code != 0
    assert "use another --out or leave out --resume" in output


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"property": "magic"}, "--property magic must be one of logp, qed, rings; add yours"),
        ({"quantile": 1.5}, "--quantile 1.5 must be between 0 and 1"),
        ({"labeled": 3}, "--labeled 3 and --drawn None must be at least 20"),
        ({"drawn": 3}, "and --drawn 3 must be at least 20"),
        ({"samples": 1}, "--samples 1 at least 2"),
        ({"data": Path("nowhere")}, "--data nowhere is no file and no folder"),
    ],
)
def test_what_is_wrong_is_a_sentence(recipe, tmp_path, settings, sentence):
    with pytest.raises(SystemExit, match=re.escape(sentence)), recipe.plain_errors():
        recipe.main(recipe.Config(out=tmp_path, **settings))


def test_the_grammar_makes_molecules_and_diversity_has_its_ends(recipe):
    made = recipe.grammar(200, 0)
    assert not any(math.isnan(value) for value in recipe.measured(made, "logp"))
    assert math.isnan(recipe.measured(["C(", "CCO"], "rings")[0])
    assert recipe.measured(["c1ccccc1C1CC1"], "rings").tolist() == [2]
    assert recipe.internal_diversity(["CCO", "CCO"]) == 0
    assert recipe.internal_diversity(["CCCC", "c1ccncc1"]) == 1
    assert recipe.internal_diversity(["CCO"]) is None
