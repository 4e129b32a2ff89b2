"""Generative stochastic networks: a Markov chain is trained whose stationary law becomes that of the data.

References: Deep Generative Stochastic Networks Trainable by Backprop (Bengio et al., 2014),
https://arxiv.org/abs/1306.1091; Generalized Denoising Auto-Encoders as Generative Models (Bengio et al., 2013),
https://arxiv.org/abs/1305.6663
"""

import math

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.games.standard import RealBatch

__all__ = ["GenerativeStochasticNetwork"]


@checked
class GenerativeStochasticNetwork(Game):
    r"""One player, who learns to undo noise; noise and its undoing in turn are a chain that draws samples.

    .. math::
        \tilde x_t \sim C(\tilde x \mid x_{t-1}), \qquad x_t \sim p_\theta(x \mid \tilde x_t), \qquad
        L = -\frac1T \sum_{t=1}^{T} E \log p_\theta(x_0 \mid \tilde x_t)

    from data :math:`x_0`.  With T = 1 the best :math:`p_\theta` is the posterior of the data given its corruption, and
    the chain's stationary law is then that of the data.  With T > 1 (walkback) the chain is also pulled back from where
    it strays to by itself; the stationary law at the optimum is the same.  Steps of the walk have no gradient.

    References: Bengio et al. (2013), theorem 1 and algorithm 1, https://arxiv.org/abs/1305.6663; Bengio et al. (2014),
    https://arxiv.org/abs/1306.1091

    Args:
        denoiser: maps corrupted samples [B, ...] to outputs [B, h]; noise in its hidden layers is welcome.
        corruption: C, maps samples to corrupted ones, such as :class:`~gan_ext.nets.FlipNoise`.
        observation: maps outputs to the distribution of samples, such as
            :class:`~gan_ext.nets.BernoulliObservation`; one that is too simple for the posterior is paid for in the
            stationary law.
        walkback: T >= 1.

    Raises:
        ValueError: `walkback` is below 1.
    """

    def __init__(self, denoiser: nn.Module, corruption: nn.Module, observation: nn.Module, walkback: int = 1) -> None:
        super().__init__()
        if walkback < 1:
            raise ValueError(f"walkback={walkback!r} must be at least 1: it is how many steps are walked from data.")
        self.denoiser, self.corruption, self.observation, self.walkback = denoiser, corruption, observation, walkback

    def players(self) -> dict[str, Player]:
        return {"model": Player((self.denoiser, self.observation), self.loss)}

    def loss(self, batch: RealBatch) -> Loss:
        x, total = batch.x, batch.x.new_zeros(())
        for _ in range(self.walkback):
            belief = self.observation(self.denoiser(self.corruption(x)))
            total = total - belief.log_prob(batch.x).mean()
            with torch.no_grad():
                x = belief.sample().to(batch.x.dtype)
        loss = total / self.walkback
        return loss, {"reconstruction": loss.detach()}

    @torch.no_grad()
    def walk(self, x: Tensor, passes: int) -> Tensor:
        """Walk chains on from samples [n, ...] by a number of passes, and return where they are."""
        for _ in range(passes):
            x = self.observation(self.denoiser(self.corruption(x))).sample()
        return x

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, states: Tensor, block: int = 64) -> Tensor:
        r"""Return the conservative estimate of log p(x) [B] in nats under the chain's stationary law.

        .. math:: \log \hat p(x) = \log \frac1n \sum_{i=1}^{n} p_\theta(x \mid \tilde x_i), \qquad
                  \tilde x_i \sim C(\tilde x \mid x_i)

        On average a lower bound, by Jensen's inequality, if the states are from the stationary law; in many dimensions
        far below the truth unless n is huge.

        References: Bounding the Test Log-Likelihood of Generative Models (Bengio et al., 2014),
        https://arxiv.org/abs/1311.6184

        Args:
            x: samples [B, ...].
            states: of the chain, in equilibrium, [n, ...].
            block: samples judged at once; memory grows with block times n.
        """
        belief = self.observation(self.denoiser(self.corruption(states)))
        parts = [belief.log_prob(part[:, None]).logsumexp(1) for part in x.split(block)]
        return torch.cat(parts) - math.log(len(states))
