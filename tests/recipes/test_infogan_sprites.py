"""InfoGAN on sprites: both arms share their first steps; a run in two calls; reporting again; sentences."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from gan_ext import estimators
from gan_ext.data import Sprites

SIZES = (2, 2, 3, 4, 4)
SMALL = ("--width", 4, "--batch-size", 8, "--steps", 4, "--further", 3, "--measure-every", 4, "--device", "cpu")
FEW = ("--votes", 36, "--rows", 200, "--dci-rows", 60)
PICTURES = ("traversals.png", "importances.png", "information.png", "samples.png")


def timeless(rows):
    """Return what two runs of the same settings must agree on."""
    rows = [{key: value for key, value in row.items() if "seconds" not in key} for row in rows]
    return [row | {"history": [record | {"seconds": 0} for record in row["history"]]} for row in rows]


def stored(path, sprites, sizes):
    """Write sprites in the layout of dSprites' file."""
    images = sprites.render(sprites.factors(torch.arange(len(sprites))))[:, 0].numpy().astype(np.uint8)
    np.savez(path, imgs=images, latents_classes=np.array([(0, *factors) for factors in product(*map(range, sizes))]))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    shapes, scales, orientations, positions, _ = SIZES
    folder = tmp_path_factory.mktemp("data")
    return stored(folder / "sprites.npz", Sprites(16, shapes, scales, orientations, positions), SIZES)


@pytest.fixture
def few(monkeypatch):
    """Let what the recipe's options do not decide be measured on few images: the figures are tested elsewhere."""
    quick = {"quick_factor_scores": {"votes": 20, "rows": 200}, "central_game": {"variance": 200}}
    for name, numbers in quick.items():
        monkeypatch.setattr(estimators, name, partial(getattr(estimators, name), **numbers))


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_run_in_two_calls_ends_as_one_in_one_and_reports_again(
    tmp_path, file, played, reported_again, result_of, drawn
):
    arguments, parts = ("--data", file, *SMALL, *FEW, "--seeds", 3), tmp_path / "parts"
    code, output = played("infogan_sprites", *arguments[:-1], 1, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "ModelCentrality" not in output, "there is no choice among one"
    assert "Published figures are on dSprites with the published budget. This is a reduced run" in output
    code, output = played("infogan_sprites", *arguments, "--out", parts, "--steps-per-call", 9)
    assert code == 0, output
    assert "seed 0, InfoGAN is at step" not in output
    assert "seed 0, InfoGAN-CR is at step 2 of 3; go on with --resume." in output
    assert not (parts / "result.json").exists()
    code, output = played("infogan_sprites", *arguments, "--out", parts, "--resume")
    assert code == 0, output
    assert "Resuming seed 0, InfoGAN-CR at step 2." in output
    assert "ModelCentrality, which sees no labels, chooses seed" in output

    whole, result = result_of(parts), result_of(tmp_path / "whole")
    assert timeless(whole["rows"][:2]) == timeless(result["rows"])
    assert [(row["seed"], row["arm"]) for row in whole["rows"]] == [*product(range(3), ("InfoGAN", "InfoGAN-CR"))]
    for row in whole["rows"]:
        assert [record["step"] for record in row["history"]] == [4, 7]
        assert all(0 <= row[name] <= 1 for name in whole["measures"])
    plain, contrast = whole["rows"][:2]
    assert plain["history"][:1] == contrast["history"][:1]
    assert plain["history"][1:] != contrast["history"][1:]
    difference = np.mean([whole["rows"][2 * k + 1]["MIG"] - whole["rows"][2 * k]["MIG"] for k in range(3)])
    assert whole["metrics"]["difference, MIG, mean"] == pytest.approx(difference, abs=1e-4)
    for arm, choice in whole["choices"].items():
        assert choice["centrality"][choice["seed"]] == max(choice["centrality"])
        chosen = whole["rows"][2 * choice["seed"] + (arm == "InfoGAN-CR")]
        assert whole["metrics"][f"{arm}, MIG, chosen"] == pytest.approx(chosen["MIG"], abs=1e-4)

    reported_again("infogan_sprites", *arguments[:-1], 1, out=tmp_path / "whole")
    for folder in (parts, tmp_path / "whole"):
        drawn(folder, "curve.png")
    for arm in ("infogan", "infogan-cr"):
        drawn(parts / "seed-2" / arm, *PICTURES)
        drawn(tmp_path / "whole" / "seed-0" / arm, *PICTURES)
        assert "mostly" in (parts / "seed-2" / arm / "explorer.html").read_text()


def test_full_is_the_published_budget(names_of):
    full = names_of("infogan_sprites").FULL
    assert full["steps"] + full["further"] == 322_560 == 28 * 737_280 // 64
    assert (full["size"], full["antialias"], full["width"], full["votes"]) == (64, 1, 64, 15_000)
    config = names_of("infogan_sprites").Config()
    published = (config.generator_rate, config.discriminator_rate, config.information, config.contrast)
    assert published == (1e-3, 2e-3, 0.05, 2.0)


def test_what_is_wrong_is_said_in_a_sentence(tmp_path, played):
    odd = stored(tmp_path / "odd.npz", Sprites(20, 1, 1, 1, 2), (1, 1, 1, 2, 2))
    for path, said in ((tmp_path / "none.npz", "none.npz is not there; fetch it from"), (odd, "Images of 20 pixels")):
        code, output = played("infogan_sprites", "--data", path, "--out", tmp_path / "out")
        assert code != 0
        assert said in output
    assert not (tmp_path / "out").exists()
