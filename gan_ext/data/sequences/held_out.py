"""A list of texts as a corpus, some of them held out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_ext.data.sequences.corpus import Corpus
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["HeldOutTexts", "hold_out_texts"]


class HeldOutTexts(NamedTuple):
    """Texts to learn from and texts to choose by, as strings and as token numbers [n, T]."""

    corpus: Corpus
    """Of all of them, in their order."""
    train: Tensor
    held_out: Tensor
    train_texts: list[str]
    held_out_texts: list[str]


def hold_out_texts(
    texts: Sequence[str], n: int, max_length: int | None = None, random_state: RandomStateLike = 0
) -> HeldOutTexts:
    """Split texts at random; the vocabulary is that of all.

    Args:
        texts: strings.
        n: how many are held out; at least 2, and at least 2 must stay.
        max_length: tokens of a text, and columns; see :meth:`Corpus.build`.
        random_state: decides which.

    Raises:
        ValueError: `n` is out of range.
    """
    if not 2 <= n <= len(texts) - 2:
        raise ValueError(f"{n} held-out texts must be from 2 to {len(texts) - 2} of {len(texts)}.")
    corpus = Corpus.build(texts, max_length=max_length)
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(as_seed(random_state))).tolist()
    held, rest = order[:n], order[n:]
    train_texts, held_texts = ([texts[row] for row in rows] for rows in (rest, held))
    return HeldOutTexts(corpus, corpus.tokens[rest], corpus.tokens[held], train_texts, held_texts)
