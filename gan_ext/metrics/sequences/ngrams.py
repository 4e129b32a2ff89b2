"""Diversity and overlap of sets of sequences in n-grams: distinct-n, entropy, MS-Jaccard, share of unique ones."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from gan_ext.metrics.sequences.token_lists import Sentence, check_order, check_sentences

__all__ = ["distinct", "ngram_entropy", "ngram_jaccard", "unique_ratio"]


def distinct(sequences: Iterable[Sentence], n: int) -> float:
    r"""Return distinct-n: different n-grams over all n-grams of the set, in (0, 1]; 0 if there is no n-gram.

    .. math:: \mathrm{distinct}_n = |\{g : c(g) > 0\}| / \textstyle\sum_g c(g)

    It falls as the set grows: compare sets of equal size only.

    References: A Diversity-Promoting Objective Function for Neural Conversation Models (Li et al., 2016),
    https://arxiv.org/abs/1510.03055

    Args:
        sequences: sequences of hashable tokens.
        n: tokens of an n-gram.

    Raises:
        ValueError: no sequence, n below 1, or strings in place of lists of tokens.
    """
    counts = _counts(check_sentences("sequences", sequences), n)
    return len(counts) / max(1, counts.total())


def unique_ratio(sequences: Iterable[Sentence]) -> float:
    """Return the share of unique sequences: different ones over all, in (0, 1].

    Args:
        sequences: sequences of hashable tokens.

    Raises:
        ValueError: no sequence, or strings in place of lists of tokens.
    """
    found = check_sentences("sequences", sequences)
    return len(set(map(tuple, found))) / len(found)


def ngram_entropy(sequences: Iterable[Sentence], n: int) -> float:
    r"""Return the entropy of the set's n-grams in nats; 0 if there is no n-gram.

    .. math:: H_n = -\textstyle\sum_g p(g) \log p(g), \qquad p(g) = c(g) / \sum_{g'} c(g')

    It is at most the logarithm of the number of n-grams: compare sets of equal size only.

    References: Generating Informative and Diverse Conversational Responses via Adversarial Information Maximization
    (Zhang et al., 2018), https://arxiv.org/abs/1809.05972

    Args:
        sequences: sequences of hashable tokens.
        n: tokens of an n-gram.

    Raises:
        ValueError: no sequence, n below 1, or strings in place of lists of tokens.
    """
    counts = _counts(check_sentences("sequences", sequences), n)
    total = counts.total()
    return math.fsum(count * math.log(total / count) for count in counts.values()) / max(1, total)


def ngram_jaccard(references: Iterable[Sentence], hypotheses: Iterable[Sentence], n: int) -> float:
    r"""Return MS-Jaccard: how alike the n-gram counts of two sets are, in [0, 1]; 1 for the same text.

    .. math::
        \mathrm{MSJ}_n = \Bigl( \prod_{k=1}^{n} \frac{\sum_g \min(c_a(g), c_b(g))}{\sum_g \max(c_a(g), c_b(g))}
        \Bigr)^{1/n}

    :math:`c_a(g)` is the number of times that k-gram g occurs in set a, divided by the number of sequences of a.
    Orders of which neither set has an n-gram are left out.

    References: Jointly Measuring Diversity and Quality in Text Generation Models (Alihosseini et al., 2019),
    https://arxiv.org/abs/1904.03971

    Args:
        references: real sequences of hashable tokens, the set a.
        hypotheses: generated sequences of hashable tokens, the set b.
        n: the highest order.

    Raises:
        ValueError: an empty set, n below 1, or strings in place of lists of tokens.
    """
    first, second = check_sentences("references", references), check_sentences("hypotheses", hypotheses)
    check_order(n)
    ratios = [_jaccard(first, second, order) for order in range(1, n + 1)]
    known = [ratio for ratio in ratios if ratio is not None]
    return math.prod(known) ** (1 / max(1, len(known)))


def _counts(sequences: Sequence[Sentence], n: int) -> Counter[tuple[Hashable, ...]]:
    check_order(n)
    counts: Counter[tuple[Hashable, ...]] = Counter()
    for sequence in sequences:
        counts.update(zip(*(sequence[begin:] for begin in range(n)), strict=False))
    return counts


def _jaccard(a: Sequence[Sentence], b: Sequence[Sentence], n: int) -> float | None:
    first, second = _counts(a, n), _counts(b, n)
    # Multiplied by both sizes all counts are whole numbers, and the sums are exact.
    pairs = [(first[gram] * len(b), second[gram] * len(a)) for gram in first.keys() | second.keys()]
    return sum(map(min, pairs)) / sum(map(max, pairs)) if pairs else None
