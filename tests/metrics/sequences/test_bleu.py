"""BLEU of whole sets: equal to NLTK sentence by sentence, and what the definitions imply."""

import math
import os
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_ext.metrics import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.sequences.token_lists import token_lists

ORDERS = (1, 2, 3, 4, 5)
REAL = [line.split() for line in ("a man rides a horse", "a dog", "the man sees the dog and the man runs", "a a a a")]
EDGES = {
    "shorter than n": [["a"], ["a", "dog"], ["a", "man", "rides"]],
    "empty": [[], ["a"]],
    "no match": [["x", "y", "z"], ["x"]],
    "no match but one word": [["x", "a", "z", "y", "x", "w"]],
    "duplicates": [["a", "a", "a", "a", "a", "a"], ["a", "man", "a", "man"], ["a", "man", "a", "man"]],
    "the references themselves": REAL,
    "longer than all": [["the", "man"] * 9],
}


def expected(hypothesis: Sequence, references: Sequence) -> list[float]:
    score = pytest.importorskip("nltk.translate.bleu_score", reason="needs nltk, in the extra `test`")
    weights = [(1 / n,) * n for n in ORDERS]
    found = score.sentence_bleu(references, hypothesis, weights, score.SmoothingFunction().method1)
    return [float(value) for value in found]


def text(generator: random.Random, n: int, words: int, longest: int) -> list[list[int]]:
    return [[generator.randrange(words) for _ in range(generator.randint(0, longest))] for _ in range(n)]


@pytest.mark.parametrize("hypotheses", EDGES.values(), ids=EDGES)
def test_edges_equal_nltk(hypotheses: list) -> None:
    ours = BLEU(REAL, ORDERS).scores(hypotheses)
    for number, hypothesis in enumerate(hypotheses):
        assert [ours[n][number] for n in ORDERS] == pytest.approx(expected(hypothesis, REAL), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_random_texts_equal_nltk(seed: int) -> None:
    generator = random.Random(seed)
    words, longest = (2, 12) if seed % 2 else (6, 7)
    references, hypotheses = text(generator, 25, words, longest), text(generator, 25, words, longest)
    ours = BLEU(references, ORDERS).scores(hypotheses)
    for number, hypothesis in enumerate(hypotheses):
        assert [ours[n][number] for n in ORDERS] == pytest.approx(expected(hypothesis, references), abs=1e-9)
    means = np.mean([expected(hypothesis, references) for hypothesis in hypotheses], 0)
    assert list(bleu(references, hypotheses, ORDERS).values()) == pytest.approx(list(means), abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_leave_one_out_equals_nltk_without_the_sentence(seed: int) -> None:
    generator = random.Random(100 + seed)
    sentences = text(generator, 20, 2 + seed % 3, 3 + 2 * seed)
    sentences += sentences[: seed % 3]  # duplicates, which then own no largest count
    ours = BLEU(sentences, ORDERS).leave_one_out()
    for number, sentence in enumerate(sentences):
        others = sentences[:number] + sentences[number + 1 :]
        assert [ours[n][number] for n in ORDERS] == pytest.approx(expected(sentence, others), abs=1e-9)


def test_brevity_takes_the_closest_length_and_of_two_the_shorter() -> None:
    references = [["a"] * 2, ["a"] * 6]
    assert bleu(references, [["a"] * 4], (1,))[1] == 1.0  # 2 and 6 are equally close: 2, so no penalty
    assert bleu(references, [["a"] * 5], (1,))[1] == pytest.approx(math.exp(1 - 6 / 5))
    # A unique length is not its own closest one: leave-one-out compares 6 with 2.
    assert BLEU(references, (1,)).leave_one_out()[1] == pytest.approx([math.exp(1 - 6 / 2), 2 / 6])


def test_an_own_largest_count_does_not_help() -> None:
    sentences = [["a", "a", "a", "b"], ["a", "b", "c", "d"]]
    assert BLEU(sentences, (1,)).leave_one_out()[1] == pytest.approx([2 / 4, 2 / 4])


def test_backward_swaps_roles_and_strings_are_tokens_like_numbers() -> None:
    generator = random.Random(3)
    a, b = text(generator, 9, 5, 8), text(generator, 7, 5, 8)
    assert backward_bleu(b, a) == bleu(a, b)
    named = [[f"w{token}" for token in sentence] for sentence in a]
    assert self_bleu(named) == self_bleu(a)


def test_a_set_of_one_sentence_repeated_has_the_highest_self_bleu() -> None:
    assert self_bleu([["a", "b", "c", "d", "e", "f"]] * 5) == dict.fromkeys((2, 3, 4, 5), 1.0)


def test_no_hypothesis_gives_empty_arrays() -> None:
    assert {n: values.shape for n, values in BLEU(REAL).scores([]).items()} == dict.fromkeys((2, 3, 4, 5), (0,))


def test_token_lists_leave_out_end_and_pads() -> None:
    tokens = torch.tensor([[5, 6, 3, 0], [3, 0, 0, 0], [5, 5, 5, 5]])
    assert token_lists(tokens, 3) == [[5, 6], [], [5, 5, 5, 5]]
    assert token_lists(tokens) == tokens.tolist()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bleu(REAL, ["a b"]), r"hypotheses holds the string 'a b' where a list of tokens must be"),
        (lambda: bleu("a b", REAL), r"references is one string, 'a b'"),
        (lambda: bleu(REAL, torch.ones(2, 3)), r"hypotheses is or holds an array, in which pads would count"),
        (lambda: bleu([torch.ones(3)], REAL), r"references is or holds an array"),
        (lambda: self_bleu(np.ones((2, 3))), r"sequences is or holds an array"),
        (lambda: bleu(REAL, []), r"hypotheses holds 0 sequences; at least 1"),
        (lambda: bleu([], REAL), r"references holds 0 sequences; at least 1"),
        (lambda: self_bleu(REAL[:1]), r"sequences holds 1 sequences; at least 2"),
        (lambda: BLEU(REAL[:1]).leave_one_out(), r"at least 2 are needed, got 1"),
        (lambda: bleu(REAL, REAL, ()), r"orders=\(\) must name at least one"),
        (lambda: bleu(REAL, REAL, (0, 2)), r"orders=\(0, 2\) must name"),
        (lambda: token_lists(torch.ones(3)), r"tokens must have shape \[sequences, tokens\], got \(3,\)"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.data
def test_real_captions_have_the_published_ceiling() -> None:
    folder = Path(os.environ["GAN_EXT_DATA"]) / "text" / "image_coco"
    train, test = (
        [line.replace(".", " .").replace(",", " ,").split() for line in (folder / name).read_text().splitlines()]
        for name in ("train.txt", "test.txt")
    )
    scores = BLEU(test).scores(train)
    assert [round(float(values.mean()), 3) for values in scores.values()] == [0.740, 0.520, 0.337, 0.218]
    for number in (0, 4711):
        assert [scores[n][number] for n in (2, 3, 4, 5)] == pytest.approx(expected(train[number], test)[1:], abs=1e-9)
