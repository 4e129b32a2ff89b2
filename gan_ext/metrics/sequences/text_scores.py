"""All that is asked of generated texts at once: BLEU, self-BLEU, backward BLEU, language-model scores."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.metrics.sequences.bleu import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.sequences.language_model import LanguageModelScorer
from gan_ext.metrics.sequences.likelihood import negative_log_likelihood
from gan_ext.metrics.sequences.ngrams import distinct, unique_ratio
from gan_ext.metrics.sequences.token_lists import token_lists
from gan_ext.sequences import SequenceModel

__all__ = ["TEXYGEN_CAPTIONS", "TextScorer", "TextScores", "fluency_scores"]

TEXYGEN_CAPTIONS = {
    "MLE": (0.305, 0.583),
    "SeqGAN": (0.294, 0.670),
    "MaliGAN": (0.257, 0.606),
    "RankGAN": (0.264, 0.762),
    "LeakGAN": (0.355, 0.848),
    "TextGAN": (0.277, 0.804),
}
"""BLEU-4 and self-BLEU-4 of image captions as published, at no temperature but 1.

References: Texygen (Zhu et al., 2018), https://arxiv.org/abs/1802.01886
"""


def fluency_scores(model: SequenceModel, tokens: Tensor) -> dict[str, float]:
    """Return how likely sequences [n, T] are to a model, and how varied they are.

    Args:
        model: what scores.
        tokens: token numbers.

    Returns:
        ``nats`` per token; ``distinct_3``, the share of trigrams that are different; ``self_bleu`` of 4-grams.
    """
    written = [sequence for sequence in token_lists(tokens, model.end) if sequence]
    nats = negative_log_likelihood(model, tokens)
    return {"nats": nats, "distinct_3": distinct(written, 3), "self_bleu": self_bleu(written, (4,))[4]}


class TextScores(NamedTuple):
    """Scores of generated texts; those of n-grams by n, those of language models in nats per token."""

    bleu: dict[int, float]
    """Mean over texts against the references: quality."""
    self_bleu: dict[int, float]
    """Each against the others; lower is more diverse."""
    backward_bleu: dict[int, float]
    """The references against the texts: coverage."""
    unique: float
    """Share of different texts."""
    length: float
    """Mean number of words."""
    lm: float
    """Under a language model of real text: quality."""
    reverse_lm: float
    """Of real text under a language model of the texts: coverage."""


@checked
class TextScorer:
    """Score generated texts against real ones; what is needed of the real ones is computed once.

    References: Texygen (Zhu et al., 2018), https://arxiv.org/abs/1802.01886; Language GANs Falling Short (Caccia et
    al., 2020), https://arxiv.org/abs/1811.02549

    Args:
        references: real texts as lists of words.
        words: makes lists of words of token numbers [n, T].
        language_model: scores token numbers.
    """

    def __init__(
        self,
        references: Sequence[Sequence[str]],
        words: Callable[[Tensor], list[list[str]]],
        language_model: LanguageModelScorer,
    ) -> None:
        self.references, self.words, self.language_model = list(references), words, language_model
        self._bleu = BLEU(self.references)

    def __call__(self, tokens: Tensor) -> TextScores:
        """Return the scores of generated token numbers [n, T]; texts without a word count for language models only."""
        words = [text for text in self.words(tokens) if text]
        return TextScores(
            {n: float(values.mean()) for n, values in self._bleu.scores(words).items()},
            self_bleu(words),
            backward_bleu(self.references, words),
            unique_ratio(words),
            float(np.mean([len(text) for text in words])),
            *self.language_model(tokens),
        )

    def real(self, texts: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Return what other real texts, lists of words, score: ``bleu``, ``self_bleu`` and ``lm``, the level of both.

        Take as many as texts are generated: self-BLEU grows with their number.
        """
        lm = self.language_model.real.lm
        return {"bleu": bleu(self.references, texts), "self_bleu": self_bleu(texts), "lm": lm}
