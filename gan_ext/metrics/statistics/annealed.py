"""Annealed importance sampling: log-likelihoods of models that state them only up to a constant, or not at all."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan_ext.seeds import RandomStateLike, as_seed, kept_generators, reseed, seeded

__all__ = ["BoltzmannMachine", "Partition", "annealed_partition", "decoder_log_likelihood", "exact_partition"]

_LARGEST = 24  # units of the smaller layer that are summed over exactly
_BLOCK = 1 << 12


class BoltzmannMachine(NamedTuple):
    r"""A restricted Boltzmann machine of bits, :math:`p(v, h) \propto \exp(b^T v + c^T h + h^T W v)`."""

    weights: Tensor
    """W [H, V]."""
    visible: Tensor
    """b [V]."""
    hidden: Tensor
    """c [H]."""

    def log_weight(self, v: Tensor) -> Tensor:
        r"""Return :math:`\log \sum_h e^{b^T v + c^T h + h^T W v}` [...] of visible units [..., V], in nats."""
        return v @ self.visible + softplus(v @ self.weights.T + self.hidden).sum(-1)


class Partition(NamedTuple):
    """The logarithm of a partition function, nats."""

    log_z: float
    """The estimate."""
    low: float
    """Three standard errors of Z below; minus infinity if that is no positive number."""
    high: float
    """Three standard errors of Z above."""


def exact_partition(machine: BoltzmannMachine) -> float:
    r"""Return log Z, the sum over all states of the smaller layer.

    .. math:: Z = \sum_v e^{b^T v} \prod_j (1 + e^{c_j + W_j v})

    Args:
        machine: with at most 24 units in one of its layers; 20 take a second.

    Raises:
        ValueError: both layers are larger, or shapes do not fit.
    """
    _check(machine)
    w, b, c = (each.double() for each in machine)
    if len(c) < len(b):
        w, b, c = w.T, c, b
    if len(b) > _LARGEST:
        raise ValueError(
            f"The smaller layer has {len(b)} units, 2^{len(b)} states; exact_partition sums over 2^{_LARGEST} at most: "
            "use annealed_partition."
        )
    side, total = BoltzmannMachine(w, b, c), torch.tensor(-math.inf, dtype=torch.float64, device=b.device)
    places = torch.arange(len(b), device=b.device)
    for numbers in torch.arange(2 ** len(b), device=b.device).split(_BLOCK):
        states = (numbers[:, None] >> places & 1).double()
        total = torch.logaddexp(total, side.log_weight(states).logsumexp(0))
    return float(total)


def annealed_partition(
    machine: BoltzmannMachine,
    base: Tensor | None = None,
    temperatures: int = 1000,
    chains: int = 100,
    random_state: RandomStateLike = 0,
) -> Partition:
    r"""Estimate log Z by annealed importance sampling from a machine without weights.

    .. math::
        \log f_\beta(v) &= (1 - \beta)\, a^T v + \beta\, b^T v + \sum_j \operatorname{softplus}(\beta (W_j v + c_j)) \\
        \log \hat Z &= \log Z_0 + \log \frac1C \sum_{i=1}^{C}
            \prod_k \frac{f_{\beta_{k+1}}(v_{ik})}{f_{\beta_k}(v_{ik})}

    with one Gibbs step at each :math:`\beta_k`.  :math:`\hat Z` has no bias, so that :math:`\log \hat Z` is too low on
    average, and log-likelihoods :math:`\log f_1(v) - \log \hat Z` are too high; few temperatures flatter a model.

    References: On the Quantitative Analysis of Deep Belief Networks (Salakhutdinov and Murray, 2008), section 4,
    https://doi.org/10.1145/1390156.1390266; Annealed Importance Sampling (Neal, 2001),
    https://arxiv.org/abs/physics/9803008

    Args:
        machine: the machine, in nats.
        base: a [V], logits of the visible units at the start; 0 if None, those of the data's means are best.
        temperatures: K, evenly spaced.
        chains: C.
        random_state: of the draws; the caller's random state is kept.

    Raises:
        ValueError: a number below its least, or shapes that do not fit.
    """
    _check(machine)
    _check_numbers(temperatures=temperatures, chains=chains)
    w, b, c = machine
    a = torch.zeros_like(b) if base is None else base.to(b)
    log_weights = torch.zeros(chains, dtype=torch.float64, device=b.device)
    betas = torch.linspace(0, 1, temperatures + 1).tolist()
    with torch.no_grad(), kept_generators(b.device):
        reseed(b.device, as_seed(random_state))
        v = torch.bernoulli(a.sigmoid().expand(chains, -1))
        for before, after in zip(betas[:-1], betas[1:], strict=True):
            fields, linear = v @ w.T + c, v @ (b - a)
            change = softplus(after * fields).sum(1) - softplus(before * fields).sum(1) + (after - before) * linear
            log_weights += change.double()
            h = torch.bernoulli((after * fields).sigmoid())
            v = torch.bernoulli(((1 - after) * a + after * (b + h @ w)).sigmoid())
    first = float(softplus(a.double()).sum()) + len(c) * math.log(2)
    return _partition(log_weights, first)


def decoder_log_likelihood(
    log_likelihood: Callable[[Tensor], Tensor],
    n: int,
    latent_dim: int,
    temperatures: int = 200,
    chains: int = 8,
    leapfrog: int = 5,
    random_state: RandomStateLike = 0,
    device: torch.device | str = "cpu",
) -> Tensor:
    r"""Estimate :math:`\log \int N(z; 0, I)\, p(x \mid z)\, dz` of samples by annealed importance sampling.

    .. math:: f_\beta(z) = N(z; 0, I)\, p(x \mid z)^\beta

    from the prior to the posterior, with one step of Hamiltonian Monte Carlo at each :math:`\beta`, of which the step
    size is adapted for each sample to 65 % acceptance.  On average the estimate is a lower bound.  A decoder without an
    observation model, such as a GAN's generator, needs one that is assumed: the estimate is of generator and assumption
    together.

    References: On the Quantitative Analysis of Decoder-Based Generative Models (Wu et al., 2017),
    https://arxiv.org/abs/1611.04273; MCMC using Hamiltonian dynamics (Neal, 2011), https://arxiv.org/abs/1206.1901

    Args:
        log_likelihood: maps z [C, n, d] to log p(x_i | z_ci) [C, n], differentiable.
        n: samples.
        latent_dim: d.
        temperatures: number of steps of :math:`\beta`, which rises along a sigmoid.
        chains: C for each sample.
        leapfrog: gradients in a step.
        random_state: of the draws; the caller's random state is kept.
        device: where z is made.

    Returns:
        Estimates [n] in nats.

    Raises:
        ValueError: a number below 1, or likelihoods of draws of the prior that are not finite.
    """
    _check_numbers(temperatures=temperatures, chains=chains, leapfrog=leapfrog, n=n, latent_dim=latent_dim)
    device = torch.device(device)
    ramp = torch.linspace(-4, 4, temperatures + 1, dtype=torch.float64).sigmoid()
    betas = ((ramp - ramp[0]) / (ramp[-1] - ramp[0])).tolist()
    with seeded(as_seed(random_state), device=device):
        z = torch.randn(chains, n, latent_dim, device=device)
        step = torch.full((n,), 0.1, device=device)
        with torch.no_grad():
            judged = log_likelihood(z)
        if not bool(torch.isfinite(judged).all()):
            raise ValueError("log_likelihood must return finite numbers for draws of the prior; some are not.")
        weights = torch.zeros(chains, n, dtype=torch.float64, device=device)
        for before, after in zip(betas[:-1], betas[1:], strict=True):
            weights += (after - before) * judged.double()
            z, judged, accepted = _hamiltonian(log_likelihood, z, judged, after, step[:, None], leapfrog)
            step = (step * torch.exp(0.1 * (accepted.mean(0) - 0.65))).clamp(1e-4, 1.0)
    return weights.logsumexp(0) - math.log(chains)


def _hamiltonian(
    log_likelihood: Callable[[Tensor], Tensor], z: Tensor, judged: Tensor, beta: float, step: Tensor, leapfrog: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return z after one step, its log-likelihood, and what was accepted [C, n]."""

    def slope(at: Tensor) -> tuple[Tensor, Tensor]:
        at = at.detach().requires_grad_()
        with torch.enable_grad():
            value = log_likelihood(at)
            (gradient,) = torch.autograd.grad(value.sum(), at)
        return value.detach(), beta * gradient - at.detach()

    start, momentum = z, torch.randn_like(z)
    energy = beta * judged - (start.square() + momentum.square()).sum(-1) / 2
    _, gradient = slope(z)
    for _ in range(leapfrog):
        momentum = momentum + step / 2 * gradient
        z = z + step * momentum
        value, gradient = slope(z)
        momentum = momentum + step / 2 * gradient
    gain = beta * value - (z.square() + momentum.square()).sum(-1) / 2 - energy
    accepted = torch.rand_like(gain).log() < gain
    return torch.where(accepted[..., None], z, start), torch.where(accepted, value, judged), accepted.float()


def _partition(log_weights: Tensor, first: float) -> Partition:
    chains = len(log_weights)
    top = log_weights.max()
    ratios = (log_weights - top).exp()
    mean, error = float(ratios.mean()), float(ratios.std() / math.sqrt(chains)) if chains > 1 else math.inf
    shift = first + float(top)
    low = shift + math.log(mean - 3 * error) if mean > 3 * error else -math.inf
    return Partition(shift + math.log(mean), low, shift + math.log(mean + 3 * error))


def _check(machine: BoltzmannMachine) -> None:
    w, b, c = machine
    if w.dim() != 2 or b.shape != w.shape[1:] or c.shape != w.shape[:1]:
        raise ValueError(
            f"A machine needs weights [H, V], visible [V] and hidden [H], got {tuple(w.shape)}, {tuple(b.shape)} and "
            f"{tuple(c.shape)}."
        )
    for name, each in zip(machine._fields, machine, strict=True):
        if not bool(torch.isfinite(each).all()):
            raise ValueError(f"{name} of the machine must be finite numbers; some are NaN or infinite.")


def _check_numbers(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name}={value!r} must be at least 1.")
