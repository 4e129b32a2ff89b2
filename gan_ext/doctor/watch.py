"""Watch: a callback that records the vitals of a run: gradients, logits, coverage, spread, modes, near-copies."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.doctor.logged import PREFIX, code_entropies, losses_since
from gan_ext.doctor.probe import Features, Modes, Probe
from gan_ext.doctor.protocol import Logits, Samples, can_judge, can_sample, judge, make_samples
from gan_ext.doctor.rotation import rotation
from gan_ext.engine import Engine
from gan_ext.seeds import RandomStateLike, as_seed, mix, seeded
from gan_ext.sequences import evaluating

__all__ = ["Watch"]

_PATHS = 3  # directions along which the parameters of each player are recorded
_LEAST = 16  # real samples without which nothing can be said of generated ones


@checked
class Watch:
    r"""Record a run's vitals every so often, for :func:`~gan_ext.doctor.diagnose`.

    A callback of the engine; its records are in the engine's `history`, and so in its checkpoints::

        engine.fit(stream, steps, [Watch(every=50, real=x)])
        print(diagnose(engine))

    All names begin with ``watch/``.  Of every game:

    ======================== ==========================================================================================
    ``gradient/<player>``    norm of the gradient it stepped with last (after clipping)
    ``weight/<player>``      norm of its parameters
    ``path/<player>/<i>``    its parameters along fixed random directions of length 1
    ``loss/<player>/<name>`` mean loss and terms since the record before
    ``penalty/<name>``       mean penalty with its weight, of games with `penalties` or `r1`
    ``entropy/<code>``       entropy of a code in nats, of games with `codes`; its information is among the terms
    ``rotation``             :func:`~gan_ext.doctor.rotation` on `batch`: largest :math:`|\Im \lambda| / |\Re \lambda|`
    ``antisymmetric``        its share of the Jacobian that turns
    ======================== ==========================================================================================

    With `real` data also:

    ======================== ==========================================================================================
    ``real_logit``           mean logit of real data
    ``fake_logit``           mean logit of generated data
    ``logit_size``           root mean square of both
    ``ranked``               share of pairs of a real and a generated sample in which the real one has the larger logit
    ``density, coverage``    of generated samples (Naeem et al., 2020), 5 neighbors
    ``spread``               deviation of generated samples over that of real ones
    ``variety``              median distance to the nearest other generated sample, over that of real ones
    ``distance``             sliced Wasserstein distance, in deviations of real data along a direction
    ``mean/<i>``             mean of generated samples along fixed directions, less that of real ones, in deviations
    ``share/<k>, real/<k>``  shares of generated and of real samples in mode k, or in cell k of k-means
    ``nearness``             with `held_out`: median distance of generated samples to their nearest real one, over that
                             of held-out samples
    ``copies``               share of generated samples nearer to a real one than any other real one is to that
                             (``held_out_copies``: of held-out samples)
    ======================== ==========================================================================================

    What it draws changes neither the run's random numbers nor statistics of networks, which are in evaluation mode; a
    resumed run ends with the same bits and the same records.

    References: Improved Training of GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498, for watching what
    samples do; Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020),
    https://arxiv.org/abs/2002.09797; How Faithful is your Synthetic Data? (Alaa et al., 2022),
    https://arxiv.org/abs/2102.08921, for copies

    Args:
        every: steps between records, >= 1; the last step has one too.  A cycle is seen only if its period is at least
            four times as long.
        real: what the generator learns from [N, ...], in the units of the networks.  All of it is needed where copies
            are looked for.
        held_out: data [H, ...] of the same kind that it does not learn from; without it, copies are not looked for.
        n: real and generated samples that are compared, >= 16.
        cells: of k-means on the real data, when there are no `modes`, >= 2.
        modes: a function from samples to the numbers of their modes [n], integers from 0 (below 0: none).
        features: a function from samples to features [n, F] in which distances mean something, such as those of a
            classifier; the samples' own numbers if None.
        samples: a function of the game and n that returns n samples; by default what a game with a `generator` and a
            `prior` or a method ``draw(n)`` makes.
        logits: a function of the game and data that returns how real they seem; by default what its `discriminator`
            says (of K class logits, their log-sum-exp).
        batch: a batch on which the rotation of the game's vector field is measured; None leaves it out, as it takes
            second derivatives.
        random_state: of the probes; not that of the run.

    Raises:
        ValueError: a number out of its range, or data of different shapes; when called, a game that no default fits.
    """

    def __init__(
        self,
        every: int = 50,
        *,
        real: Tensor | None = None,
        held_out: Tensor | None = None,
        n: int = 512,
        cells: int = 10,
        modes: Modes | None = None,
        features: Features | None = None,
        samples: Samples | None = None,
        logits: Logits | None = None,
        batch: Any = None,
        random_state: RandomStateLike = 0,
    ) -> None:
        if every < 1 or n < _LEAST or cells < 2:
            raise ValueError(f"Watch needs every >= 1, n >= {_LEAST} and cells >= 2, got {every}, {n} and {cells}.")
        _check_data(real, held_out)
        self.every, self.n, self.cells, self._seed = every, n, cells, as_seed(random_state)
        self.real, self.held_out, self.batch = real, held_out, batch
        self.modes, self.features, self.samples, self.logits = modes, features, samples, logits
        self._probe: Probe | None = None
        self._directions: dict[str, list[Tensor]] = {}

    def __call__(self, engine: Engine) -> None:
        if engine.step % self.every == 0 or engine.step == engine.last_step:
            numbers = self.look(engine)
            engine.record(**{f"{PREFIX}{name}": number for name, number in numbers.items()})

    def look(self, engine: Engine) -> dict[str, float]:
        """Return the vitals of a run as it is now, without the prefix; nothing is recorded."""
        with seeded(mix(self._seed), device=engine.device):
            found = self._of_players(engine) | losses_since(engine) | code_entropies(engine)
            if self.real is not None:
                with torch.no_grad(), evaluating(engine.game):
                    found |= self._of_samples(engine, self.real)
            if self.batch is not None:
                turning = rotation(engine, self.batch, random_state=self._seed)
                found["antisymmetric"] = turning.antisymmetric
                if turning.ratio is not None:
                    found["rotation"] = turning.ratio
        return found

    def _of_players(self, engine: Engine) -> dict[str, float]:
        found = {}
        for player, parameters in engine.parameters.items():
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            if gradients:
                found[f"gradient/{player}"] = _norm(gradients)
            found[f"weight/{player}"] = _norm(parameters)
            for number, place in enumerate(self._places(player, parameters)):
                found[f"path/{player}/{number}"] = place
        return found

    @torch.no_grad()
    def _places(self, player: str, parameters: Sequence[Tensor]) -> list[float]:
        if player not in self._directions:
            self._directions[player] = _directions(mix(self._seed, *player.encode()), parameters)
        flat = torch.cat([parameter.reshape(-1).float() for parameter in parameters])
        return [float(flat @ direction) for direction in self._directions[player]]

    def _of_samples(self, engine: Engine, real: Tensor) -> dict[str, float]:
        if self._probe is None:
            others = None if self.held_out is None else self.held_out.to(engine.device)
            self._probe = Probe(
                real.to(engine.device), others, self.n, self.cells, self.features, self.modes, self._seed
            )
        made = self._made(engine).to(self._probe.data.dtype)
        return self._margins(engine, made) | self._probe.scores(made)

    def _made(self, engine: Engine) -> Tensor:
        if self.samples is None and not can_sample(engine.game):
            raise ValueError(
                f"Watch does not know how {type(engine.game).__name__} samples: it has no `generator` with a `prior` "
                "or a method draw(n), or it needs classes. Pass samples=, a function of the game and n."
            )
        assert self._probe is not None
        made = (self.samples or make_samples)(engine.game, self.n)
        if made.shape[1:] != self._probe.data.shape[1:]:
            raise ValueError(
                f"The generator made samples of shape {tuple(made.shape[1:])}, but real has "
                f"{tuple(self._probe.data.shape[1:])}; pass real as the networks see it."
            )
        return made

    def _margins(self, engine: Engine, made: Tensor) -> dict[str, float]:
        if self.logits is None and not can_judge(engine.game):
            return {}
        assert self._probe is not None
        asked = self.logits or judge
        real, fake = (asked(engine.game, x).double().flatten() for x in (self._probe.data, made))
        return {
            "real_logit": float(real.mean()),
            "fake_logit": float(fake.mean()),
            "logit_size": float(torch.cat([real, fake]).square().mean().sqrt()),
            "ranked": _ranked(real, fake),
        }


def _ranked(real: Tensor, fake: Tensor) -> float:
    """Return the share of pairs in which the real sample has the larger logit; equal ones count half."""
    ordered = fake.sort().values
    below, upto = (torch.searchsorted(ordered, real, right=right).double() for right in (False, True))
    return float((below + upto).mean() / 2 / len(fake))


def _directions(seed: int, parameters: Sequence[Tensor]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    length = sum(parameter.numel() for parameter in parameters)
    drawn = [torch.randn(length, generator=generator) for _ in range(min(_PATHS, length))]
    return [(each / each.norm()).to(parameters[0].device) for each in drawn]


@torch.no_grad()
def _norm(tensors: Sequence[Tensor]) -> float:
    return float(torch.stack([tensor.detach().float().norm() for tensor in tensors]).norm())


def _check_data(real: Tensor | None, held_out: Tensor | None) -> None:
    if real is not None and (not isinstance(real, Tensor) or real.dim() < 2 or len(real) < _LEAST):
        shape = tuple(real.shape) if isinstance(real, Tensor) else type(real).__name__
        raise ValueError(f"real must be a tensor [N, ...] of at least {_LEAST} samples, got {shape}.")
    if held_out is None:
        return
    if real is None:
        raise ValueError("held_out is compared with real data; pass real too.")
    if held_out.shape[1:] != real.shape[1:] or len(held_out) < _LEAST:
        raise ValueError(
            f"held_out must be at least {_LEAST} samples of shape {tuple(real.shape[1:])}, got {tuple(held_out.shape)}."
        )
