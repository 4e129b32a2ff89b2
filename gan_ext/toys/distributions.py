"""Toy distributions: rings, grids and spirals of Gaussians in the plane, on which generators lose modes."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.data import ArrayStream
from gan_ext.games import RealBatch
from gan_ext.seeds import RandomStateLike, as_seed, mix

__all__ = ["GaussianGrid", "GaussianRing", "PlanarMixture", "Spiral"]

_TABLE = 4096  # places at which the length of the spiral is known; between them the error is below 1e-6


@checked
class PlanarMixture(ABC):
    """Points in the plane from equally likely modes, with Gaussian noise of one standard deviation.

    ``mode_scores(mixture.modes, mixture.std, samples)`` of :mod:`gan_ext.metrics` scores samples.

    Args:
        modes: means of the modes [K, 2].
        std: standard deviation of the noise, in units of the plane, > 0.

    Raises:
        ValueError: `std` is not positive.
    """

    def __init__(self, modes: Tensor, std: float) -> None:
        if not std > 0:
            raise ValueError(f"std={std!r} must be positive.")
        self.modes, self.std = modes.float(), std

    def sample(self, n: int, random_state: RandomStateLike = 0) -> Tensor:
        """Return n independent points, float32 [n, 2]; the same integer gives the same points.

        Raises:
            ValueError: n is below 1.
        """
        if n < 1:
            raise ValueError(f"n={n!r} must be at least 1.")
        generator = torch.Generator().manual_seed(mix(as_seed(random_state)))
        return self._places(n, generator) + self.std * torch.randn(n, 2, generator=generator)

    @abstractmethod
    def _places(self, n: int, generator: torch.Generator) -> Tensor:
        """Return points without noise [n, 2]."""

    def stream(self, batch_size: int, n: int = 100_000, random_state: RandomStateLike = 0) -> ArrayStream[RealBatch]:
        """Return shuffled batches of n points that are drawn once.

        Args:
            batch_size: points of a batch over all ranks.
            n: how many different points there are; the published figures have 100 000.
            random_state: decides points and order.

        Raises:
            ValueError: a number below 1.
        """
        seed = as_seed(random_state)
        return ArrayStream(RealBatch(self.sample(n, mix(seed, 1))), batch_size, mix(seed, 2))


class _Gaussians(PlanarMixture):
    def _places(self, n: int, generator: torch.Generator) -> Tensor:
        return self.modes[torch.randint(len(self.modes), (n,), generator=generator)]

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return the density's logarithm at points [n, 2], [n] in nats per unit area.

        .. math:: \log p(x) = \log \frac1K \sum_k N(x; m_k, \sigma^2 I)
        """
        squares = (x[:, None].double() - self.modes.to(x.device).double()).square().sum(-1)
        whole = math.log(len(self.modes) * 2 * math.pi * self.std**2)
        return (squares / (-2 * self.std**2)).logsumexp(1) - whole


@checked
class GaussianRing(_Gaussians):
    r"""Gaussians evenly spaced on a circle.

    .. math:: m_k = r (\cos(2\pi k / K), \sin(2\pi k / K)), \qquad k = 0 \dots K - 1

    The published forms: 8 modes of radius 1 and deviation .01 (VEEGAN, PacGAN); 8 of radius 2 and deviation .02
    (Unrolled GAN's paper).  The Unrolled GAN authors' demonstration draws both ends of the circle, so that its eight
    Gaussians are seven places, one of them twice as likely.

    References: Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163; VEEGAN
    (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761

    Args:
        modes: K >= 1.
        radius: r > 0, in units of the plane.
        std: standard deviation of each Gaussian, in the same units.

    Raises:
        ValueError: an argument that is not positive.
    """

    def __init__(self, modes: int = 8, radius: float = 1.0, std: float = 0.01) -> None:
        if modes < 1 or not radius > 0:
            raise ValueError(f"GaussianRing needs modes >= 1 and radius > 0, got modes={modes!r}, radius={radius!r}.")
        angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
        super().__init__(radius * torch.stack([angles.cos(), angles.sin()], 1), std)


@checked
class GaussianGrid(_Gaussians):
    r"""Gaussians on a square grid around 0: with the defaults 25 on :math:`\{-4, -2, 0, 2, 4\}^2`.

    .. math:: m_{ij} = s\,(i - \tfrac{S - 1}{2},\; j - \tfrac{S - 1}{2}), \qquad i, j = 0 \dots S - 1

    References: VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761; PacGAN (Lin et al., 2018),
    https://arxiv.org/abs/1712.04086

    Args:
        side: S >= 1, so that there are S x S modes.
        spacing: s > 0, in units of the plane.
        std: standard deviation of each Gaussian, in the same units.

    Raises:
        ValueError: an argument that is not positive.
    """

    def __init__(self, side: int = 5, spacing: float = 2.0, std: float = 0.05) -> None:
        if side < 1 or not spacing > 0:
            raise ValueError(f"GaussianGrid needs side >= 1 and spacing > 0, got side={side!r}, spacing={spacing!r}.")
        line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
        super().__init__(torch.cartesian_prod(line, line).reshape(-1, 2), std)


@checked
class Spiral(PlanarMixture):
    r"""Points spread evenly along an Archimedean spiral, with Gaussian noise: one manifold instead of islands.

    .. math:: x = \frac{r\varphi}{2\pi T} (\cos\varphi, \sin\varphi) + \sigma \epsilon, \qquad
              \varphi \in [0, 2\pi T] \text{ uniform in arc length}

    For the mode score the spiral is cut into equal arcs, and `modes` are the middles of the arcs.  With the defaults
    half an arc is 1.1 standard deviations long, and 99.6 % of real samples are within 3 of a middle.

    Args:
        turns: T > 0.
        radius: r > 0, where the spiral ends, in units of the plane.
        std: :math:`\sigma`, in the same units.
        modes: number of arcs.

    Raises:
        ValueError: an argument that is not positive.
    """

    def __init__(self, turns: float = 2.0, radius: float = 1.0, std: float = 0.03, modes: int = 100) -> None:
        if not (turns > 0 and radius > 0 and modes >= 1):
            raise ValueError(
                f"Spiral needs turns > 0, radius > 0 and modes >= 1, got turns={turns!r}, radius={radius!r}, "
                f"modes={modes!r}."
            )
        self.turns, self.radius = turns, radius
        angles = torch.linspace(0, 2 * math.pi * turns, _TABLE, dtype=torch.float64)
        lengths = angles * (1 + angles.square()).sqrt() + angles.asinh()
        self._angles, self._lengths = angles, lengths / lengths[-1]
        middles = (torch.arange(modes, dtype=torch.float64) + 0.5) / modes
        super().__init__(self.at(middles), std)

    @property
    def length(self) -> float:
        """Length of the whole spiral, in units of the plane."""
        angle = 2 * math.pi * self.turns
        return self.radius / angle / 2 * (angle * math.sqrt(1 + angle**2) + math.asinh(angle))

    def at(self, shares: Tensor) -> Tensor:
        """Return the points [n, 2] at shares [n] of the spiral's length, from the middle (0) to its end (1)."""
        after = torch.searchsorted(self._lengths, shares.double()).clamp(1, _TABLE - 1)
        low, high = self._lengths[after - 1], self._lengths[after]
        place = (shares.double() - low) / (high - low)
        angle = torch.lerp(self._angles[after - 1], self._angles[after], place)
        radius = self.radius * angle / (2 * math.pi * self.turns)
        return radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)

    def _places(self, n: int, generator: torch.Generator) -> Tensor:
        return self.at(torch.rand(n, generator=generator, dtype=torch.float64)).float()
