"""All scores of texts at once are those of the single metrics."""

import torch

from gan_ext.metrics import LanguageModelScorer, TextScorer, backward_bleu, bleu, self_bleu
from gan_ext.nets import LSTMGenerator

WORDS = "abcdef"


def words(tokens):
    return [[WORDS[number] for number in row] for row in tokens.tolist()]


def test_scores_are_those_of_the_single_metrics():
    draw = torch.Generator().manual_seed(0)
    real, target, made = (torch.randint(6, (12, 5), generator=draw) for _ in range(3))
    models = LanguageModelScorer(lambda tokens: LSTMGenerator(6, 5, 4, 4), real, target)
    scorer = TextScorer(words(target), words, models)
    found = scorer(made)
    for n, value in bleu(words(target), words(made)).items():
        assert abs(found.bleu[n] - value) < 1e-9
    assert found.self_bleu == self_bleu(words(made))
    assert found.backward_bleu == backward_bleu(words(target), words(made))
    assert (found.length, found.unique) == (5, len({tuple(row) for row in words(made)}) / 12)
    assert (found.lm, found.reverse_lm) == tuple(models(made))
    level = scorer.real(words(real))
    assert level["lm"] == models.real.lm
    assert level["self_bleu"] == self_bleu(words(real))
