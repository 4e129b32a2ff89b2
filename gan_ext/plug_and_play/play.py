"""Plug and play: a generator that is fixed, and a condition that is plugged in."""

import copy
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.engine import Compute, resolve_device
from gan_ext.games import FeatureInversion
from gan_ext.plug_and_play.conditions import Condition
from gan_ext.plug_and_play.frozen import frozen
from gan_ext.plug_and_play.priors import ChainPrior
from gan_ext.plug_and_play.samplers import Langevin, Sampler
from gan_ext.plug_and_play.target import Position, Target
from gan_ext.seeds import RandomStateLike, as_seed, kept_generators, mix, reseed

__all__ = ["ChainState", "Chains", "PlugAndPlay"]

_ROWS = 1024  # codes whose data is made at a time


class ChainState(NamedTuple):
    """What a callback of :meth:`PlugAndPlay.sample` is shown after a step."""

    step: int  # steps done
    steps: int  # of how many
    position: Position
    accepted: float  # mean share of accepted proposals in this step; 1 without a test


class Chains(NamedTuple):
    r"""What chains have found.

    Attributes:
        data: G(h) at the end [n, ...], on the CPU.
        codes: h at the end [n, ...].
        log_condition: :math:`\log p(y \mid G(h))` at the end [n], in nats.
        accepted: mean share of proposals that were accepted after adaptation; 1 without a test.
        size: the step size at the end.
        trace: codes after every `trace_every` steps [T, n, ...]; None unless asked for.
        course: the mean log-probability of the condition after each step [steps].
    """

    data: Tensor
    codes: Tensor
    log_condition: Tensor
    accepted: float
    size: float
    trace: Tensor | None
    course: Tensor


@checked
class PlugAndPlay:
    r"""Chains of codes that look for data which a condition likes and a prior finds likely.

    .. math:: p(h \mid y) \propto p(h) \, p(y \mid G(h))

    All chains move at once, each in a row of one batch.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005

    Args:
        generator: G, from codes [n, ...] to data [n, ...]; a trained :class:`~gan_ext.games.FeatureInversion` stands
            for its generator.  It is copied, and does not learn.
        condition: what data should be like; None follows the prior alone.
        prior: of codes.
        sampler: how chains move; ``Langevin()`` by default.
        compute: device and precision; bfloat16 is several times faster on processors with matrix instructions, and
            enough unless a Metropolis test hangs on small differences.

    Raises:
        ValueError: arguments of the wrong kind.
    """

    def __init__(
        self,
        generator: nn.Module,
        condition: Condition | None,
        prior: ChainPrior,
        sampler: Sampler | None = None,
        *,
        compute: Compute | None = None,
    ) -> None:
        sampler = Langevin() if sampler is None else sampler
        _check(generator, condition, prior, sampler)
        self.compute = Compute() if compute is None else compute
        self.device = resolve_device(self.compute.device)
        net = generator.generator if isinstance(generator, FeatureInversion) else generator
        net = frozen(net).to(self.device)
        self.target = Target(net, prior.to(self.device), None if condition is None else condition.to(self.device))
        self.sampler = sampler

    def sample(
        self,
        n_samples: int = 1,
        *,
        steps: int = 200,
        start: Tensor | None = None,
        trace_every: int = 0,
        callbacks: Sequence[Callable[[ChainState], None]] = (),
        random_state: RandomStateLike = None,
    ) -> Chains:
        """Run n chains at once and return where they end.

        Args:
            n_samples: n, how many chains.
            steps: steps of each.
            start: codes [n, ...] to start from; drawn by the prior if not given.
            trace_every: steps between the codes that are kept in `trace`; 0 keeps none.
            callbacks: functions of a :class:`ChainState`, called after each step.
            random_state: decides starts and noise; with an integer s, step t draws from (s, t), so that chains can be
                repeated.

        Raises:
            ValueError: numbers below their least, starts or conditions for another number of chains, or steps so large
                that chains run away.
        """
        n, seed = n_samples, as_seed(random_state)
        self._check_run(n, steps, start, trace_every)
        with kept_generators(self.device), self.compute.autocast(self.device):
            position = self._first(n, start, seed)
            size = torch.tensor(self.sampler.first_size(), device=self.device)
            course, trace, accepted = [], [], []
            for done in range(steps):
                reseed(self.device, mix(seed, 17), done)
                position, taken, size = self.sampler.step(self.target, position, size, done, steps)
                course.append(position.log_condition.mean())
                accepted.append(taken.mean())
                if trace_every and (done + 1) % trace_every == 0:
                    trace.append(position.codes)
                for callback in callbacks:
                    callback(ChainState(done + 1, steps, position, float(accepted[-1])))
        lost = int((~position.codes.isfinite()).flatten(1).any(1).sum())
        if lost:
            raise ValueError(
                f"{lost} of {n} chains ran away: their codes are not finite. Take a smaller step than size="
                f"{self.sampler.first_size():g}, a Metropolis test, or steps of one length (OfficialSampler)."
            )
        late = torch.stack(accepted)[steps // 2 :]
        kept = torch.stack(trace).cpu() if trace else None
        ends = (position.data.cpu(), position.codes.cpu(), position.log_condition.cpu())
        return Chains(*ends, float(late.mean()), float(size), kept, torch.stack(course).cpu())

    def uncooled(self) -> "PlugAndPlay":
        """Return the same chains with a sampler whose law stays the same to the end (:meth:`Sampler.uncooled`)."""
        chains = copy.copy(self)
        chains.sampler = self.sampler.uncooled()
        return chains

    @torch.no_grad()
    def generate(self, codes: Tensor) -> Tensor:
        """Return the data G(h) [n, ...] of codes [n, ...], such as those of a trace, in float32 on the CPU."""
        return torch.cat([self.target.generator(part.to(self.device)).cpu() for part in codes.split(_ROWS)])

    def _first(self, n: int, start: Tensor | None, seed: int) -> Position:
        reseed(self.device, mix(seed, 16))
        codes = self.target.prior.start(n) if start is None else start
        position = self.target.at(codes.to(self.device, torch.float32), self.sampler.target_only)
        if bool(position.log_condition.isnan().any() | position.codes.isnan().any()):
            raise ValueError(
                "The condition or the codes are NaN before the first step: look for NaN in what was given."
            )
        return position

    def _check_run(self, n: int, steps: int, start: Tensor | None, trace_every: int) -> None:
        for name, value, least in (("n_samples", n, 1), ("steps", steps, 1), ("trace_every", trace_every, 0)):
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name}={value!r} must be a whole number, at least {least}.")
        if start is not None and not isinstance(start, Tensor):
            raise ValueError(f"start is {type(start).__name__}; pass a tensor of codes.")
        if start is not None and tuple(start.shape) != (n, *self.target.prior.shape):
            raise ValueError(
                f"start has shape {tuple(start.shape)}, but n_samples={n} chains need {(n, *self.target.prior.shape)}."
            )
        condition = self.target.condition
        if condition is not None and condition.chains not in (None, n):
            raise ValueError(
                f"n_samples={n} chains, but the condition speaks about {condition.chains}; ask for as many."
            )


def _check(generator: object, condition: object, prior: object, sampler: object) -> None:
    if not isinstance(generator, nn.Module):
        raise ValueError(f"generator={generator!r} must be a module from codes to data.")
    if condition is not None and not isinstance(condition, Condition):
        raise ValueError(f"condition={condition!r} must be a condition, such as ClassCondition(net, 3), or None.")
    if not isinstance(prior, ChainPrior):
        raise ValueError(f"prior={prior!r} must be a prior of chains, such as JointPrior.of(game, latent_dim, sigma).")
    if not isinstance(sampler, Sampler):
        raise ValueError(f"sampler={sampler!r} must be a sampler, such as OfficialSampler() or Langevin(0.01).")
