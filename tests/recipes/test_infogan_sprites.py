"""The recipe of InfoGAN on sprites keeps its contract, and both of its arms start from the same weights."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_ext.data import Sprites
from gan_ext.games import InfoGANCR

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "infogan_sprites.py"
SIZES = (2, 2, 3, 4, 4)
SMALL = ("--width", 4, "--batch-size", 8, "--steps", 4, "--further", 3, "--measure-every", 2)
FEW = ("--votes", 48, "--rows", 300, "--dci-rows", 300)


def _run(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def _result(folder):
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() >= {"recipe", "config", "metrics", "protocol", "seconds", "environment", "commit"}
    return result


def _timeless(rows):
    """Return what two runs of the same settings must agree on."""
    rows = [{key: value for key, value in row.items() if "seconds" not in key} for row in rows]
    return [row | {"history": [record | {"seconds": 0} for record in row["history"]]} for row in rows]


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("infogan_sprites", RECIPE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Sprites of few factors in the layout of dSprites' file."""
    shapes, scales, orientations, positions, _ = SIZES
    sprites = Sprites(16, shapes, scales, orientations, positions)
    images = sprites.render(sprites.factors(torch.arange(len(sprites))))[:, 0].numpy().astype(np.uint8)
    classes = np.array([(0, *factors) for factors in product(*map(range, SIZES))])
    path = tmp_path_factory.mktemp("data") / "sprites.npz"
    np.savez(path, imgs=images, latents_classes=classes)
    return path


def test_a_run_in_two_calls_ends_as_one_in_one(tmp_path, file):
    arguments = ("--data", file, "--seeds", 3, *SMALL, *FEW)
    code, output = _run(*arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "ModelCentrality, which sees no labels, chooses seed" in output
    assert "Published figures are on dSprites with the published budget. This is a reduced run" in output
    code, output = _run(*arguments, "--out", tmp_path / "parts", "--steps-per-call", 19)
    assert code == 0, output
    assert "seed 1, InfoGAN is at step 2 of 3" not in output
    assert "seed 1, InfoGAN-CR is at step 2 of 3; go on with --resume." in output
    assert not (tmp_path / "parts" / "result.json").exists()
    code, output = _run(*arguments, "--out", tmp_path / "parts", "--resume")
    assert code == 0, output
    assert "Resuming seed 1, InfoGAN-CR at step 2." in output

    whole, parts = _result(tmp_path / "whole"), _result(tmp_path / "parts")
    assert whole["metrics"] == parts["metrics"]
    assert _timeless(whole["rows"]) == _timeless(parts["rows"])
    for row in whole["rows"]:
        assert [record["step"] for record in row["history"]] == [2, 4, 6, 7]
        assert all(0 <= row[name] <= 1 for name in whole["measures"])
    plain, contrast = whole["rows"][:2]
    assert plain["history"][:2] == contrast["history"][:2]
    assert plain["history"][2:] != contrast["history"][2:]
    for arm in ("infogan", "infogan-cr"):
        folder = tmp_path / "parts" / "seed-2" / arm
        for picture in ("traversals.png", "importances.png", "information.png", "samples.png"):
            assert (folder / picture).read_bytes().startswith(b"\x89PNG")
        assert "<html" in (folder / "explorer.html").read_text()
    assert (tmp_path / "parts" / "curve.png").read_bytes().startswith(b"\x89PNG")
    for arm, choice in whole["choices"].items():
        assert choice["centrality"][choice["seed"]] == max(choice["centrality"])
        chosen = whole["rows"][2 * choice["seed"] + (arm == "InfoGAN-CR")]
        assert whole["metrics"][f"{arm}, MIG, chosen"] == pytest.approx(chosen["MIG"], abs=1e-4)


def test_full_is_the_published_budget(recipe):
    full = recipe.as_published(recipe.Config())
    assert full.steps + full.further == 322_560 == 28 * 737_280 // full.batch_size
    assert len(recipe.load(full)) == 737_280
    assert recipe.load(full).size == 64
    assert recipe.channels(full, 64) == (64, 64, 32, 32)
    assert (full.generator_rate, full.discriminator_rate, full.information, full.contrast) == (1e-3, 2e-3, 0.05, 2.0)


def test_the_contrast_joins_the_same_networks(recipe):
    config = recipe.Config(size=16, width=4, contrast=0.0)
    game = recipe.first_game(config, 16)
    joined = recipe.with_contrast(replace(config, contrast=3.0), game, 16)
    assert isinstance(joined, InfoGANCR)
    assert joined.generator is game.generator
    assert joined.discriminator is game.discriminator
    assert float(joined.contrast_weight) == 3.0


def test_what_is_wrong_is_said_in_a_sentence(recipe, tmp_path):
    with pytest.raises(ValueError, match=r"none\.npz is not there; fetch it from"):
        recipe.main(recipe.Config(data=tmp_path / "none.npz", out=tmp_path))
    sprites = Sprites(20, 1, 1, 1, 2)
    images = sprites.render(sprites.factors(torch.arange(4)))[:, 0].numpy().astype(np.uint8)
    classes = np.array([(0, 0, 0, 0, *place) for place in product(range(2), range(2))])
    np.savez(tmp_path / "odd.npz", imgs=images, latents_classes=classes)
    with pytest.raises(ValueError, match=r"has images of 20 pixels a side; \[16, 32, 64\] are known"):
        recipe.main(recipe.Config(data=tmp_path / "odd.npz", out=tmp_path))


def test_a_new_run_forgets_an_earlier_one(recipe, tmp_path):
    """Else --resume after a killed run would take up checkpoints of the one before it."""
    for name in ("step-000000004.safetensors", "scores.json", "mine.txt"):
        (tmp_path / name).touch()
    recipe.forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
