"""Explicit density models: autoregressive, flow, variational autoencoder, Boltzmann machine."""

import copy
import math
from typing import ClassVar

import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from gan_ext.data import ArrayStream
from gan_ext.games import MaximumLikelihood, RealBatch, VariationalAutoencoder
from gan_ext.metrics import BoltzmannMachine, annealed_partition, exact_partition
from gan_ext.nets import MADE, BernoulliObservation, GaussianObservation, plain_generator
from gan_ext.seeds import RandomStateLike, as_seed
from gan_ext.taxonomy.model import CELL_AREA, LEVELS, Chain, Data, Model, cells, count_parameters, within

__all__ = ["Autoregressive", "Boltzmann", "Flow", "Variational"]

_SQUEEZE = 0.02  # keeps gray values off the ends of the logit
_LOOKS = 10  # how often a fit looks at held-out data
_BITS = 6  # of a coordinate's 64 levels


class Autoregressive(Model):
    """Autoregressive model (MADE): each bit, or level of a coordinate, given those before it; even within a cell.

    References: MADE (Germain et al., 2015), https://arxiv.org/abs/1502.03509; see :class:`~gan_ext.nets.MADE`
    """

    rates, kinds = (770, 430), ("exact", "exact")

    def build(self) -> None:
        self.net = MADE((self.form.size,), (self.width, self.width), 2 if self.form.bits else LEVELS)
        self.game = MaximumLikelihood(self.net, lambda batch: self.log_likelihood(batch.x))

    def log_likelihood(self, x: Tensor) -> Tensor:
        found: Tensor = self.net(x) if self.form.bits else self.net(cells(x) / (LEVELS - 1)) - CELL_AREA
        return found

    def sample(self, n: int) -> Tensor:
        x = self.net.sample(n)
        return x if self.form.bits else within((x * (LEVELS - 1)).round())

    def passes(self) -> int:
        return self.form.size


class Flow(Model):
    r"""Normalizing flow: an invertible net from Gaussian latents (nonlinear ICA); needs zuko.

    .. math:: \log p(x) = \log N(f(x); 0, I) + \log |\det \partial f / \partial x|

    Bits are spread evenly over gray values first, :math:`P(x) = E_u[p(x + u)]` with u uniform, of which one draw gives
    a lower bound of the logarithm, and 200 an estimate that is on average a tighter one.

    References: Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032, in couplings;
    dequantization: A note on the evaluation of generative models (Theis et al., 2016), https://arxiv.org/abs/1511.01844

    Raises:
        ImportError: zuko is not installed.
    """

    rates, kinds, learning = (113, 52), ("exact", "importance"), (1e-3, 3e-3)
    transforms: ClassVar[tuple[int, int]] = (4, 2)

    def build(self) -> None:
        hidden = (self.width,) if self.form.bits else (self.width, self.width)
        try:
            import zuko
        except ImportError as error:
            raise ImportError("Flow needs zuko, the extra `taxonomy`: pip install 'gan_ext[taxonomy]'.") from error

        self.net = zuko.flows.NSF(
            self.form.size, transforms=self.transforms[self.form.bits], passes=2, hidden_features=hidden,
            bins=4 if self.form.bits else 8,
        )  # fmt: skip
        self.game = MaximumLikelihood(self.net, lambda batch: self.one_draw(batch.x))

    def one_draw(self, x: Tensor) -> Tensor:
        """Return log p(x + noise) for bits, on average a lower bound of log p(x); the density of points."""
        if not self.form.bits:
            points: Tensor = self.net().log_prob(2 * x) + 2 * math.log(2)
            return points
        gray = _SQUEEZE + (1 - 2 * _SQUEEZE) * (x + torch.rand_like(x)) / 2
        slopes = math.log(0.5 - _SQUEEZE) - gray.log() - (1 - gray).log()
        found: Tensor = self.net().log_prob(gray.logit()) + slopes.sum(1)
        return found

    @torch.no_grad()
    def log_likelihood(self, x: Tensor) -> Tensor:
        if not self.form.bits:
            return self.one_draw(x)
        return torch.stack([self.one_draw(x) for _ in range(200)]).logsumexp(0) - math.log(200)

    @torch.no_grad()
    def loss(self, x: Tensor) -> float:
        return -float(torch.stack([self.one_draw(x) for _ in range(5)]).mean())

    def bound(self, x: Tensor) -> float | None:
        return -self.loss(x) if self.form.bits else None

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        drawn: Tensor = self.net().sample((n,))
        return (drawn > 0).float() if self.form.bits else drawn / 2

    def passes(self) -> int:
        return 2 * self.transforms[self.form.bits]


class Variational(Model):
    """Variational autoencoder; see :class:`~gan_ext.games.VariationalAutoencoder`."""

    rates, kinds = (670, 515), ("importance", "importance")
    latent_dims: ClassVar[tuple[int, int]] = (2, 16)
    game: VariationalAutoencoder

    def build(self) -> None:
        latent, widths = self.latent_dims[self.form.bits], (self.width, self.width)
        observation = BernoulliObservation() if self.form.bits else GaussianObservation(0.1)
        encoder = plain_generator((2 * latent,), self.form.size, widths)
        self.game = VariationalAutoencoder(
            encoder, plain_generator((self.form.size,), latent, widths), observation, latent
        )

    def log_likelihood(self, x: Tensor) -> Tensor:
        return torch.cat([self.game.log_likelihood(part, 500) for part in x.split(100)])

    @torch.no_grad()
    def loss(self, x: Tensor) -> float:
        return -float(self.game.log_weights(x, 10).mean())

    def bound(self, x: Tensor) -> float:
        return -self.loss(x)

    def sample(self, n: int) -> Tensor:
        return self.game.sample(n)

    def sizes(self) -> tuple[int, int]:
        return count_parameters(self.game), count_parameters(self.game.decoder)


class Boltzmann(Chain):
    """Restricted Boltzmann machine of scikit-learn; points are told to it as bits of their cells, in Gray's code.

    Neighboring cells differ in one bit.  Its constant is summed exactly for points and annealed for bits.

    References: Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient (Tieleman, 2008),
    https://doi.org/10.1145/1390156.1390290 (persistent contrastive divergence)
    """

    rates, kinds, learning = (264, 220), ("exact", "annealed"), (0.05, 0.05)

    def build(self) -> None:
        self.units = self.form.size if self.form.bits else 2 * _BITS
        self.start(0)
        self.machine.partial_fit(np.zeros((self.batch, self.units)))  # makes its weights

    def start(self, seed: int) -> None:
        """Begin anew."""
        self.machine = BernoulliRBM(
            self.width, learning_rate=self.learning[self.form.bits], batch_size=self.batch, random_state=seed
        )

    def sizes(self) -> tuple[int, int]:
        size = (self.width + 1) * (self.units + 1) - 1
        return size, size

    def fit(self, data: Data, steps: int, random_state: RandomStateLike = 0) -> None:
        seed = as_seed(random_state)
        stream, best = ArrayStream(RealBatch(self.coded(data.train)), self.batch, seed), self.machine
        self.start(seed)
        for step in range(steps):
            self.machine.learning_rate = self.learning[self.form.bits] * max(0.02, 1 - step / steps)
            self.machine.partial_fit(stream[step].x.numpy())
            if (step + 1) % max(1, steps // _LOOKS) == 0 and self._is_best(self.loss(data.valid)):
                best = copy.deepcopy(self.machine)
        self.machine = best

    def loss(self, x: Tensor) -> float:
        return -float(self.judged(x, 200, 50).mean())

    def log_likelihood(self, x: Tensor) -> Tensor:
        return self.judged(x, 3000, 200)

    def judged(self, x: Tensor, temperatures: int, chains: int) -> Tensor:
        """Return log-likelihoods [n], with the constant by the sum over all cells, or annealed for images."""
        v = self.coded(x)
        arrays = self.machine.components_, self.machine.intercept_visible_, self.machine.intercept_hidden_
        machine = BoltzmannMachine(*(torch.tensor(array, dtype=torch.float32) for array in arrays))
        if not self.form.bits:
            return machine.log_weight(v) - exact_partition(machine) - CELL_AREA
        base = v.mean(0).clamp(0.02, 0.98).logit()
        return machine.log_weight(v) - annealed_partition(machine, base, temperatures, chains).log_z

    def coded(self, x: Tensor) -> Tensor:
        """Return bits: neighboring cells differ in one."""
        if self.form.bits:
            return x
        cell = cells(x)
        return ((cell ^ (cell >> 1))[..., None] >> torch.arange(_BITS) & 1).flatten(1).float()

    def shown(self, state: Tensor) -> Tensor:
        if self.form.bits:
            return state
        cell = (state.view(-1, 2, _BITS).long() << torch.arange(_BITS)).sum(-1)
        for shift in (1, 2, 4):
            cell = cell ^ (cell >> shift)
        return within(cell)

    def first(self, n: int) -> Tensor:
        return torch.rand(n, self.units).round()

    def move(self, state: Tensor) -> Tensor:
        return torch.from_numpy(self.machine.gibbs(state.numpy())).float()
