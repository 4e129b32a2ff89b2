"""Evaluation of text generators: BLEU, self-BLEU, diversity and n-gram distances, beside those of real texts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from gan_ext.data import Corpus
from gan_ext.estimators.evaluation.measuring import LOWER, SHARE, Kind, Sets, rows_of, safely
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.metrics import (
    BagOfNgrams,
    backward_bleu,
    bleu,
    distinct,
    divergence_area,
    frechet_distance,
    self_bleu,
    token_lists,
    unique_ratio,
)

__all__ = ["TextModel", "evaluate_text", "perplexity_rows"]

_ORDER = 3  # of BLEU
_LEAST = 20
_FLOOR = Kind("the floor", 0.0, 1.0)
_KINDS = {
    f"bleu-{_ORDER}": _FLOOR,
    f"backward bleu-{_ORDER}": SHARE,
    f"self-bleu-{_ORDER}": _FLOOR,
    "unique": _FLOOR,
    "distinct-2": _FLOOR,
}
_FEATURE_KINDS = {"frechet distance": LOWER, "divergence area": SHARE}

Sentences = list[list[int]]


@dataclass(frozen=True)
class TextModel:
    """A fitted model of texts.

    Args:
        name: of its class.
        corpus: its vocabulary and tokenizer.
        make: from a number and a seed to as many new texts.
        rows: makes what else can be said of it.
    """

    name: str
    corpus: Corpus
    make: Callable[[int, int], list[Any]]
    rows: Callable[[], list[EvaluationRow]]


def evaluate_text(
    model: TextModel, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int
) -> Evaluation:
    """Return the table of :func:`gan_ext.evaluate` for a model of texts; arguments as there.

    Raises:
        ValueError: too few texts.
    """
    tokens = model.corpus.encode(X, "truncate")
    if len(tokens) < 2 * _LEAST:
        raise ValueError(f"X has {len(tokens)} sequences; at least {2 * _LEAST} are needed, thousands are usual.")
    if y is not None and len(np.asarray(y)) != len(tokens):
        raise ValueError(
            f"X has {len(tokens)} sequences and y {len(np.asarray(y))} labels; evaluate needs one for each."
        )
    learned = None if training is None else {tuple(each) for each in _lists(model, training)}
    size = min(n, len(tokens) // 2)
    made = _lists(model, model.make(size, random_state))
    order = np.random.default_rng(random_state).permutation(len(tokens))
    real, other = (_tokens(model, tokens[order[part]]) for part in (slice(size), slice(size, 2 * size)))
    encoder = BagOfNgrams(components=min(128, size - 1), random_state=random_state).fit(real + other)

    def of_ngrams(references: Sentences, sentences: Sentences) -> dict[str, float]:
        return {
            f"bleu-{_ORDER}": bleu(references, sentences, (_ORDER,))[_ORDER],
            f"backward bleu-{_ORDER}": backward_bleu(references, sentences, (_ORDER,))[_ORDER],
            f"self-bleu-{_ORDER}": self_bleu(sentences, (_ORDER,))[_ORDER],
            "unique": unique_ratio(sentences),
            "distinct-2": distinct(sentences, 2),
        }

    def of_features(references: Sentences, sentences: Sentences) -> dict[str, float]:
        a, b = encoder(references), encoder(sentences)
        area = divergence_area(a, b, random_state=random_state)
        return {"frechet distance": frechet_distance(a, b), "divergence area": area}

    sets = Sets(real, made, other)
    rows = rows_of(_KINDS, of_ngrams, sets, resamples, random_state)
    rows += rows_of(_FEATURE_KINDS, of_features, sets, resamples, random_state)
    if learned is not None:

        def copies(_: Sentences, sentences: Sentences) -> dict[str, float]:
            return {"copies": _share(sentences, learned)}

        rows += rows_of({"copies": _FLOOR}, copies, sets, resamples, random_state)
    return Evaluation(model.name, size, "n-grams", (*rows, *model.rows()), _NOTES)


_NOTES = ("A value better than that of real texts means likelier or more varied sentences than real ones.",)


def perplexity_rows(perplexity: Callable[[], float]) -> list[EvaluationRow]:
    """Return the row of a perplexity, or one that says why there is none."""
    return safely({"perplexity": LOWER}, lambda: [EvaluationRow("perplexity", perplexity(), None, None, None, "lower")])


def _share(sentences: Sentences, learned: set[tuple[int, ...]]) -> float:
    return float(np.mean([tuple(each) in learned for each in sentences]))


def _lists(model: TextModel, texts: Any) -> Sentences:
    return _tokens(model, model.corpus.encode(texts, "truncate"))


def _tokens(model: TextModel, tokens: Tensor) -> Sentences:
    return token_lists(tokens, model.corpus.end)
