"""Evaluation of text generators: BLEU, self-BLEU, diversity and n-gram distances, beside those of real texts."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
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

__all__ = ["TextModel", "evaluate_text"]

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


class TextModel(Protocol):
    """What a fitted model of texts must offer."""

    corpus_: Corpus
    classes_: NDArray[Any]

    def sample(self, n_samples: int = 1, *, random_state: int | np.random.RandomState | None = None) -> list[Any]:
        """Return new texts."""

    def perplexity(self, X: Any, y: Any = None, on_long: Literal["error", "truncate"] = "error") -> float:
        """Return the perplexity per token."""


def evaluate_text(
    estimator: TextModel, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int
) -> Evaluation:
    """Return the table of :func:`gan_ext.evaluate` for a model of texts; arguments as there.

    Raises:
        ValueError: too few texts.
    """
    tokens = estimator.corpus_.encode(X, "truncate")
    if len(tokens) < 2 * _LEAST:
        raise ValueError(f"X has {len(tokens)} sequences; at least {2 * _LEAST} are needed, thousands are usual.")
    if y is not None and len(np.asarray(y)) != len(tokens):
        raise ValueError(
            f"X has {len(tokens)} sequences and y {len(np.asarray(y))} labels; evaluate needs one for each."
        )
    learned = None if training is None else {tuple(each) for each in _lists(estimator, training)}
    size = min(n, len(tokens) // 2)
    made = _lists(estimator, estimator.sample(size, random_state=random_state))
    order = np.random.default_rng(random_state).permutation(len(tokens))
    real, other = (_tokens(estimator, tokens[order[part]]) for part in (slice(size), slice(size, 2 * size)))
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
    if y is not None or not len(estimator.classes_):
        rows += safely({"perplexity": LOWER}, lambda: [_perplexity(estimator, X, y)])
    return Evaluation(type(estimator).__name__, size, "n-grams", tuple(rows), _NOTES)


_NOTES = ("A value better than that of real texts means likelier or more varied sentences than real ones.",)


def _perplexity(estimator: TextModel, X: Any, y: Any) -> EvaluationRow:
    return EvaluationRow("perplexity", estimator.perplexity(X, y, "truncate"), None, None, None, "lower")


def _share(sentences: Sentences, learned: set[tuple[int, ...]]) -> float:
    return float(np.mean([tuple(each) in learned for each in sentences]))


def _lists(estimator: TextModel, texts: Any) -> Sentences:
    return _tokens(estimator, estimator.corpus_.encode(texts, "truncate"))


def _tokens(estimator: TextModel, tokens: Tensor) -> Sentences:
    return token_lists(tokens, estimator.corpus_.end)
