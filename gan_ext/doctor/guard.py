"""A guard against collapse: measures a generator of sequences while it plays, keeps the best, and rolls back."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_ext.engine import Engine, check_weights, read_tensors, write_tensors
from gan_ext.metrics import BLEU, negative_log_likelihood, ngram_entropy, token_lists, unique_ratio
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.sequences import SequenceModel, evaluating, sample

__all__ = ["CollapseGuard", "CollapseWarning", "Measurement"]


class CollapseWarning(UserWarning):
    """A generator says less and less, or forgets the data."""


class Measurement(NamedTuple):
    """What a generator does at temperature 1; of `quality`, `coverage` and `nll` lower is better."""

    quality: float
    coverage: float
    unique: float
    entropy: float
    nll: float


class CollapseGuard:
    r"""Watch unique ratio, entropy and likelihood; keep the best generator by the frontier; stop on alarm.

    Every so often it samples sequences at a few temperatures, by the averaged weights if the engine keeps any, and
    compares them with validation data:

    .. math::
        \text{quality} = 1 - \mathrm{BLEU}_k(\text{samples} \mid \text{validation}), \qquad
        \text{coverage} = 1 - \mathrm{BLEU}_k(\text{validation} \mid \text{samples})

    The best game is the one whose generator has the lowest sum of the two, over the temperatures; :meth:`restore` rolls
    back to it.  An alarm at temperature 1 is a :class:`CollapseWarning`: few unique sequences, a low entropy of pairs
    of tokens, or validation data far less likely than at the start.  A callback of the engine::

        if guard.start(engine):
            engine.fit(stream, steps, [guard])
        guard.restore(engine)

    Args:
        validation: token numbers [m, T] that training does not see.
        generator: name of the generator in the game.
        every: steps between measurements; the first is made at :meth:`start`, the last after the last step.
        n: sequences sampled at each temperature, and most validation sequences used.
        temperatures: where the frontier is looked at; 1 must be among them.
        order: k of the BLEU.
        unique: alarm when the unique ratio of as many samples as there are validation sequences is below this share of
            theirs.
        entropy_drop: alarm when the entropy of pairs falls this many nats below the start's.
        nll_rise: alarm when the negative log-likelihood rises this many nats per token above the start's.
        roll_back: whether an alarm ends training.
        keep: a file for the best weights, so that a resumed run still has them; with None such a run chooses among what
            it sees itself.
        labels: classes [m] of the validation sequences, for a class-conditional model; samples take them in turn.

    Attributes:
        best: parameters and buffers of the best game, on the CPU; None before the first measurement.
        best_score: its sum of quality and coverage.
        best_step: its step.

    Raises:
        ValueError: too few sequences, steps or samples, or temperatures without 1.
    """

    def __init__(
        self,
        validation: Tensor,
        *,
        generator: str = "generator",
        every: int = 100,
        n: int = 500,
        temperatures: Sequence[float] = (1.0, 0.8),
        order: int = 3,
        unique: float = 0.5,
        entropy_drop: float = 1.5,
        nll_rise: float = 1.5,
        roll_back: bool = True,
        keep: Path | None = None,
        labels: Tensor | None = None,
    ) -> None:
        if len(validation) < 2 or every < 1 or n < 2 or 1.0 not in temperatures:
            raise ValueError(
                f"CollapseGuard needs two validation sequences, every >= 1, n >= 2 and 1.0 among the temperatures, got "
                f"{len(validation)}, {every}, {n} and {tuple(temperatures)}."
            )
        if labels is not None and len(labels) != len(validation):
            raise ValueError(f"labels must be one for each of {len(validation)} validation sequences: {len(labels)}.")
        self.validation, self.labels = validation[:n], None if labels is None else labels[:n]
        self.name, self.every, self.n, self.temperatures, self.order = generator, every, n, tuple(temperatures), order
        self.unique, self.entropy_drop, self.nll_rise, self.roll_back = unique, entropy_drop, nll_rise, roll_back
        self.keep = keep
        self.best: dict[str, Tensor] | None = None
        self.best_score = float("inf")
        self.best_step = 0

    def start(self, engine: Engine) -> bool:
        """Measure before the first step, or take up what a resumed run measured; return whether training may go on."""
        if not self._recall(engine):
            self._look(engine)
        return not self.stopped(engine)

    def stopped(self, engine: Engine) -> bool:
        """Return whether an alarm has ended this engine's training."""
        return any(entry.get("guard/stopped") for entry in engine.history)

    def __call__(self, engine: Engine) -> None:
        if engine.step % self.every == 0 or engine.step == engine.last_step:
            self._look(engine)

    def restore(self, engine: Engine) -> None:
        """Put the best weights back into the whole game: a generator may depend on what it plays against."""
        if self.best is not None:
            engine.game.load_state_dict(self.best)

    def measure(self, model: SequenceModel) -> tuple[Measurement, float]:
        """Return what a generator does at temperature 1, and the lowest sum over the temperatures."""
        device = next(model.parameters()).device
        real = token_lists(self.validation.cpu(), model.end)
        table, sums, plain = BLEU(real, (self.order,)), [], None
        with kept_generators(device):
            for temperature in self.temperatures:
                reseed(device, mix(7))
                made = self._sampled(model, temperature)
                quality = 1 - float(table.scores(made)[self.order].mean())
                coverage = 1 - float(BLEU(made, (self.order,)).scores(real)[self.order].mean())
                sums.append(quality + coverage)
                if temperature == 1.0:
                    nll = negative_log_likelihood(model, self.validation, labels=self.labels)
                    unique = unique_ratio(made[: len(real)])
                    plain = Measurement(quality, coverage, unique, ngram_entropy(made, 2), nll)
        assert plain is not None
        return plain, min(sums)

    def _sampled(self, model: SequenceModel, temperature: float) -> list[list[int]]:
        labels = None
        if self.labels is not None:
            labels = self.labels[torch.arange(self.n) % len(self.labels)].to(next(model.parameters()).device)
        return token_lists(sample(model, self.n, labels=labels, temperature=temperature).cpu(), model.end)

    def _recall(self, engine: Engine) -> bool:
        seen = [entry for entry in engine.history if "guard/score" in entry]
        if not seen or self.keep is None or not self.keep.exists():
            return False
        best = min(seen, key=lambda entry: entry["guard/score"])
        self.best_score, self.best_step = best["guard/score"], best["step"]
        self.best = check_weights(read_tensors(self.keep), engine.game.state_dict())
        return True

    def _look(self, engine: Engine) -> None:
        model = getattr(engine.averaged, self.name)
        first = next((entry for entry in engine.history if "guard/score" in entry), None)
        with evaluating(engine.averaged):
            seen, score = self.measure(model)
        numbers = {f"guard/{name}": value for name, value in seen._asdict().items()}
        engine.record(**numbers, **{"guard/score": score})
        if score < self.best_score:
            self._take(engine, score)
        trouble = self._trouble(seen, first, model.end)
        if trouble is not None:
            self._alarm(engine, trouble)

    def _take(self, engine: Engine, score: float) -> None:
        self.best_score, self.best_step = score, engine.step
        self.best = {name: value.detach().cpu().clone() for name, value in engine.averaged.state_dict().items()}
        if self.keep is not None and engine.ranks.is_main:
            write_tensors(self.keep, self.best, {"step": engine.step})

    def _alarm(self, engine: Engine, trouble: str) -> None:
        if self.roll_back:
            engine.record(**{"guard/stopped": 1.0})
            engine.stop()
        warnings.warn(
            f"Step {engine.step}: {trouble}. The best generator so far is that of step {self.best_step}"
            + ("; training stops." if self.roll_back else "."),
            CollapseWarning,
            stacklevel=4,
        )

    def _trouble(self, seen: Measurement, first: dict[str, Any] | None, end: int | None) -> str | None:
        real = unique_ratio(token_lists(self.validation.cpu(), end))
        if seen.unique < self.unique * real:
            return f"only {seen.unique:.0%} of the generated sequences are unique, of real ones {real:.0%}"
        if first is None:
            return None
        if seen.entropy < first["guard/entropy"] - self.entropy_drop:
            return f"the entropy of generated pairs fell from {first['guard/entropy']:.2f} to {seen.entropy:.2f} nats"
        if seen.nll > first["guard/nll"] + self.nll_rise:
            return f"validation data went from {first['guard/nll']:.2f} to {seen.nll:.2f} nats per token"
        return None
