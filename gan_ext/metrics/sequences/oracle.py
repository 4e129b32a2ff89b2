"""Kullback-Leibler and Jeffreys divergences of a generator of sequences from a known oracle."""

from typing import NamedTuple

from torch import Tensor

from gan_ext.metrics.sequences.likelihood import negative_log_likelihood
from gan_ext.metrics.sequences.ngrams import unique_ratio
from gan_ext.metrics.sequences.token_lists import token_lists
from gan_ext.seeds import RandomStateLike, as_seed, seeded
from gan_ext.sequences import SequenceModel, check_sharpening, sample

__all__ = ["OracleScores", "oracle_scores"]


class OracleScores(NamedTuple):
    """Scores of a generator against an oracle, all in nats per token but `unique`."""

    quality: float
    """NLL_oracle of its samples."""
    coverage: float
    """NLL_test: its negative log-likelihood of the oracle's samples."""
    entropy: float
    """Of its own samples."""
    reverse: float
    """Reverse Kullback-Leibler divergence, quality - entropy."""
    forward: float
    """Forward Kullback-Leibler divergence, coverage - entropy of the oracle."""
    unique: float
    """Share of its samples that are different."""

    @property
    def sum(self) -> float:
        """Quality + coverage, as published; it falls when the entropy falls."""
        return self.quality + self.coverage

    @property
    def jeffreys(self) -> float:
        """Jeffreys divergence, forward + reverse; 0 for the oracle only."""
        return self.forward + self.reverse


def oracle_scores(
    oracle: SequenceModel,
    test: Tensor,
    model: SequenceModel,
    temperature: float = 1.0,
    n: int = 10_000,
    random_state: RandomStateLike = 0,
) -> OracleScores:
    r"""Return quality, coverage and the exact divergences of a generator p from an oracle o, per token.

    .. math::
        \mathrm{NLL_{oracle}} &= E_p[-\log o] = \mathrm{KL}(p \,\|\, o) + H(p) \\
        \mathrm{NLL_{test}} &= E_o[-\log p] = \mathrm{KL}(o \,\|\, p) + H(o)

    Both scores have an entropy in them.  That of the oracle is a constant; that of the generator is not: a generator
    that says less gets a better NLL_oracle, and loses as little NLL_test as it likes by being a mixture.  So their sum,
    the scalar of Language GANs Falling Short, can be far below that of the oracle itself, 2 H(o).  The divergences
    cannot be lowered that way.

    References: Language GANs Falling Short (Caccia et al., 2020), https://arxiv.org/abs/1811.02549

    Args:
        oracle: the true distribution o.
        test: sequences drawn from the oracle [m, T], not seen in training.
        model: the generator p, with exact log-probabilities.
        temperature: divides the generator's logits.
        n: how many sequences are sampled.
        random_state: of the draws; the caller's random state is kept.
    """
    check_sharpening(temperature)
    device = next(model.parameters()).device
    with seeded(as_seed(random_state), device=device):
        drawn = sample(model, n, temperature=temperature)
    quality = negative_log_likelihood(oracle, drawn.to(next(oracle.parameters()).device))
    entropy = negative_log_likelihood(model, drawn, temperature)
    coverage = negative_log_likelihood(model, test, temperature)
    own = negative_log_likelihood(oracle, test)
    unique = unique_ratio(token_lists(drawn.cpu(), model.end))
    return OracleScores(quality, coverage, entropy, quality - entropy, coverage - own, unique)
