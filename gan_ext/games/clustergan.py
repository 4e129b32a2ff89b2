r"""ClusterGAN: an encoder that inverts the generator, whose input is a category and a little noise.

References: ClusterGAN (Mukherjee et al., 2019), https://arxiv.org/abs/1809.03627
"""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, TwoPlayerGame, opponents_held
from gan_ext.games.standard import RealBatch
from gan_ext.latents import Prior, Product
from gan_ext.losses import discriminator_wasserstein, generator_wasserstein, gradient_penalty, reinforce

__all__ = ["ClusterGAN"]


@checked
class ClusterGAN(TwoPlayerGame):
    r"""Wasserstein game with a gradient penalty, in which an encoder reads noise and category back from generated data.

    .. math::
        L_D &= E[d(G(z, c))] - E_x[d(x)] + \gamma E[(\lVert \nabla d(\hat x) \rVert_2 - 1)^2] \\
        L_{G,E} &= -E[d(G(z, c))] + \beta_n \tfrac1d E\lVert z - E_n(G(z, c)) \rVert_2^2
                   - \beta_c E[\log q(c \mid G(z, c))]

    with :math:`\hat x` on the line between a real and a generated sample, at a place drawn for every sample (the
    authors' code draws one for the whole batch).  Generator and encoder minimize the same loss and are one player,
    "generator".  As published, z is :math:`N(0, 0.1^2 I)`, c is one category, and the discriminator moves five times
    for every move of the generator: ``Gaussian(30, scale=0.1)``, ``Product(kind=Categorical(10))`` and
    ``alternating({"discriminator": 5, "generator": 1})``, with Adam at 1e-4 and betas (0.5, 0.9).

    References: ClusterGAN (Mukherjee et al., 2019), https://arxiv.org/abs/1809.03627; the gradient penalty (Gulrajani
    et al., 2017), https://arxiv.org/abs/1704.00028

    Args:
        generator: maps [z, c] [B, noise.dim + codes.dim] to data [B, ...].
        discriminator: maps data to scores [B], every sample by itself (no batch normalization).
        encoder: maps data to [B, noise.dim + codes.width]: an estimate of z, and the statistics of the codes.
        codes: the published game has one categorical code.
        noise: the prior of z; d coordinates.
        noise_weight: :math:`\beta_n`, dimensionless, a 0-dim buffer; 10 as published for MNIST, 0 for Fashion-MNIST.
        code_weight: :math:`\beta_c`, likewise; 10 as published.
        penalty: :math:`\gamma`; 0 leaves it out.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        encoder: nn.Module,
        codes: Product,
        noise: Prior,
        *,
        noise_weight: float = 10.0,
        code_weight: float = 10.0,
        penalty: float = 10.0,
    ) -> None:
        super().__init__(generator, discriminator)
        if not min(noise_weight, code_weight, penalty) >= 0:
            raise ValueError(
                f"ClusterGAN needs weights >= 0, got noise_weight={noise_weight}, code_weight={code_weight}, "
                f"penalty={penalty}."
            )
        self.encoder, self.codes, self.noise, self.penalty = encoder, codes, noise, penalty
        self.register_buffer("noise_weight", torch.tensor(float(noise_weight)))
        self.register_buffer("code_weight", torch.tensor(float(code_weight)))
        self.noise_weight: Tensor
        self.code_weight: Tensor

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.encoder, self.codes), self.generator_loss),
        }

    def draw(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw n inputs of the generator [n, noise.dim + codes.dim], and the noise and the codes in them."""
        noise, codes = self.noise.sample(n), self.codes.sample(n).detach()
        return torch.cat([noise, codes], dim=1), noise, codes

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the encoder says of data [B, ...]: an estimate of z [B, d] and statistics of codes [B, S]."""
        noise, statistics = self.encoder(x).split([self.noise.dim, self.codes.width], 1)
        return noise, statistics

    def discriminator_loss(self, batch: RealBatch) -> Loss:
        with opponents_held():
            fake = self.generator(self.draw(len(batch.x))[0]).to(batch.x.dtype)
        real, generated = self.discriminator(torch.cat([batch.x, fake])).split(len(batch.x))
        loss = discriminator_wasserstein(real, generated)
        terms = {"adversarial": loss.detach()}
        if self.penalty:
            places = torch.rand(len(fake), dtype=fake.dtype, device=fake.device)
            penalty = gradient_penalty(self.discriminator, batch.x, fake, places)
            terms["gradient_penalty"] = penalty.detach()
            loss = loss + self.penalty * penalty
        return loss, terms

    def generator_loss(self, batch: RealBatch) -> Loss:
        latents, noise, codes = self.draw(len(batch.x))
        fake = self.generator(latents)
        scores = self.discriminator(fake)
        adversarial = generator_wasserstein(scores)
        estimate, statistics = self.encode(fake)
        miss = (noise - estimate.float()).square().mean()
        surprise = -self.codes.log_posterior(statistics, codes).mean()
        loss = adversarial + self.noise_weight * miss + self.code_weight * surprise
        if list(self.codes.parameters()):  # shares that are learned grow where the critic is deceived
            loss = loss + reinforce(scores, self.codes.log_prob(codes))
        bounds = self.codes.informations(statistics.detach(), codes.detach())
        terms = {"adversarial": adversarial, "noise": miss, "codes": surprise}
        terms |= {f"information/{name}": bound for name, bound in bounds.items()}
        return loss, {name: value.detach() for name, value in terms.items()}
