r"""Cooperative training: a mediator between data and generator gives an exact gradient over the whole vocabulary.

References: CoT: Cooperative Training for Generative Modeling of Discrete Data (Lu et al., 2019),
https://arxiv.org/abs/1804.03782
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.games.sequence_likelihood import sequence_nll_loss
from gan_ext.games.sequence_opponents import MediatorOpponent, Opponent
from gan_ext.losses import token_mean
from gan_ext.sequences import LabeledTokens, SequenceModel, TokenBatch, evaluating, labels_of, real_positions, sample

__all__ = ["CoT"]


@checked
class CoT(Game):
    r"""A mediator M learns the mixture of data and samples; the generator G moves to M, token by token.

    .. math::
        L_M &= \frac{1}{\bar T} \Big( -\tfrac12 E_x[\log M(x)] - \tfrac12 E_G[\log M(x)] \Big) \\
        L_G &= \frac{1}{\bar T_G} E_G \Big[ \sum_t \sum_v
            p_G(v \mid x_{<t}) \log \frac{p_G(v \mid x_{<t})}{M(v \mid x_{<t})} \Big]

    :math:`\bar T` are mean lengths, so that both are in nats per token.  The best M is :math:`\tfrac12(p + p_G)`, and
    then the second loss is :math:`\mathrm{KL}(p_G \Vert \tfrac12(p + p_G))` per token: the generator's half of the
    Jensen-Shannon divergence.  It sums over the vocabulary, so that it needs no policy gradient; like the published one
    its gradient takes the prefixes as given.

    Args:
        generator: G.
        mediator: M, another model of the same tokens; it may be larger.
        likelihood: weight of maximum likelihood on real sequences in the generator's loss; 0 in the paper.

    Raises:
        ValueError: G and M have other tokens, lengths or classes, or `likelihood` is negative.
    """

    opponent: ClassVar[Opponent] = MediatorOpponent()

    def __init__(self, generator: SequenceModel, mediator: SequenceModel, likelihood: float = 0.0) -> None:
        super().__init__()
        for name in ("vocabulary", "length", "end", "pad", "classes"):
            own, other = getattr(generator, name), getattr(mediator, name)
            if own != other:
                raise ValueError(f"generator and mediator must have the same {name}, got {own} and {other}.")
        if not likelihood >= 0:
            raise ValueError(f"likelihood={likelihood!r} must not be negative.")
        self.generator, self.mediator, self.likelihood = generator, mediator, likelihood

    def players(self) -> dict[str, Player]:
        return {
            "mediator": Player((self.mediator,), self.mediator_loss),
            "generator": Player((self.generator,), self.generator_loss),
        }

    def mediator_loss(self, batch: Any) -> Loss:
        labels = labels_of(batch)
        fake = sample(self.generator, len(batch.tokens), labels=labels, check=False)
        both = torch.cat([batch.tokens, fake])
        mixed = TokenBatch(both) if labels is None else LabeledTokens(both, labels.repeat(2))
        return sequence_nll_loss(self.mediator, mixed)

    def generator_loss(self, batch: Any) -> Loss:
        labels = labels_of(batch)
        tokens = sample(self.generator, len(batch.tokens), labels=labels, check=False)
        with evaluating(self.mediator, self.generator):
            with torch.no_grad():
                target = self.mediator(tokens, labels).float().log_softmax(-1)
            own = self.generator(tokens, labels).float().log_softmax(-1)
        divergence = self._mean((own.exp() * (own - target)).sum(-1), tokens)
        terms = {"divergence": divergence.detach()}
        if not self.likelihood:
            return divergence, terms
        nll, more = sequence_nll_loss(self.generator, batch)
        return divergence + self.likelihood * nll, {**terms, **more}

    def _mean(self, values: Tensor, tokens: Tensor) -> Tensor:
        return token_mean(values, real_positions(tokens, self.generator.end))
