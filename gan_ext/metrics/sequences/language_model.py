"""Language-model score and reverse language-model score: quality and coverage without an oracle."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from gan_ext.checks import checked
from gan_ext.metrics.sequences.likelihood import negative_log_likelihood
from gan_ext.seeds import RandomStateLike, as_seed, seeded
from gan_ext.sequences import SequenceModel

__all__ = ["LanguageModelScorer", "LanguageModelScores"]


class LanguageModelScores(NamedTuple):
    """Both scores in nats per token, pads ignored; lower is better."""

    lm: float
    """Quality: generated text under a model of real text."""
    reverse_lm: float
    """Quality and coverage: real text under a model of generated text."""


@checked
class LanguageModelScorer:
    r"""Score generated text by language models: one trained on real text, one trained on the generated text.

    .. math::
        \mathrm{LM} = \mathrm{NLL}(\text{generated}; q_\text{real}), \qquad
        \mathrm{RLM} = \mathrm{NLL}(\text{validation}; q_\text{generated})

    :attr:`real` is the point of real data: the NLL of validation text under the model of real text, as both scores.
    Text that repeats what is likely has a lower LM score than real text, and pays in the reverse score.  Both depend on
    the language model, the reverse score also on how many sequences are generated: keep them the same for everything
    that is compared.  The published protocol removes duplicates from the generated text
    (``torch.unique(tokens, dim=0)``); this does not.

    References: Language GANs Falling Short (Caccia et al., 2020), https://arxiv.org/abs/1811.02549; reverse score:
    Adversarially Regularized Autoencoders (Zhao et al., 2018), https://arxiv.org/abs/1706.04223

    Args:
        train: trains a new language model on tokens [B, T] and returns it.  Its draws are seeded, the same for every
            text.
        real: real tokens [B, T] to train on.
        validation: other real tokens [B, T].
        random_state: of every training.

    Raises:
        ValueError: texts that are not [B, T].
    """

    def __init__(
        self,
        train: Callable[[Tensor], SequenceModel],
        real: Tensor,
        validation: Tensor,
        random_state: RandomStateLike = 0,
    ) -> None:
        for name, tokens in {"real": real, "validation": validation}.items():
            _check(name, tokens)
        self.train, self.validation, self._seed = train, validation, as_seed(random_state)
        self.language_model = self._train(real)
        level = negative_log_likelihood(self.language_model, validation)
        self.real = LanguageModelScores(level, level)

    def lm(self, generated: Tensor) -> float:
        """Return the mean NLL of generated tokens [B, T] under the language model of real text, in nats per token."""
        _check("generated", generated)
        return negative_log_likelihood(self.language_model, generated)

    def reverse_lm(self, generated: Tensor) -> float:
        """Return the mean NLL of validation text under a language model trained on generated tokens [B, T]."""
        _check("generated", generated)
        return negative_log_likelihood(self._train(generated), self.validation)

    def __call__(self, generated: Tensor) -> LanguageModelScores:
        """Return both scores of generated tokens [B, T]."""
        return LanguageModelScores(self.lm(generated), self.reverse_lm(generated))

    def _train(self, tokens: Tensor) -> SequenceModel:
        with seeded(self._seed, device=tokens.device):
            return self.train(tokens)


def _check(name: str, tokens: Tensor) -> None:
    if tokens.dim() != 2 or tokens.numel() == 0:
        raise ValueError(f"{name} must be tokens [sequences, tokens], neither 0; got shape {tuple(tokens.shape)}.")
