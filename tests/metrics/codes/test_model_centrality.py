"""ModelCentrality: models that found the same factors agree, one that mixes them does not, and it by hand."""

import json

import numpy as np
import pytest
import torch

from gan_ext.latents import Uniform
from gan_ext.metrics import CodeInterventions, factor_vae_score, model_centrality

ROTATION = torch.linalg.qr(torch.tensor(np.random.default_rng(4).normal(size=(3, 3))).float())[0]
FEW = {"batch": 30, "train": 150, "evaluation": 150, "variance": 500}


def model(matrix: torch.Tensor) -> tuple:
    """Return a generator x = c A, and the encoder that undoes it exactly."""
    inverse = torch.linalg.inv(matrix)
    return CodeInterventions(Uniform(3, -1, 1).sample, lambda c: c @ matrix), lambda x: x @ inverse


SAME = [torch.eye(3), torch.eye(3)[[1, 2, 0]], torch.diag(torch.tensor([1.0, -2, 0.5]))]


def test_models_with_the_same_axes_win_against_one_that_mixes_them() -> None:
    models = [model(ROTATION), *map(model, SAME)]
    found = model_centrality(models, **FEW)
    scores = np.array(found.scores)
    # Each decodes itself; those with the same axes decode each other; all entangle what the first one generates.
    assert np.diag(scores) == pytest.approx(1)
    assert scores[1:, 1:] == pytest.approx(1)
    assert max(*scores[0, 1:], *scores[1:, 0]) < 0.95
    assert found.best in (1, 2, 3)
    assert found.centrality[0] == min(found.centrality)
    assert json.loads(json.dumps(found._asdict()))["best"] == found.best


def test_centrality_follows_from_the_scores_without_the_diagonal() -> None:
    skewed = ROTATION @ torch.diag(torch.tensor([1.0, 2, 3]))
    found = model_centrality([model(each) for each in (ROTATION, skewed, SAME[0])], random_state=5, **FEW)
    s = np.array(found.scores)
    b01, b02, b12 = (s[0, 1] + s[1, 0]) / 2, (s[0, 2] + s[2, 0]) / 2, (s[1, 2] + s[2, 1]) / 2
    expected = [(b01 + b02) / 2, (b01 + b12) / 2, (b02 + b12) / 2]
    assert found.centrality == pytest.approx(expected)
    assert found.best == int(np.argmax(expected))


def test_the_row_is_who_generates_and_the_column_who_encodes() -> None:
    noise = np.random.default_rng(0)
    blind = (model(SAME[0])[0], lambda x: noise.normal(size=(len(x), 3)))
    found = model_centrality([model(SAME[0]), blind], **FEW)
    assert found.scores[0][0] == found.scores[1][0] == 1
    assert max(found.scores[0][1], found.scores[1][1]) < 0.6
    data, encode = model(ROTATION)
    assert factor_vae_score(encode, data, **FEW).score == 1


def test_fewer_than_two_models_are_refused() -> None:
    with pytest.raises(ValueError, match="models holds 1; centrality compares at least 2"):
        model_centrality([model(SAME[0])])
    with pytest.raises(TypeError, match="data is int"):
        model_centrality([(3, abs), (4, abs)])
