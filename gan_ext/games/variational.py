"""The variational autoencoder: a lower bound of the likelihood, raised by a decoder and an encoder together.

References: Auto-Encoding Variational Bayes (Kingma and Welling, 2014), https://arxiv.org/abs/1312.6114
"""

import math

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.games.standard import RealBatch

__all__ = ["VariationalAutoencoder"]


@checked
class VariationalAutoencoder(Game):
    r"""One player, encoder and decoder, who maximizes the evidence lower bound.

    .. math::
        L = -E_x \Big[ E_{q(z \mid x)} [\log p(x \mid z)] - \mathrm{KL}(q(z \mid x) \Vert p(z)) \Big]
          \ge -E_x \log p(x)

    with :math:`p(z) = N(0, I)` and :math:`q(z \mid x) = N(\mu(x), \sigma^2(x))`, of which one draw is taken for each
    sample; the divergence is in closed form.  The logs have both parts.

    References: Auto-Encoding Variational Bayes (Kingma and Welling, 2014), https://arxiv.org/abs/1312.6114

    Args:
        encoder: maps samples [B, ...] to mean and log-variance [B, 2 d].
        decoder: maps z [B, d] to outputs [B, h]; with leading axes in place of B too.
        observation: maps outputs to the distribution of samples, such as
            :class:`~gan_ext.nets.BernoulliObservation`.
        latent_dim: d.

    Raises:
        ValueError: `latent_dim` is below 1.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, observation: nn.Module, latent_dim: int) -> None:
        super().__init__()
        if latent_dim < 1:
            raise ValueError(f"latent_dim={latent_dim!r} must be at least 1: it is the length of z.")
        self.encoder, self.decoder, self.observation, self.latent_dim = encoder, decoder, observation, latent_dim

    def players(self) -> dict[str, Player]:
        return {"model": Player((self.encoder, self.decoder, self.observation), self.loss)}

    def loss(self, batch: RealBatch) -> Loss:
        mean, log_variance = self._posterior(batch.x)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        reconstruction = -self.log_likelihood_given(z, batch.x).mean()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        terms = {"reconstruction": reconstruction.detach(), "divergence": divergence.detach()}
        return reconstruction + divergence, terms

    def log_likelihood_given(self, z: Tensor, x: Tensor) -> Tensor:
        """Return log p(x | z) [..., B] in nats, from z [..., B, d] and samples [B, ...]."""
        log_prob: Tensor = self.observation(self.decoder(z)).log_prob(x)
        return log_prob

    def log_weights(self, x: Tensor, draws: int = 1) -> Tensor:
        r"""Return :math:`\log p(x, z_k) - \log q(z_k \mid x)` of K draws for each sample, [K, B] in nats.

        Their mean is the evidence lower bound.  The logarithm of the mean of their exponentials is at least that, grows
        with K on average, and tends to :math:`\log p(x)`.

        References: Importance Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519

        Args:
            x: samples [B, ...].
            draws: K.
        """
        mean, log_variance = self._posterior(x)
        noise = torch.randn(draws, *mean.shape, device=mean.device)
        z = mean + (log_variance / 2).exp() * noise
        ratio = (noise.square() + log_variance - z.square()).sum(-1) / 2  # log p(z) - log q(z | x)
        return self.log_likelihood_given(z, x) + ratio

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, draws: int = 100) -> Tensor:
        """Return the importance-weighted estimate of log p(x) [B] in nats, on average a lower bound."""
        return self.log_weights(x, draws).logsumexp(0) - math.log(draws)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Draw n samples, in one pass of the decoder."""
        z = torch.randn(n, self.latent_dim, device=next(self.decoder.parameters()).device)
        drawn: Tensor = self.observation(self.decoder(z)).sample()
        return drawn

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).float().chunk(2, 1)
        return mean, log_variance
