"""What is measured of a model of the tree: the right numbers by name, in a row that a seed decides."""

import numpy as np
import pytest
import torch

from gan_ext.taxonomy import (
    GAN,
    MODELS,
    TREE,
    Autoregressive,
    Boltzmann,
    Data,
    Form,
    ImageScores,
    PointScores,
    fit_and_measure,
    sample_times,
    small_model,
)
from gan_ext.toys import GaussianRing

RING = GaussianRing(8, 1.0, 0.05)


def points() -> Data:
    return Data(Form(2, False), RING.sample(200, 1), RING.sample(60, 2), RING.sample(80, 3))


def bits() -> Data:
    x = (torch.rand(300, 6, generator=torch.Generator().manual_seed(0)) < 0.8).float()
    return Data(Form(6, True), x[:200], x[200:260], x[260:])


def test_the_true_density_is_the_best_there_is() -> None:
    scores = PointScores(RING, points())
    real = scores.real(400)
    assert real["modes"] == 8
    assert real["good"] > 0.95
    spread = scores(torch.randn(400, 2))
    assert spread["good"] < real["good"]
    assert spread["parzen forward kl"] > real["parzen forward kl"]
    assert set(scores(torch.randn(20, 2), quick=True)) == {"modes", "good", "mode kl"}


def test_points_have_divergences_and_a_seed_decides_the_row() -> None:
    rows = []
    for _ in range(2):
        model = small_model(Autoregressive, Form(2, False), 2000, 5)
        rows.append(fit_and_measure(model, points(), PointScores(RING, points()), 3, 100, 5))
    first, again = rows
    assert torch.equal(first.pop("samples"), again.pop("samples"))
    timed = {"seconds", "seconds for 10 000"}
    assert {name: first[name] for name in first.keys() - timed} == {name: again[name] for name in again.keys() - timed}
    entropy = -float(RING.log_prob(points().test).mean())
    assert first["nll"] == pytest.approx(entropy + first["forward kl"], abs=1e-4)
    assert first["kind"] == "exact"
    assert len(first["course"]) == 3


def test_images_have_scores_of_features_and_chains_are_walked() -> None:
    data = bits()
    scores = ImageScores(lambda x: x.numpy() + np.linspace(0, 0.1, x.numel()).reshape(x.shape), data)
    row = fit_and_measure(small_model(Boltzmann, data.form, 60), data, scores, 2, 50, walks=(1, 4))
    assert set(row["walks"]) == {1, 4}
    assert set(row["walks"][1]) == set(scores.real(0)) == {"precision", "recall", "density", "coverage", "frechet"}
    assert "forward kl" not in row
    assert row["samples"].shape == (50, 6)
    assert "flip" in fit_and_measure(small_model(GAN, data.form, 600), data, scores, 1, 50)


def test_time_is_taken_of_nets_as_wide_as_the_first() -> None:
    found = sample_times(Autoregressive, 400, (4, 16), 5, least=0.01)
    assert found["passes"] == {4: 4, 16: 16}
    assert found["exponent"] == pytest.approx(np.log(found["seconds"][16] / found["seconds"][4]) / np.log(4))
    assert sample_times(Autoregressive, 400, (4,), 5, least=0)["exponent"] is None


def test_the_leaves_of_the_tree_are_the_models() -> None:
    assert set(TREE) - set(TREE.values()) == set(MODELS)
