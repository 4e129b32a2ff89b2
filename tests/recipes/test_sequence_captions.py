"""The recipe of captions keeps the contract: flags, two pictures, result.json, resume, sentences for what is wrong."""

import importlib.util
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "sequence_captions.py"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}
ARMS = (
    "tuned MLE",
    "tuned MLE, reshaped",
    "tuned MLE, resampled",
    "GAN",
    "constant reward",
    "random reward",
    "over-trained MLE",
)
SMALL = ("--steps", 60, "--warm-up", 6, "--game-steps", 6, "--generated", 80, "--judge-steps", 20, "--held-out", 40)


def _start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(*arguments):
    process = _start(*arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, " ".join(output.split())


def _module(monkeypatch):
    specification = importlib.util.spec_from_file_location("sequence_captions", RECIPE)
    recipe = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, specification.name, recipe)  # where dataclasses look for their module
    specification.loader.exec_module(recipe)
    return recipe


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    """Captions of a small grammar, split into files of 240 and 160."""
    folder, draw = tmp_path_factory.mktemp("captions"), random.Random(0)
    words = (("a", "the", "one"), ("red", "old", "small", "wet"), ("cat", "dog", "bus"), ("sits", "waits", "is"))

    def caption():
        end = draw.choice(("on a bench .", "near the road .", "there"))
        return " ".join([*(draw.choice(choice) for choice in words), end])

    for name, n in (("train.txt", 240), ("test.txt", 160)):
        (folder / name).write_text("\n".join(caption() for _ in range(n)))
    return folder


@pytest.fixture(scope="module")
def whole(captions, tmp_path_factory):
    """The folder of a run of two seeds with all arms, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    code, output = _run("--data", captions, "--out", out, "--seeds", 2, *SMALL, "--arms", *ARMS)
    assert code == 0, output
    return out, output


def _result(folder):
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() >= CONTRACT
    return result


def test_it_leaves_both_pictures_a_table_and_every_score_of_every_arm(whole, captions):
    out, output = whole
    result = _result(out)
    assert "80 captions a point against 160 test captions; 2 seeds" in result["protocol"]
    for picture in ("bleu.png", "language_model.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
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


def test_a_centered_reward_that_says_nothing_leaves_the_generator_as_it_was(whole):
    rows = _result(whole[0])["rows"]
    assert rows["constant reward/0"] == rows["tuned MLE/0"]
    for arm in ("GAN", "random reward", "tuned MLE, reshaped", "tuned MLE, resampled"):
        assert rows[f"{arm}/0"] != rows["tuned MLE/0"]


def test_drawing_again_takes_what_the_discriminator_thinks_is_real(monkeypatch):
    recipe = _module(monkeypatch)
    tokens = torch.arange(4000)[:, None] % 4  # four captions; the last is e^2 times likelier to be real
    drawn = recipe.resampled(tokens, _Odds(), 500)
    share = (drawn == 3).float().mean().item()
    assert drawn.shape == (500, 1)
    assert share == pytest.approx(math.exp(2) / (3 + math.exp(2)), abs=0.1)  # a little less: without replacement


class _Odds(torch.nn.Module):
    def forward(self, tokens):
        return 2.0 * (tokens[:, 0] == 3)


def test_killed_and_resumed_it_ends_as_if_it_had_not_been(captions, tmp_path):
    arguments = ("--data", captions, *SMALL, "--arms", "tuned MLE", "GAN")
    code, output = _run(*arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    process = _start(*arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed" / "fits").glob("*/step-*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = _run(*arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert "Resuming tuned MLE, seed 0, at step" in output
    assert _result(tmp_path / "killed")["rows"] == _result(tmp_path / "whole")["rows"]
    code, output = _run(*arguments, "--out", tmp_path / "killed", "--resume", "--generated", 70)
    assert code != 0
    assert "use another --out or leave out --resume" in output


def test_without_captions_it_says_where_to_get_them(tmp_path):
    code, output = _run("--out", tmp_path)
    assert code != 0
    assert "Traceback" not in output
    assert "--data FOLDER must be a folder with train.txt and test.txt, one caption a line. Fetch" in output
    assert "https://github.com/geek-ai/Texygen" in output


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": Path("nowhere")}, "--data nowhere must be a folder with train.txt and test.txt"),
        ({"held_out": 240}, "--held-out 240 must be from 2 to 238 of 240 captions"),
        ({"arms": ("GAN",)}, "--arms must begin with 'tuned MLE'"),
        ({"arms": ("tuned MLE", "magic")}, "and name some of"),
        ({"seeds": 0}, "--seeds 0 must be at least 1"),
        ({"out": Path(__file__) / "out"}, "Cannot write to"),
    ],
)
def test_what_is_wrong_is_a_sentence(captions, tmp_path, monkeypatch, settings, message):
    recipe = _module(monkeypatch)
    with pytest.raises(SystemExit, match=re.escape(message)), recipe.plain_errors():
        recipe.main(recipe.Config(**{"data": captions, "out": tmp_path, **settings}))
