"""Language-model scores with unigram models, whose cross-entropies are known."""

import math

import pytest
import torch
from torch import Tensor, nn

from gan_ext.metrics import LanguageModelScorer
from gan_ext.sequences import SequenceModel, State


class Unigram(SequenceModel):
    """Tokens drawn independently, with given logits."""

    def __init__(self, logits: Tensor, length: int) -> None:
        super().__init__(len(logits), length)
        self.logits = nn.Parameter(logits)

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        return (self.logits.new_zeros(n, 1),)

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        return self.logits.expand(len(token), -1), state


def fit(tokens: Tensor) -> Unigram:
    return Unigram(torch.bincount(tokens.flatten(), minlength=2).float().log(), tokens.shape[1])


REAL = torch.tensor([[0, 0, 0, 1]] * 3)
VALIDATION = torch.tensor([[0, 1, 0, 1]])
GENERATED = torch.tensor([[0, 0, 0, 0, 0, 0, 0, 1]])


def cross_entropy(p: float, q: float) -> float:
    return -p * math.log(q) - (1 - p) * math.log(1 - q)


def test_scores_are_cross_entropies() -> None:
    scorer = LanguageModelScorer(fit, torch.tensor([[0, 0, 0, 1] * 2]), torch.tensor([[0, 1] * 4]))
    scores = scorer(GENERATED)
    assert scores.lm == pytest.approx(cross_entropy(7 / 8, 3 / 4), rel=1e-6)
    assert scores.reverse_lm == pytest.approx(cross_entropy(1 / 2, 7 / 8), rel=1e-6)
    assert scorer.real == pytest.approx((cross_entropy(1 / 2, 3 / 4),) * 2, rel=1e-6)


def test_generating_the_training_text_gives_the_reverse_score_of_real_data() -> None:
    scorer = LanguageModelScorer(fit, REAL, VALIDATION)
    assert scorer.reverse_lm(REAL) == scorer.real.reverse_lm
    collapsed = torch.tensor([[0, 0, 0, 0]] * 63 + [[0, 0, 0, 1]])
    assert scorer.lm(collapsed) < scorer.real.lm, "repeating what is likely scores better than real text"
    assert scorer.reverse_lm(collapsed) > scorer.real.reverse_lm, "and pays for it"


def test_trainings_are_seeded_and_the_callers_random_state_is_kept() -> None:
    def noisy(tokens: Tensor) -> Unigram:
        return Unigram(torch.randn(2), tokens.shape[1])

    scorer = LanguageModelScorer(noisy, REAL, VALIDATION, random_state=5)
    before = torch.random.get_rng_state()
    first = scorer.reverse_lm(REAL)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(3)
    assert scorer.reverse_lm(REAL) == first == scorer.real.lm
    assert LanguageModelScorer(noisy, REAL, VALIDATION, random_state=6).real.lm != first


@pytest.mark.parametrize("name", ["real", "validation", "generated"])
def test_errors_are_sentences(name: str) -> None:
    texts = {"real": REAL, "validation": VALIDATION, "generated": REAL, name: REAL[:0]}
    with pytest.raises(ValueError, match=rf"{name} must be tokens \[sequences, tokens\], neither 0"):
        LanguageModelScorer(fit, texts["real"], texts["validation"])(texts["generated"])
