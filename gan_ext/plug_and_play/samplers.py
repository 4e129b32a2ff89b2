"""Samplers: how a chain takes one step.

Every sampler follows the slopes of a :class:`Target`, the product of a prior and a condition.  The exact ones state the
law they leave as it is; the official one repeats what the authors' code does.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.plug_and_play.checks import is_number
from gan_ext.plug_and_play.target import Position, Target

__all__ = ["Langevin", "MetropolisLangevin", "OfficialSampler", "Sampler", "Step"]

Gradient = Literal["exact", "target_only"]


class Step(NamedTuple):
    """Where chains are after a step."""

    position: Position
    accepted: Tensor  # [n], share of the step that was taken: 1 without a test
    size: Tensor  # the step size, a scalar


class Sampler(ABC):
    """How chains move; a value with settings and no state."""

    gradient: Gradient

    @property
    def target_only(self) -> bool:
        """Whether slopes are those of the wanted class's logit alone."""
        return self.gradient == "target_only"

    @abstractmethod
    def first_size(self) -> float:
        """Return the step size to begin with."""

    def uncooled(self) -> "Sampler":
        """Return the sampler whose law stays the same to the end, as for measuring how fast chains mix."""
        return self

    @abstractmethod
    def step(self, target: Target, position: Position, size: Tensor, done: int, total: int) -> Step:
        """Move all chains once; `done` of `total` steps lie behind."""


@checked
@dataclass(frozen=True)
class OfficialSampler(Sampler):
    r"""The step of the authors' code: a sum of pulls, scaled to a fixed mean length.

    .. math::
        d &= \epsilon_1 (R(h) - h) + \epsilon_2 \nabla_h \log p(y \mid G(h)) + \epsilon_3 n, \\
        h &\leftarrow \mathrm{clip}\Big(h + \frac{\text{size}}{\overline{|d|}} \, d\Big)

    with the mean over a chain's numbers.  Only the ratios of the three weights count, so that this is not Langevin
    dynamics and states no law; with the published :math:`\epsilon_3` of 1e-17 chains are decided by their starts.  A
    chain whose step is exactly 0 rests.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005, and the
    authors' sampler

    Args:
        prior: :math:`\epsilon_1`; 1e-5 as published, 1e-3 makes samples more abstract, 1e-1 forgets the class.
        condition: :math:`\epsilon_2`.
        noise: :math:`\epsilon_3`.
        size: mean length of a step, in units of the codes.
        decay: whether the size falls to 0 in a straight line, as published for captions.
        low: lower end of every code, None for no clipping; 0 and 30 as published, for rectified codes.
        high: upper end.
        gradient: "target_only" as in the authors' code, or "exact", the slope of the condition's log-probability.
    """

    prior: float = 1e-5
    condition: float = 1.0
    noise: float = 1e-17
    size: float = 1.0
    decay: bool = False
    low: float | None = 0.0
    high: float | None = 30.0
    gradient: Gradient = "target_only"

    def __post_init__(self) -> None:
        _check_gradient(self.gradient)
        _check_weights(prior=self.prior, condition=self.condition, noise=self.noise)
        _check_size(self.size)
        _check_box(self.low, self.high)

    def first_size(self) -> float:
        return self.size

    def step(self, target: Target, position: Position, size: Tensor, done: int, total: int) -> Step:
        pull = position.prior_slope * target.prior.sigma**2
        noise = torch.randn_like(position.codes)
        way = self.prior * pull + self.condition * position.condition_slope + self.noise * noise
        length = way.abs().flatten(1).mean(1).clamp_min(torch.finfo(way.dtype).tiny)
        now = size * (1 - done / total if self.decay else 1.0)
        codes = position.codes + _per_chain(now / length, way) * way
        codes = _clipped(codes, self.low, self.high)
        return Step(target.at(codes, self.target_only), torch.ones_like(length), size)


@checked
@dataclass(frozen=True)
class Langevin(Sampler):
    r"""Langevin dynamics in discrete steps, without a test.

    .. math::
        h \leftarrow h + \tfrac{\epsilon}{2} \nabla_h \big(\alpha \log p(h) + \beta \log p(y \mid G(h))\big)
        + \sqrt{\epsilon \tau} \, n

    For small :math:`\epsilon` chains tend to the law :math:`(p(h)^\alpha p(y \mid G(h))^\beta)^{1 / \tau}`, normalized;
    the error grows with :math:`\epsilon`.

    References: Exponential convergence of Langevin distributions (Roberts and Tweedie, 1996)

    Args:
        size: :math:`\epsilon`, in squared units of the codes.
        prior: :math:`\alpha`.
        condition: :math:`\beta`.
        temperature: :math:`\tau`; 0 climbs without noise.
        cooling: share of the steps, at the end, in which the temperature falls to 0 in a straight line: noise in codes,
            which a generator shows as dirt, is taken away, and chains stay in different places.
        low: lower end of every code, None for no clipping (which disturbs the law).
        high: upper end.
        gradient: "exact", or "target_only" as in the authors' code of PPGN.
    """

    size: float = 0.01
    prior: float = 1.0
    condition: float = 1.0
    temperature: float = 1.0
    cooling: float = 0.0
    low: float | None = None
    high: float | None = None
    gradient: Gradient = "exact"

    def __post_init__(self) -> None:
        _check_gradient(self.gradient)
        _check_weights(prior=self.prior, condition=self.condition, temperature=self.temperature)
        if not is_number(self.cooling, 0, 1):
            raise ValueError(f"cooling={self.cooling!r} must be a share of the steps, in [0, 1].")
        _check_size(self.size)
        _check_box(self.low, self.high)

    def first_size(self) -> float:
        return self.size

    def uncooled(self) -> Sampler:
        return replace(self, cooling=0.0)

    def step(self, target: Target, position: Position, size: Tensor, done: int, total: int) -> Step:
        slope = self.prior * position.prior_slope + self.condition * position.condition_slope
        warmth = min(1.0, (total - 1 - done) / (self.cooling * total)) if self.cooling else 1.0
        noise = (size * self.temperature * warmth).sqrt() * torch.randn_like(slope)
        codes = _clipped(position.codes + size / 2 * slope + noise, self.low, self.high)
        return Step(target.at(codes, self.target_only), codes.new_ones(len(codes)), size)


@checked
@dataclass(frozen=True)
class MetropolisLangevin(Sampler):
    r"""Langevin proposals with a Metropolis test (MALA): the stated law is left exactly as it is.

    .. math::
        \alpha(h, h') = \min\Big(1, \frac{\pi(h') \, q(h \mid h')}{\pi(h) \, q(h' \mid h)}\Big), \qquad
        \log \pi(h) = a \log p(h) + b \log p(y \mid G(h))

    with q the step of :class:`Langevin`.  Where a prior knows its slope s alone, the difference of its log-densities is
    taken along the line between the two states by the trapezoidal rule,
    :math:`\log p(h') - \log p(h) \approx \tfrac12 (s(h) + s(h')) \cdot (h' - h)`: exact for Gaussian priors, and
    otherwise as good as the slope is a slope of anything.

    During the first `adapt` share of the steps the size follows the share of accepted proposals towards `accept`; the
    law holds for what comes after.

    References: Exponential convergence of Langevin distributions (Roberts and Tweedie, 1996); optimal acceptance of
    0.574 (Roberts and Rosenthal, 1998)

    Args:
        size: :math:`\epsilon` at the start, in squared units of the codes.
        prior: a.
        condition: b.
        adapt: share of the steps in which the size is adapted, in [0, 1].
        accept: the share of accepted proposals to reach.
        gradient: "exact"; "target_only" proposes along the official slope, which the test then corrects.
    """

    size: float = 0.01
    prior: float = 1.0
    condition: float = 1.0
    adapt: float = 0.5
    accept: float = 0.574
    gradient: Gradient = "exact"

    def __post_init__(self) -> None:
        _check_gradient(self.gradient)
        _check_weights(prior=self.prior, condition=self.condition)
        _check_size(self.size)
        if not is_number(self.adapt, 0, 1) or not is_number(self.accept, 0, 1) or self.accept in (0, 1):
            raise ValueError(f"adapt={self.adapt!r} must be a share in [0, 1] and accept={self.accept!r} in (0, 1).")

    def first_size(self) -> float:
        return self.size

    def step(self, target: Target, position: Position, size: Tensor, done: int, total: int) -> Step:
        ahead = self._mean(position, size)
        codes = ahead + size.sqrt() * torch.randn_like(ahead)
        proposed = target.at(codes, self.target_only)
        log_ratio = self._log_ratio(position, proposed)
        log_ratio = log_ratio + _log_density(position.codes, self._mean(proposed, size), size)
        log_ratio = log_ratio - _log_density(codes, ahead, size)
        chance = torch.nan_to_num(log_ratio, nan=-torch.inf).clamp(max=0).exp()
        taken = torch.rand_like(chance) < chance
        moved = _moved(taken, proposed, position)
        if done < self.adapt * total:
            size = size * torch.exp((chance.mean() - self.accept) / (done + 1) ** 0.5)
        return Step(moved, chance, size)

    def _mean(self, position: Position, size: Tensor) -> Tensor:
        slope = self.prior * position.prior_slope + self.condition * position.condition_slope
        return position.codes + size / 2 * slope

    def _log_ratio(self, old: Position, new: Position) -> Tensor:
        """Return the difference [n] of the target's log-densities."""
        condition = self.condition * (new.log_condition - old.log_condition)
        if old.log_prior is not None and new.log_prior is not None:
            return condition + self.prior * (new.log_prior - old.log_prior)
        slopes = (old.prior_slope + new.prior_slope) / 2
        return condition + self.prior * (slopes * (new.codes - old.codes)).flatten(1).sum(1)


def _log_density(codes: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """Return the log-density [n] of a proposal, up to a constant."""
    return -(codes - mean).square().flatten(1).sum(1) / (2 * size)


def _per_chain(x: Tensor, like: Tensor) -> Tensor:
    return x.view(-1, *[1] * (like.ndim - 1))


def _moved(taken: Tensor, new: Position, old: Position) -> Position:
    """Return the new position of chains that take the step, and the old one of the others."""
    known = old.log_prior is not None and new.log_prior is not None
    return Position(
        _chosen(taken, new.codes, old.codes),
        _chosen(taken, new.data, old.data),
        _chosen(taken, new.log_condition, old.log_condition),
        _chosen(taken, new.condition_slope, old.condition_slope),
        _chosen(taken, new.prior_slope, old.prior_slope),
        _chosen(taken, new.log_prior, old.log_prior) if known else None,
    )


def _chosen(taken: Tensor, new: Any, old: Any) -> Tensor:
    return torch.where(_per_chain(taken, new), new, old)


def _clipped(codes: Tensor, low: float | None, high: float | None) -> Tensor:
    return codes if low is None and high is None else codes.clamp(low, high)


def _check_gradient(gradient: str) -> None:
    if gradient not in ("exact", "target_only"):
        raise ValueError(f"gradient={gradient!r} must be 'exact' or 'target_only'.")


def _check_weights(**weights: float) -> None:
    for name, weight in weights.items():
        if not is_number(weight, 0):
            raise ValueError(f"{name}={weight!r} must be at least 0.")


def _check_size(size: float) -> None:
    if not is_number(size, 0, open_low=True):
        raise ValueError(f"size={size!r} must be positive.")


def _check_box(low: float | None, high: float | None) -> None:
    for name, end in (("low", low), ("high", high)):
        if end is not None and not is_number(end):
            raise ValueError(f"{name}={end!r} must be a number, or None for no end.")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"low={low!r} must lie below high={high!r}.")
