"""Distinct-n, unique ratio, entropy and MS-Jaccard: closed forms and invariances."""

import math
import random

import pytest

from gan_ext.metrics import distinct, ngram_entropy, ngram_jaccard, unique_ratio

ABAB = [list("abab")]


def test_distinct_counts_different_ngrams_over_all() -> None:
    assert distinct(ABAB, 1) == 2 / 4
    assert distinct(ABAB, 2) == 2 / 3  # ab ba ab
    assert distinct([*ABAB, list("ab")], 2) == 2 / 4
    assert distinct([["a"], []], 2) == 0.0


def test_unique_ratio_of_lists_and_tuples() -> None:
    assert unique_ratio([[1, 2], (1, 2), [2, 1], []]) == 3 / 4


def test_entropy_of_equal_ngrams_is_the_logarithm_of_their_number() -> None:
    assert ngram_entropy([list("abcdefgh")], 1) == pytest.approx(math.log(8))
    assert ngram_entropy([list("abcdefgh")], 2) == pytest.approx(math.log(7))
    assert ngram_entropy([list("aaaa")], 2) == 0.0
    assert ngram_entropy([list("aaab")], 1) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert ngram_entropy([["a"]], 2) == 0.0


def test_jaccard_by_hand() -> None:
    # 1-grams: min {a: 1, b: 0, c: 0} over max {a: 2, b: 1, c: 1}; 2-grams: ab, ba against ac: nothing in common.
    assert ngram_jaccard([list("aba")], [list("ac")], 1) == pytest.approx(1 / 4)
    assert ngram_jaccard([list("aba")], [list("ac")], 2) == 0.0
    # Sets of other sizes: counts per sequence. a: (2 + 0) / 2 = 1 against 1; b: 0 against 1.
    assert ngram_jaccard([list("aa"), []], [list("ab")], 1) == pytest.approx(1 / 2)


def test_jaccard_is_symmetric_scale_free_and_one_for_the_same_text() -> None:
    generator = random.Random(0)
    a, b = ([[generator.randrange(4) for _ in range(generator.randint(1, 9))] for _ in range(20)] for _ in range(2))
    score = ngram_jaccard(a, b, 4)
    assert 0 < score < 1
    assert ngram_jaccard(b, a, 4) == score
    assert ngram_jaccard(a * 3, b, 4) == pytest.approx(score, abs=1e-14)
    assert ngram_jaccard(a * 2, a, 4) == 1.0


def test_jaccard_leaves_out_orders_longer_than_all_sequences() -> None:
    assert ngram_jaccard([["a", "b"]], [["a", "c"]], 5) == ngram_jaccard([["a", "b"]], [["a", "c"]], 2)
    assert ngram_jaccard([["a"]], [["a"]], 5) == 1.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: distinct(ABAB, 0), "n=0 must be at least 1"),
        (lambda: ngram_entropy(ABAB, -1), "n=-1 must be at least 1"),
        (lambda: ngram_jaccard(ABAB, ABAB, 0), "n=0 must be at least 1"),
        (lambda: ngram_jaccard(ABAB, [], 2), "hypotheses holds 0 sequences"),
        (lambda: distinct([], 2), "sequences holds 0 sequences"),
        (lambda: unique_ratio([]), "sequences holds 0 sequences"),
        (lambda: unique_ratio(["ab"]), "sequences holds the string 'ab'"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
