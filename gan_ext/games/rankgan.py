r"""RankGAN: sentences are ranked against each other instead of judged one by one.

References: Adversarial Ranking for Language Generation (Lin et al., 2017), https://arxiv.org/abs/1705.11001
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from gan_ext.checks import checked
from gan_ext.game import Loss
from gan_ext.games.seqgan import SeqGAN
from gan_ext.games.sequence_opponents import Opponent, RankingOpponent
from gan_ext.gradients import GradientEstimator
from gan_ext.sequences import SequenceModel, evaluating, labels_of, sample

__all__ = ["RankGAN", "log_rank"]


def log_rank(features: Tensor, comparison: Tensor, references: Tensor, gamma: float) -> Tensor:
    r"""Return the log of a sentence's share of likeness to the references, against a comparison set.

    .. math::
        \log R(s) = E_u \log \frac{e^{\gamma \cos(s, u)}}{e^{\gamma \cos(s, u)} + \sum_{c \in C} e^{\gamma \cos(c, u)}}

    Args:
        features: of the sentences s, [..., F].
        comparison: of the sentences they are compared with, [C, F].
        references: of real sentences u, [U, F].
        gamma: inverse temperature.
    """
    u = normalize(references.float(), dim=-1)
    own = gamma * normalize(features.float(), dim=-1) @ u.t()
    others = (gamma * normalize(comparison.float(), dim=-1) @ u.t()).logsumexp(0)
    return (own - torch.logaddexp(own, others.expand_as(own))).mean(-1)


@checked
class RankGAN(SeqGAN):
    r"""A ranker learns to put real sentences above generated ones; the log rank of a finished sentence is the reward.

    .. math::
        L_D = -E_x[\log R(x; C_{\text{fake}})] + E_G[\log R(x; C_{\text{real}})], \qquad
        r = \log R(x; C_{\text{real}})

    References and comparison set are the two halves of the batch of real sentences.  Of a class-conditional generator
    the ranker sees the sentences only, not their classes.

    Args:
        generator: the policy.
        discriminator: the ranker; has ``features(tokens)``, which gives [B, F].  Parameters that they do not depend on
            stay as they are.
        estimator: how the gradient is estimated; LeaveOneOut if None.
        rollouts: continuations of every prefix; 0 rewards whole sequences.
        lag: share of the lagged policy that stays at every step of the generator.
        gamma: inverse temperature of the ranks.
        likelihood: weight of maximum likelihood on real sequences in the generator's loss.

    Raises:
        ValueError: a number out of range; a discriminator without ``features``; an estimator that relaxes tokens; a
            batch of one sentence.
    """

    opponent: ClassVar[Opponent] = RankingOpponent()

    def __init__(
        self,
        generator: SequenceModel,
        discriminator: nn.Module,
        estimator: GradientEstimator | None = None,
        *,
        rollouts: int = 16,
        lag: float = 0.8,
        gamma: float = 1.0,
        likelihood: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator, estimator, rollouts=rollouts, lag=lag, likelihood=likelihood)
        if not gamma > 0:
            raise ValueError(f"gamma={gamma!r} must be positive.")
        self.gamma = gamma

    def _check(self, rollouts: int, task_reward: Any) -> None:
        if self.estimator.relaxed:
            raise ValueError(f"{type(self.estimator).__name__} relaxes tokens; RankGAN ranks drawn ones.")
        if not hasattr(self.discriminator, "features"):
            raise ValueError(f"{type(self.discriminator).__name__} has no features(tokens), by which RankGAN ranks.")

    def discriminator_loss(self, batch: Any) -> Loss:
        fake = sample(self.generator, len(batch.tokens), labels=labels_of(batch), check=False)
        real, generated = self.discriminator.features(torch.cat([batch.tokens, fake])).chunk(2)
        references, compared = _halves(real)
        loss = -log_rank(compared, generated, references, self.gamma).mean()
        loss = loss + log_rank(generated, compared, references, self.gamma).mean()
        return loss, {"ranking": loss.detach()}

    def generator_loss(self, batch: Any) -> Loss:
        with torch.no_grad(), evaluating(self.discriminator):
            references, compared = _halves(self.discriminator.features(batch.tokens))

        def score(tokens: Tensor, shared: int, labels: Tensor | None) -> Tensor:
            features = self.discriminator.features(tokens.flatten(0, 1))
            return log_rank(features, compared, references, self.gamma).view(tokens.shape[:2])

        return self._policy_loss(batch, score)


def _halves(features: Tensor) -> tuple[Tensor, Tensor]:
    if len(features) < 2:
        raise ValueError("RankGAN needs batches of at least 2 real sentences: one half is compared with the other.")
    references, compared = features.chunk(2)
    return references, compared
