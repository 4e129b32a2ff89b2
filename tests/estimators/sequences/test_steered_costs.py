"""A classifier judged on texts held out, and draws with their cost."""

import math

import numpy as np
import pytest

from gan_ext import SequenceGAN
from gan_ext.data import DataError
from gan_ext.estimators import draw_with_cost, steer_and_judge
from gan_ext.metrics import distinct, fluency_scores, nll_test, self_bleu, token_lists
from gan_ext.plug_and_play import BestOf, Reweighting

TEXTS = ["aab", "bba"] * 20


@pytest.fixture(scope="module")
def model():
    return SequenceGAN(None, tokenizer="char", likelihood_iter=2, device="cpu", random_state=0).fit(TEXTS)


def test_a_tenth_judges_and_draws_say_what_they_cost(model):
    hits = np.array([text.startswith("a") for text in TEXTS])
    steered, area = steer_and_judge(model, TEXTS, hits, max_iter=15, batch_size=8, random_state=0)
    assert 0.5 < area <= 1
    plain, best = (draw_with_cost(steered, 1, method, 6) for method in (Reweighting(), BestOf(3)))
    assert plain.tokens.shape[0] == 6
    assert (plain.passes, best.passes) == (2, 6)
    assert 0 < plain.evidence <= 1
    assert plain.seconds > 0
    assert draw_with_cost(steered, 1, Reweighting(), 6, strength=2.0).evidence is None
    scores = fluency_scores(model.generator_, plain.tokens)
    assert scores["nats"] == nll_test(model.generator_, plain.tokens)
    written = [row for row in token_lists(plain.tokens, model.corpus_.end) if row]
    assert (scores["distinct_3"], scores["self_bleu"]) == (distinct(written, 3), self_bleu(written, (4,))[4])


def test_texts_all_alike_are_refused_and_a_tenth_all_alike_has_no_area(model):
    with pytest.raises(DataError, match="Of 40 strings 0 have the property: too few"):
        steer_and_judge(model, TEXTS, np.zeros(40, bool))
    hits = np.array([False] * 4 + [True, False] * 18)
    assert math.isnan(steer_and_judge(model, TEXTS, hits, max_iter=1, batch_size=8)[1])
