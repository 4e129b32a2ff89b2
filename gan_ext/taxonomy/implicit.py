"""Implicit density models: generative stochastic network (a Markov chain), and GANs."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from gan_ext.games import R3GAN, Adversarial, GenerativeStochasticNetwork, RealBatch
from gan_ext.latents import Gaussian, Prior
from gan_ext.losses import R1, R2, LikelihoodRatio
from gan_ext.metrics import decoder_log_likelihood
from gan_ext.nets import (
    BernoulliObservation,
    FlipNoise,
    FourierFeatures,
    MixtureObservation,
    ShiftNoise,
    plain_discriminator,
    plain_generator,
)
from gan_ext.seeds import RandomStateLike
from gan_ext.taxonomy.model import EDGE, Chain, Data, Model, count_parameters

__all__ = ["GAN", "LikelihoodGAN", "Stochastic"]


class Stochastic(Chain):
    """Generative stochastic network: it undoes noise (:class:`~gan_ext.games.GenerativeStochasticNetwork`).

    Bits are undone one by one, points by a mixture of eight Gaussians.
    """

    rates, kinds = (204, 317), ("conservative", "conservative")
    flip: ClassVar[float] = 0.3
    shift: ClassVar[float] = 0.3
    game: GenerativeStochasticNetwork

    def build(self) -> None:
        observation = BernoulliObservation() if self.form.bits else MixtureObservation(8, 0.01)
        corruption = FlipNoise(self.flip) if self.form.bits else ShiftNoise(self.shift)
        net = plain_generator((observation.outputs(self.form.size),), self.form.size, (self.width, self.width))
        self.game = GenerativeStochasticNetwork(net, corruption, observation, walkback=3)

    @torch.no_grad()
    def loss(self, x: Tensor) -> float:
        return float(torch.stack([self.game.loss(RealBatch(x))[0] for _ in range(5)]).mean())

    def log_likelihood(self, x: Tensor) -> Tensor:
        return self.game.log_likelihood(x, self.sample(5000))

    def first(self, n: int) -> Tensor:
        x = torch.rand(n, self.form.size)
        return x.round() if self.form.bits else EDGE * (2 * x - 1)

    def move(self, state: Tensor) -> Tensor:
        return self.game.walk(state, 1)


class GAN(Model):
    """A generator against a discriminator, by :class:`~gan_ext.games.R3GAN`; bits are gray until the game is over."""

    rates, kinds, betas = (255, 247), ("Parzen", "annealed, noise assumed"), (0.0, 0.9)
    learning: ClassVar[tuple[float, float]] = (4e-3, 1e-3)
    gammas: ClassVar[tuple[float, float]] = (0.03, 1.0)
    latent_dims: ClassVar[tuple[int, int]] = (2, 16)
    flip = 0.05
    game: Adversarial

    def build(self) -> None:
        prior, gamma, (size, bits) = Gaussian(self.latent_dims[self.form.bits]), self.gammas[self.form.bits], self.form
        if bits:
            widths = (self.width, self.width)
            generator = nn.Sequential(plain_generator((size,), prior.dim, widths), nn.Sigmoid())
            discriminator: nn.Module = plain_discriminator((size,), widths)
        else:
            made, seen = FourierFeatures(2, 32, 2.0), FourierFeatures(2, 32, 3.0)
            generator = nn.Sequential(made, plain_generator((2,), made.outputs, (self.width,) * 3))
            discriminator = nn.Sequential(seen, plain_discriminator((seen.outputs,), (self.width,) * 3))
        self.game = self.play(generator, discriminator, prior, gamma)

    def play(self, generator: nn.Module, discriminator: nn.Module, prior: Prior, gamma: float) -> Adversarial:
        """Return the game."""
        return R3GAN(generator, discriminator, prior, gamma)

    def fit(self, data: Data, steps: int, random_state: RandomStateLike = 0) -> None:
        super().fit(data, steps, random_state)
        if self.form.bits:  # how much noise to assume, on data that no figure is taken from
            flips = (0.01, 0.02, 0.05, 0.1, 0.2)
            self.flip = max(flips, key=lambda flip: float(self.judged(data.valid[:60], flip, 60, 2).mean()))

    def chosen(self) -> dict[str, float]:
        return {"flip": self.flip} if self.form.bits else {}

    def loss(self, x: Tensor) -> None:
        return None

    def log_likelihood(self, x: Tensor) -> Tensor | None:
        return self.judged(x, self.flip, 200, 4) if self.form.bits else None

    def judged(self, x: Tensor, flip: float, temperatures: int, chains: int) -> Tensor:
        """Return log-likelihoods [n] if each pixel of the generator's gray image is drawn and then may flip."""

        def given(z: Tensor) -> Tensor:
            gray = flip + (1 - 2 * flip) * self.game.generator(z.flatten(0, 1)).view(*z.shape[:2], -1)
            found: Tensor = (x * gray.log() + (1 - x) * (1 - gray).log()).sum(-1)
            return found

        return decoder_log_likelihood(given, len(x), self.latent_dims[self.form.bits], temperatures, chains)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        x: Tensor = self.game.generator(self.game.prior.sample(n))
        return (x >= 0.5).float() if self.form.bits else x

    def sizes(self) -> tuple[int, int]:
        return count_parameters(self.game), count_parameters(self.game.generator)


class LikelihoodGAN(GAN):
    """The same with the loss :class:`~gan_ext.losses.LikelihoodRatio`, and a tenth of the penalties."""

    gammas = (0.003, 0.1)

    def play(self, generator: nn.Module, discriminator: nn.Module, prior: Prior, gamma: float) -> Adversarial:
        return Adversarial(generator, discriminator, prior, LikelihoodRatio(), (R1(gamma), R2(gamma)))
