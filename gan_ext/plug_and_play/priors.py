"""Priors of chains: how probable a code is, or which way it becomes more probable."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.games import FeatureInversion
from gan_ext.latents import Prior
from gan_ext.plug_and_play.checks import is_number
from gan_ext.plug_and_play.frozen import frozen

__all__ = ["ChainPrior", "DenoisingPrior", "DiscriminatorDriven", "FlatPrior", "JointPrior", "LatentPrior"]


@checked
class ChainPrior(ABC):
    r"""What a chain believes of its state h before any condition.

    Networks are copied, frozen, and put into evaluation mode.

    Args:
        shape: of one state; a whole number for a vector.

    Attributes:
        sigma: :math:`\sigma`: `score` times its square is the pull :math:`R(h) - h` of the published step.
    """

    sigma: float = 1.0

    def __init__(self, shape: int | Sequence[int]) -> None:
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)

    @abstractmethod
    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        r"""Return :math:`\nabla_h \log p(h)`, of the shape of the codes [n, ...], given also the data G(h)."""

    def log_prob(self, codes: Tensor, data: Tensor) -> Tensor | None:
        """Return the log-density [n] up to a constant, or None where only its slope is known."""
        return None

    def start(self, n: int) -> Tensor:
        """Draw states [n, ...] for chains to start from: standard normal numbers, as published."""
        return torch.randn(n, *self.shape)

    def to(self, device: torch.device) -> "ChainPrior":
        """Move the prior's networks to a device, in place."""
        for name, value in vars(self).items():
            if isinstance(value, nn.Module):
                setattr(self, name, value.to(device))
        return self


class FlatPrior(ChainPrior):
    """Every code is as good as another: the prior of DGN-AM, which the published sampler clips to a box.

    References: Synthesizing the preferred inputs for neurons in neural networks via deep generator networks (Nguyen et
    al., 2016), https://arxiv.org/abs/1605.09304
    """

    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        return torch.zeros_like(codes)

    def log_prob(self, codes: Tensor, data: Tensor) -> Tensor:
        return codes.new_zeros(len(codes))


@checked
class DenoisingPrior(ChainPrior):
    r"""The slope that a denoising autoencoder has learned: the prior of PPGN-x (on data) and PPGN-h (on codes).

    .. math:: \nabla_h \log p(h) \approx \frac{R(h) - h}{\sigma^2}

    References: Alain and Bengio (2014), https://arxiv.org/abs/1211.4246; Plug & Play Generative Networks (Nguyen et
    al., 2017), https://arxiv.org/abs/1612.00005

    Args:
        reconstruct: R, from codes [n, ...] to codes.
        shape: of one code.
        sigma: :math:`\sigma`, the noise that R takes away, in units of the codes.

    Raises:
        ValueError: a sigma that is not positive.
    """

    def __init__(self, reconstruct: Callable[[Tensor], Tensor], shape: int | Sequence[int], sigma: float) -> None:
        super().__init__(shape)
        if not is_number(sigma, 0, open_low=True):
            raise ValueError(f"sigma={sigma!r} must be positive: the deviation of the noise that is taken away.")
        self.reconstruct, self.sigma = frozen(reconstruct), sigma

    @torch.no_grad()
    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        return (self.reconstruct(codes).float() - codes) / self.sigma**2


@checked
class JointPrior(ChainPrior):
    r"""The way a code goes through its image: the prior of joint and noiseless joint PPGN-h.

    .. math:: \nabla_h \log p(h) \approx \frac{E(G(h)) - h}{\sigma^2}

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005

    Args:
        encoder: E, from data to codes [n, d].
        latent_dim: d.
        sigma: :math:`\sigma`, in units of the codes: how far from R(h) a code may be.
    """

    def __init__(self, encoder: Callable[[Tensor], Tensor], latent_dim: int, sigma: float) -> None:
        super().__init__(latent_dim)
        if not is_number(sigma, 0, open_low=True):
            raise ValueError(f"sigma={sigma!r} must be positive: how far a code may be from E(G(h)).")
        self.encoder, self.sigma = frozen(encoder), sigma

    @classmethod
    def of(cls, game: FeatureInversion, latent_dim: int, sigma: float) -> "JointPrior":
        """Return the prior of a trained :class:`~gan_ext.games.FeatureInversion`, with a copy of its encoder."""
        return cls(nn.Sequential(game.lower, game.upper), latent_dim, sigma)

    @torch.no_grad()
    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        return (self.encoder(data).float() - codes) / self.sigma**2


@checked
class LatentPrior(ChainPrior):
    r"""The distribution that a generator's input was drawn from: log-density known, such as :math:`N(0, I)`.

    Args:
        prior: of the generator's input.
    """

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior.dim)
        self.prior = frozen(prior)

    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        with torch.enable_grad():
            codes = codes.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.prior.log_prob(codes).sum(), codes)
        return slope

    def log_prob(self, codes: Tensor, data: Tensor) -> Tensor:
        return self.prior.log_prob(codes)

    def start(self, n: int) -> Tensor:
        return self.prior.sample(n)


@checked
class DiscriminatorDriven(ChainPrior):
    r"""The prior of the generator's input, corrected by what the discriminator still sees: DDLS.

    .. math:: \log p(z) = \log p_0(z) + d(G(z)) - \log Z

    It is the law of latents under which generated data has the density of real data, if d is the discriminator's best
    answer.

    References: Your GAN is Secretly an Energy-based Model and You Should Use Discriminator Driven Latent Sampling (Che
    et al., 2020), https://arxiv.org/abs/2003.06060

    Args:
        prior: :math:`p_0`.
        generator: G.
        discriminator: d, from data to logits [n].
    """

    def __init__(self, prior: Prior, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__(prior.dim)
        self.prior, self.generator, self.discriminator = frozen(prior), frozen(generator), frozen(discriminator)

    def score(self, codes: Tensor, data: Tensor) -> Tensor:
        with torch.enable_grad():
            codes = codes.detach().requires_grad_()
            density = self.prior.log_prob(codes) + self.discriminator(self.generator(codes)).float()
            (slope,) = torch.autograd.grad(density.sum(), codes)
        return slope

    @torch.no_grad()
    def log_prob(self, codes: Tensor, data: Tensor) -> Tensor:
        density: Tensor = self.prior.log_prob(codes) + self.discriminator(data).float()
        return density

    def start(self, n: int) -> Tensor:
        return self.prior.sample(n)
