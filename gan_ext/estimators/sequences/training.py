"""One fit of a model of sequences: networks, maximum likelihood, warm-up of the discriminator, game."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import nn

from gan_ext.data import ArrayStream, Corpus, LabeledTokens, TokenBatch
from gan_ext.doctor.guard import CollapseGuard
from gan_ext.engine import Callback, Engine, adam, cosine
from gan_ext.engine.solvers.solver import moves_of
from gan_ext.estimators.base.running import Running, RunningParameters
from gan_ext.estimators.base.warm_start import load_weights
from gan_ext.estimators.sequences.objectives import copies_of, opponent_of, players_of, renew
from gan_ext.estimators.sequences.task_reward import TaskReward
from gan_ext.game import Game, alone
from gan_ext.games import Opponent, SequenceLikelihood
from gan_ext.games.sequence_opponents import build_generator
from gan_ext.gradients import AdvantageWatch
from gan_ext.seeds import mix, seeded
from gan_ext.sequences import SequenceModel

__all__ = ["SequenceTraining", "Start", "TrainingParameters", "split", "take"]

DataT = TypeVar("DataT", bound=TokenBatch | LabeledTokens)


class TrainingParameters(RunningParameters, Protocol):
    """A :class:`~gan_ext.SequenceGAN`, by the parameters that say how it is trained."""

    @property
    def objective(self) -> Callable[..., Game] | None: ...
    @property
    def generator(self) -> Callable[..., nn.Module] | None: ...
    @property
    def discriminator(self) -> Callable[..., nn.Module] | None: ...
    @property
    def likelihood_iter(self) -> int: ...
    @property
    def likelihood_learning_rate(self) -> float: ...
    @property
    def warm_up_iter(self) -> int: ...
    @property
    def max_iter(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def discriminator_learning_rate(self) -> float: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def reward(self) -> Callable[[list[Any]], Sequence[float]] | None: ...
    @property
    def reward_weight(self) -> float: ...
    @property
    def validation_fraction(self) -> float: ...
    @property
    def guard(self) -> bool: ...
    @property
    def guard_every(self) -> int: ...


class Start(NamedTuple):
    """The networks of an earlier fit that a fit goes on from."""

    generator: SequenceModel
    opponent: nn.Module | None
    against: Opponent | None
    """The kind of opponent that it was; one of another kind begins anew."""


class SequenceTraining:
    """Build the networks for a corpus and their game, once, and train them part by part.

    Args:
        settings: how to train.
        corpus: the sequences.
        seed: decides everything random.
        start: what to go on from; None for new networks.

    Attributes:
        generator: what is trained.
        opponent: what it plays against; None with maximum likelihood only.
        against: the kind of opponent that it is.
        game: the game that is played; None with maximum likelihood only.
        history: what was measured.
        steps: steps done.
        best_step: step of the game that the kept weights are from.

    Raises:
        ValueError: the objective makes no game of these networks, `solver` does not fit it, or the networks are others
            than those to go on from.
    """

    def __init__(self, settings: TrainingParameters, corpus: Corpus, seed: int, start: Start | None = None) -> None:
        self.settings, self.corpus, self.seed = settings, corpus, seed
        self.running = Running.of(settings)
        self.history: list[dict[str, Any]] = []
        self.steps, self.best_step = 0, 0
        self.against = None if settings.objective is None else opponent_of(settings.objective)
        self.generator, self.opponent = self._networks()
        if start is not None:
            self._go_on_from(start)
        self.game = self._made_game()
        # Taken when the game is made; it begins with copies of the generator as that is then.
        self._copies = [] if self.game is None else copies_of(self.game, self.generator, self.opponent or nn.Module())
        train, self.held_out = split(corpus.data, settings.validation_fraction, seed)
        self.stream = ArrayStream(train, settings.batch_size, seed)

    def run(self) -> None:
        """Train; the networks are on the CPU afterwards."""
        first = self.against is not None and self.against.learns_first
        for part in (self._warm_up, self._likelihood) if first else (self._likelihood, self._warm_up):
            part()
        self._play_game()
        for network in (self.generator, self.opponent, self.game):
            if network is not None:
                network.cpu().eval()

    def _networks(self) -> tuple[SequenceModel, nn.Module | None]:
        settings, spec = self.settings, self.corpus.spec
        with seeded(self.seed):
            if self.against is None:
                return build_generator(settings.generator, spec), None
            opponent = self.against.build(settings.discriminator, spec)
            return self.against.build_generator(settings.generator, spec, opponent), opponent

    def _go_on_from(self, start: Start) -> None:
        take(self.generator, start.generator, "generator")
        if self.opponent is None or self.against is None or start.opponent is None:
            return
        if self.against.is_like(start.against):
            take(self.opponent, start.opponent, "discriminator")

    def _made_game(self) -> Game | None:
        settings = self.settings
        if settings.objective is None:
            return None
        # A copy, for an objective may hold an estimator that learns: a second fit begins anew.
        objective: Callable[..., Any] = copy.deepcopy(settings.objective)
        more: dict[str, Any] = {}
        if settings.reward is not None:
            task = TaskReward(settings.reward, self.corpus)
            more = {"task_reward": task, "task_weight": settings.reward_weight}
        with seeded(mix(self.seed, 4)):  # an objective may make networks of its own
            game = objective(self.generator, self.opponent, **more)
        if not isinstance(game, Game) or getattr(game, "generator", None) is not self.generator:
            raise ValueError(
                f"objective made {type(game).__name__}; it must make a gan_ext.Game whose `generator` is the one that "
                "it was given."
            )
        moves_of(settings.solver, tuple(game.players()))  # says if it names other players
        return game

    def _likelihood(self) -> None:
        settings = self.settings
        steps, rate = settings.likelihood_iter, float(settings.likelihood_learning_rate)
        game = SequenceLikelihood(self.generator)
        running = replace(self.running.part("likelihood"), solver=None)
        engine = running.engine(
            game, {"generator": adam(rate, betas=(0.9, 0.999))}, self.seed,
            {"generator.lr": cosine(rate, 0.0, max(steps, 1))},
        )  # fmt: skip
        self._finish("likelihood", running.fit(engine, self.stream, steps, "likelihood"))

    def _warm_up(self) -> None:
        if self.game is None or self.opponent is None:
            return
        names = players_of(self.game, self.opponent)
        if names:
            renew(self._copies, self.generator)
            running = replace(self.running.part("warm_up"), solver=None, averaging=0.0)
            with alone(self.game, names) as game:
                engine = running.engine(game, self._optimizers(game), mix(self.seed, 1))
                self._finish("warm_up", running.fit(engine, self.stream, self.settings.warm_up_iter, "warm_up"))

    def _play_game(self) -> None:
        if self.game is None:
            return
        renew(self._copies, self.generator)
        guard, steps, running = self._guard(), self.settings.max_iter, self.running.part("game")
        if getattr(self.game, "task_reward", None) is not None:  # a function in Python cannot be captured
            running = replace(running, compute=replace(running.compute, cuda_graph=False))
        engine = running.engine(self.game, self._optimizers(self.game), mix(self.seed, 2))
        if guard is not None and not guard.start(engine):
            steps = engine.step
        watch: list[Callback] = [AdvantageWatch(), *([] if guard is None else [guard])]
        self._finish("game", running.fit(engine, self.stream, steps, "game", watch))
        self.best_step = engine.step
        # The guard's frontier knows nothing of a reward of your own: with one, only a collapse is undone.
        if guard is not None and (guard.stopped(engine) or self.settings.reward is None):
            guard.restore(engine)
            self.best_step = guard.best_step

    def _finish(self, part: str, engine: Engine) -> None:
        """Keep the averaged weights of a part, if there are any, and what was measured."""
        if engine.ema is not None:
            engine.game.load_state_dict(engine.averaged.state_dict())
        self.history += [{"part": part, **entry} for entry in engine.history]
        self.steps += engine.step

    def _optimizers(self, game: Game) -> dict[str, Any]:
        settings, writers = self.settings, players_of(game, self.generator)
        rates = {
            name: settings.learning_rate if name in writers else settings.discriminator_learning_rate
            for name in game.players()
        }
        return {name: adam(float(rate), betas=(0.9, 0.999)) for name, rate in rates.items()}

    def _guard(self) -> CollapseGuard | None:
        if not self.settings.guard or len(self.held_out.tokens) < 2:
            return None
        folder = self.settings.checkpoint
        return CollapseGuard(
            self.held_out.tokens,
            every=self.settings.guard_every,
            keep=None if folder is None else Path(folder) / "best.safetensors",
            labels=getattr(self.held_out, "labels", None),
        )


def take(network: nn.Module, fitted: nn.Module, name: str) -> None:
    """Give a new network the weights of a fitted one; raise ValueError if it is of another class or other sizes."""
    if type(network) is not type(fitted):
        raise ValueError(
            f"warm_start=True needs the {name} of the last fit; it was a {type(fitted).__name__} and is a "
            f"{type(network).__name__} now."
        )
    load_weights(network, fitted.state_dict(), name)


def split(data: DataT, fraction: float, seed: int) -> tuple[DataT, DataT]:
    """Hold out a share of the sequences; at least one stays for training."""
    order = torch.randperm(len(data.tokens), generator=torch.Generator().manual_seed(mix(seed, 3)))
    held = min(round(fraction * len(order)), len(order) - 1)
    parts = [type(data)(*(values[rows] for values in data)) for rows in (order[held:], order[:held])]
    return parts[0], parts[1]
