"""How many of the written words are words: the share that a reference text knows."""

from collections.abc import Container, Sequence

from gan_ext.metrics.statistics.bootstrap import Interval, bootstrap_interval

__all__ = ["known_word_share", "words_of"]

MARKS = ".,;:!?'\"-()[]&"


def words_of(text: str) -> set[str]:
    """Return the words of a text, parts between blanks without the marks around them."""
    return {word.strip(MARKS) for word in text.split()}


def known_word_share(words: Container[str], texts: Sequence[str]) -> Interval:
    r"""Return the share of written words that are known, with its bootstrap interval over texts.

    .. math:: \sum_i k_i / \sum_i n_i

    for texts i of n words, of which k are known.  The first and the last word of a text do not count, for a window
    that is cut out of a text cuts them too; a text without any other word counts as one unknown word.

    Args:
        words: the known ones, such as :func:`words_of` a text.
        texts: what is written, at least one.
    """
    written = [[word.strip(MARKS) in words for word in text.split()[1:-1]] or [False] for text in texts]
    return bootstrap_interval([sum(known) / len(known) for known in written], [len(known) for known in written])
