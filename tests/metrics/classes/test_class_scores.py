"""Inception score and mode score: ends, an identity, another library."""

import math

import numpy as np
import pytest
import torch

from gan_ext.metrics import inception_score, mode_score

DRAWS = np.random.default_rng(0).dirichlet(np.ones(4), size=200)


def test_ends():
    sure = torch.eye(5).repeat(20, 1)
    assert inception_score(sure) == (pytest.approx(5), pytest.approx(0))
    assert inception_score(torch.full((40, 5), 0.2), 4) == (pytest.approx(1), pytest.approx(0))
    assert inception_score(sure[:1].repeat(50, 1)).mean == pytest.approx(1)


def test_mode_score_is_the_inception_score_less_a_wrong_mix():
    sure = torch.eye(5).repeat(20, 1)
    assert mode_score(sure, sure) == pytest.approx(5)
    # Three of five classes are made, each as often: IS = 3, KL(p_g | p_r) = log(5 / 3).
    assert mode_score(sure, sure[torch.arange(100) % 5 < 3]) == pytest.approx(9 / 5)
    # The first published form is the inception score: the divergences from any p_r cancel.
    p, r = DRAWS[:120], DRAWS[120:].mean(0)
    first = (p * np.log(p / r)).sum(1).mean() - (p.mean(0) * np.log(p.mean(0) / r)).sum()
    assert math.exp(first) == pytest.approx(inception_score(p, 1).mean)


def test_splits_are_consecutive():
    first, second = (inception_score(half, 1).mean for half in (DRAWS[:100], DRAWS[100:]))
    mean, deviation = inception_score(DRAWS, 2)
    assert (mean, deviation) == (pytest.approx((first + second) / 2), pytest.approx(abs(first - second) / 2))


@pytest.mark.filterwarnings("ignore:std.*:UserWarning")
@pytest.mark.filterwarnings("ignore:Metric `.*` will save all:UserWarning")
def test_torchmetrics_says_the_same():
    image = pytest.importorskip("torchmetrics.image.inception", reason="needs the extra `test`")
    identity = torch.nn.Identity()
    identity.num_features = 4
    theirs = image.InceptionScore(feature=identity, splits=1)
    theirs.update(torch.tensor(DRAWS).log())
    assert inception_score(DRAWS, 1).mean == pytest.approx(float(theirs.compute()[0]), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: inception_score(DRAWS[:9]), "splits=10 must be at most the number of samples, 9"),
        (lambda: inception_score(DRAWS, 0), "splits=0 must be an integer"),
        (lambda: inception_score(np.log(DRAWS)), "probabilities must be probabilities: .* Apply a softmax"),
        (lambda: inception_score(DRAWS * 2), "Apply a softmax"),
        (lambda: mode_score(DRAWS, DRAWS[:, :3]), "features of one width, got 4 and 3"),
        (lambda: mode_score(DRAWS * 2, DRAWS), "real_probabilities must be probabilities"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
