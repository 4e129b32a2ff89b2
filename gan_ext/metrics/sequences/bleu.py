"""BLEU, self-BLEU and backward BLEU of whole sets, exact and in linear time."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gan_ext.checks import checked
from gan_ext.metrics.sequences.token_lists import Sentence, check_sentences

__all__ = ["BLEU", "backward_bleu", "bleu", "self_bleu"]

Gram = tuple[Hashable, ...]
ORDERS = (2, 3, 4, 5)
_SMOOTHED = 0.1  # what a numerator of zero becomes in smoothing method 1


@checked
class BLEU:
    r"""Sentence BLEU against all of a set of references, which are counted once.

    .. math::
        \mathrm{BLEU}_n(h) &= b(h) \Bigl( \prod_{k=1}^{n} p_k(h) \Bigr)^{1/n}, \qquad
        p_k(h) = \frac{\sum_g \min(c_h(g), \max_r c_r(g))}{\max(1, |h| - k + 1)} \\
        b(h) &= \min(1, e^{1 - |r^*| / |h|}), \qquad r^* \text{ the reference of closest length, the shorter of two}

    :math:`c_s(g)` counts the k-gram g in sentence s.  A numerator of 0 becomes 0.1 (method 1 of Chen and Cherry); a
    sentence without a single common token scores 0.  These are the values of NLTK's ``sentence_bleu`` with
    ``SmoothingFunction().method1``.  Only the largest count of each k-gram over the references matters; for
    leave-one-out also the second largest and who has the largest.  So one dictionary per order replaces all loops over
    references.

    References: BLEU (Papineni et al., 2002), https://aclanthology.org/P02-1040; A Systematic Comparison of Smoothing
    Techniques for Sentence-Level BLEU (Chen and Cherry, 2014), https://aclanthology.org/W14-3346

    Args:
        references: sequences of hashable tokens (strings or numbers).
        orders: which n; each at least 1.

    Raises:
        ValueError: no reference, an order below 1, or strings in place of lists of tokens.
    """

    def __init__(self, references: Iterable[Sentence], orders: Sequence[int] = ORDERS) -> None:
        if not orders or min(orders) < 1:
            raise ValueError(f"orders={orders!r} must name at least one n-gram order, each at least 1.")
        self.orders = tuple(orders)
        self.references = check_sentences("references", references)
        self._tables = [_largest(self.references, order) for order in range(1, max(orders) + 1)]
        self._lengths = Counter(map(len, self.references))

    def scores(self, hypotheses: Iterable[Sentence]) -> dict[int, NDArray[np.float64]]:
        """Return the score of every hypothesis, an array [hypotheses] for each order."""
        found = check_sentences("hypotheses", hypotheses, least=0)
        closest = {length: _closest(length, self._lengths) for length in set(map(len, found))}
        return self._score(found, [-1] * len(found), [closest[len(sentence)] for sentence in found])

    def leave_one_out(self) -> dict[int, NDArray[np.float64]]:
        """Return the score of every reference against all the other references."""
        if len(self.references) < 2:
            raise ValueError("self-BLEU compares each sequence with the others: at least 2 are needed, got 1.")
        closest = {}
        for length, count in self._lengths.items():
            others = self._lengths if count > 1 else {other: 1 for other in self._lengths if other != length}
            closest[length] = _closest(length, others)
        lengths = [closest[len(sentence)] for sentence in self.references]
        return self._score(self.references, range(len(self.references)), lengths)

    def _score(
        self, sentences: Sequence[Sentence], owners: Iterable[int], closest: Sequence[int]
    ) -> dict[int, NDArray[np.float64]]:
        # Without any sentence the arrays still have their columns.
        shape = (len(sentences), len(self._tables))
        matches = np.array(
            [
                [_matches(sentence, order, table, owner) for order, table in enumerate(self._tables, 1)]
                for sentence, owner in zip(sentences, owners, strict=True)
            ],
            dtype=np.float64,
        ).reshape(shape)
        length = np.array([len(sentence) for sentence in sentences], dtype=np.float64)
        possible = np.maximum(1, length[:, None] - np.arange(shape[1]))
        logs = np.cumsum(np.log(np.where(matches > 0, matches, _SMOOTHED) / possible), axis=1)
        penalty = np.minimum(0, 1 - np.array(closest, dtype=np.float64) / np.maximum(1, length))
        any_match = matches[:, 0] > 0
        return {n: np.where(any_match, np.exp(penalty + logs[:, n - 1] / n), 0.0) for n in self.orders}


def bleu(
    references: Iterable[Sentence], hypotheses: Iterable[Sentence], orders: Sequence[int] = ORDERS
) -> dict[int, float]:
    """Return the mean sentence BLEU of each order: every hypothesis against all references.

    Real text scored against other real text is the ceiling, not 1: a value above it means sentences that are likelier
    than real ones.  See :class:`BLEU` for the equation, the scores of single sentences, and references used often.

    References: Texygen (Zhu et al., 2018), https://arxiv.org/abs/1802.01886

    Args:
        references: real sequences of hashable tokens.
        hypotheses: generated sequences of hashable tokens.
        orders: which n.

    Raises:
        ValueError: no hypothesis, no reference, an order below 1, or strings in place of lists of tokens.
    """
    found = check_sentences("hypotheses", hypotheses)
    return _means(BLEU(references, orders).scores(found))


def self_bleu(sequences: Iterable[Sentence], orders: Sequence[int] = ORDERS) -> dict[int, float]:
    """Return the mean BLEU of every sequence against all the others: leave-one-out, on the full set; high means alike.

    References: Texygen (Zhu et al., 2018), https://arxiv.org/abs/1802.01886

    Args:
        sequences: sequences of hashable tokens, at least two.
        orders: which n.

    Raises:
        ValueError: fewer than two sequences, an order below 1, or strings in place of lists of tokens.
    """
    return _means(BLEU(check_sentences("sequences", sequences, least=2), orders).leave_one_out())


def backward_bleu(
    references: Iterable[Sentence], hypotheses: Iterable[Sentence], orders: Sequence[int] = ORDERS
) -> dict[int, float]:
    """Return the BLEU of the references against the hypotheses: how much of real text the generated text covers.

    References: Toward Diverse Text Generation with Inverse Reinforcement Learning (Shi et al., 2018),
    https://arxiv.org/abs/1804.11258

    Args:
        references: real sequences of hashable tokens.
        hypotheses: generated sequences of hashable tokens; scores depend on how many there are.
        orders: which n.

    Raises:
        ValueError: as :func:`bleu`.
    """
    generated = check_sentences("hypotheses", hypotheses)
    return _means(BLEU(generated, orders).scores(check_sentences("references", references)))


def _means(scores: dict[int, NDArray[np.float64]]) -> dict[int, float]:
    return {n: float(values.mean()) for n, values in scores.items()}


def _grams(sentence: Sentence, order: int) -> Counter[Gram]:
    return Counter(zip(*(sentence[begin:] for begin in range(order)), strict=False))


def _largest(sentences: Sequence[Sentence], order: int) -> dict[Gram, tuple[int, int, int]]:
    """Return for each n-gram its largest count in a sentence, which sentence that is, and the next largest count."""
    table: dict[Gram, tuple[int, int, int]] = {}
    for owner, sentence in enumerate(sentences):
        for gram, count in _grams(sentence, order).items():
            largest, first, second = table.get(gram, (0, -1, 0))
            if count > largest:
                table[gram] = count, owner, largest
            elif count > second:
                table[gram] = largest, first, count
    return table


def _matches(sentence: Sentence, order: int, table: dict[Gram, tuple[int, int, int]], owner: int) -> int:
    total = 0
    for gram, count in _grams(sentence, order).items():
        if gram in table:
            largest, first, second = table[gram]
            total += min(count, second if first == owner else largest)
    return total


def _closest(length: int, lengths: Iterable[int]) -> int:
    return min(lengths, key=lambda other: (abs(other - length), other))
