"""Maximum likelihood for sequences (teacher forcing): the baseline of every text GAN, and the start of most."""

from typing import Any

from torch import Tensor

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.losses import linear_cross_entropy, token_mean
from gan_ext.sequences import (
    LinearReadout,
    SequenceModel,
    TokenBatch,
    labels_of,
    length_groups,
    real_positions,
    trimmed,
)

__all__ = ["SequenceLikelihood", "sequence_nll_loss"]


def sequence_nll_loss(model: SequenceModel, batch: Any) -> Loss:
    """Return the mean negative log-likelihood in nats per token of a batch of tokens (pads do not count)."""
    tokens, labels = batch.tokens, labels_of(batch)
    lengths = real_positions(tokens, model.end).sum(1)
    groups = length_groups(lengths)
    if len(groups) == 1:
        loss = _mean_nll(model, tokens, labels)
    else:
        counts = [lengths[rows].sum() for rows in groups]
        means = [_mean_nll(model, tokens[rows], None if labels is None else labels[rows]) for rows in groups]
        loss = sum((mean * n for mean, n in zip(means, counts, strict=True)), tokens.new_zeros(())) / sum(counts)
    return loss, {"nll": loss.detach()}


def _mean_nll(model: SequenceModel, tokens: Tensor, labels: Tensor | None) -> Tensor:
    tokens = trimmed(tokens, model.end)
    mask = real_positions(tokens, model.end)
    if isinstance(model, LinearReadout):
        states, output = model.states(tokens, labels), model.output
        return linear_cross_entropy(states, output.weight, output.bias, tokens, mask, model.never)
    return -token_mean(model.log_prob(tokens, labels), mask)


@checked
class SequenceLikelihood(Game):
    r"""One player, who minimizes the negative log-likelihood of sequences.

    .. math:: L = -\frac{1}{\sum_b T_b} \sum_b \sum_{t \le T_b} \log p(x_{bt} \mid x_{b,<t})

    Args:
        generator: the model; batches are :class:`~gan_ext.sequences.TokenBatch`, or
            :class:`~gan_ext.sequences.LabeledTokens` if it is class-conditional.
    """

    def __init__(self, generator: SequenceModel) -> None:
        super().__init__()
        self.generator = generator

    def players(self) -> dict[str, Player]:
        return {"generator": Player((self.generator,), self.loss)}

    def loss(self, batch: TokenBatch) -> Loss:
        return sequence_nll_loss(self.generator, batch)
