"""What another network thinks of sequences, as a way of drawing and as a reward."""

import copy

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.sequences.model import SequenceModel, evaluating

__all__ = ["LikelihoodToGo", "draw_by_odds"]


@torch.no_grad()
def draw_by_odds(
    tokens: Tensor, judge: nn.Module, n: int, power: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    r"""Draw sequences again, without replacement, by the odds that a discriminator gives them for being real.

    .. math:: P(x_i \text{ is next}) \propto e^{\gamma d(x_i)}

    among those that are left (sampling importance resampling, by a race of exponential clocks).  For many candidates of
    the generator's and the best discriminator, power 1 draws from real data.

    References: Discriminator Rejection Sampling (Azadi et al., 2019), https://arxiv.org/abs/1810.06758

    Args:
        tokens: candidates [m, T].
        judge: maps tokens [B, T] to log-odds d [B]; put into evaluation mode and back.
        n: how many are drawn, at most m.
        power: :math:`\gamma`.
        generator: of the draws, on the device of the tokens; torch's own if None.

    Returns:
        [n, T].

    Raises:
        ValueError: n is not from 1 to m.
    """
    if not 1 <= n <= len(tokens):
        raise ValueError(f"n={n} must be from 1 to {len(tokens)}, the number of candidates.")
    with evaluating(judge):
        logits = torch.cat([judge(part) for part in tokens.split(256)])
    clocks = torch.empty_like(logits).exponential_(generator=generator)
    return tokens[(clocks.log() - power * logits).argsort()[:n]]


@checked
class LikelihoodToGo:
    r"""A reward: what a frozen model thinks of the rest of a sequence, from each token on.

    .. math:: R_t = \sum_{s \ge t} \log p(x_s \mid x_{<s})

    Called with tokens [B, T] it returns [B, T], without a graph.

    Args:
        model: p; copied, so that what becomes of it later changes no reward.
    """

    def __init__(self, model: SequenceModel) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, tokens: Tensor) -> Tensor:
        """Return the rewards [B, T] of tokens [B, T]; the model moves to their device."""
        return self.model.to(tokens.device).log_prob(tokens).flip(1).cumsum(1).flip(1)
