"""What codes know of factors: as JSON and back, pictures, quick scores, and a choice among games."""

import json

import pytest
import torch

from gan_ext.data import Sprites
from gan_ext.estimators import FactorReport, central_game, quick_factor_scores, report_factors
from gan_ext.toys import SpriteProtocol

SPRITES = Sprites(16, shapes=2, scales=2, orientations=3, positions=2)


@pytest.fixture(scope="module")
def games():
    torch.manual_seed(0)
    return [SpriteProtocol(size=16, width=2).game().eval() for _ in range(3)]


def test_a_report_survives_json_and_is_drawn(tmp_path, games):
    found = report_factors(games[0], SPRITES, votes=24, rows=100, dci_rows=60)
    again = FactorReport(**json.loads(json.dumps(found.as_dict())))
    assert again.scores == found.scores
    assert again.titles == found.titles
    assert found.titles[4].startswith("code 5: mostly ")
    assert found.titles[4].rsplit(" ", 1)[1] in SPRITES.factor_names
    table, codes, factors = found.tables["mutual information of a code and a factor, nats"]
    assert table.shape == (len(codes), len(factors)) == (5, 5)
    before = torch.get_rng_state()
    again.draw(tmp_path / "new", games[0], SPRITES, "seed 0")
    assert torch.equal(before, torch.get_rng_state())
    for name in ("traversals", "importances", "information", "samples"):
        assert (tmp_path / "new" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_quick_scores_are_the_same_at_the_same_weights(games):
    found = quick_factor_scores(games[0], SPRITES, votes=40, rows=300)
    assert found == quick_factor_scores(games[0], SPRITES, votes=40, rows=300)
    assert found.keys() == {"factor_vae", "mig"}
    assert all(0 <= value <= 1 for value in found.values())


def test_games_are_compared_by_what_they_read_from_each_other(games):
    found = central_game([games[0], games[1], games[0]], votes=20, variance=300)
    assert found.centrality[found.best] == max(found.centrality)
    for row in found.scores:  # on what one game generates, twins read the same
        assert row[0] == row[2]
