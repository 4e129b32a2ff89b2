"""One fit of a model of sequences: networks, maximum likelihood, warm-up, game."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gan_ext.data import ArrayStream, Corpus, LabeledTokens, TokenBatch
from gan_ext.doctor.guard import CollapseGuard
from gan_ext.engine import Callback, Compute, Engine, SaveEvery, adam, cosine
from gan_ext.engine.solvers import as_solver
from gan_ext.estimators.sequences.objectives import build_generator, build_opponent, opponent_of, solo
from gan_ext.estimators.sequences.task_reward import TaskReward
from gan_ext.game import Game
from gan_ext.games import SequenceLikelihood
from gan_ext.gradients import AdvantageWatch
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.sequences import SequenceModel

__all__ = ["SequenceTraining"]

Data = TokenBatch | LabeledTokens


class SequenceTraining:
    """Build the networks for a corpus, check that they make a game, and train them part by part.

    Args:
        settings: a :class:`~gan_ext.SequenceGAN`, for its parameters.
        corpus: the sequences.
        seed: decides everything random.

    Attributes:
        generator: what is trained.
        opponent: what it plays against; None with maximum likelihood only.
        game: the game, once it has been played.
        history: what was measured.
        steps: steps done.
        best_step: step of the game that the kept weights are from.

    Raises:
        ValueError: the objective makes no game of these networks, or `turns` does not fit it.
    """

    def __init__(self, settings: Any, corpus: Corpus, seed: int) -> None:
        self.settings, self.corpus, self.seed = settings, corpus, seed
        # A copy, for an objective may hold an estimator that learns: a second fit begins anew.
        self.objective = copy.deepcopy(settings.objective)
        self.against = None if self.objective is None else opponent_of(self.objective)
        self.generator, self.opponent = self._networks()
        self.game: Game | None = None
        self.history: list[dict[str, Any]] = []
        self.steps, self.best_step = 0, 0
        if self.objective is not None:
            self._check(self._make_game())
        train, self.held_out = _split(corpus.data, settings.validation_fraction, seed)
        self.stream = ArrayStream(train, settings.batch_size, seed)

    def run(self) -> None:
        """Train; the networks are on the CPU afterwards."""
        parts = [self._likelihood]
        if self.objective is not None:
            # A generator that reads the discriminator's features learns after them.
            parts = [self._warm_up, self._likelihood] if self.against == "leaky" else [self._likelihood, self._warm_up]
            parts.append(self._adversarial)
        for part in parts:
            part()
        for network in (self.generator, self.opponent, self.game):
            if network is not None:
                network.cpu().eval()

    def _networks(self) -> tuple[SequenceModel, nn.Module | None]:
        settings, corpus, cpu = self.settings, self.corpus, torch.device("cpu")
        size, length = len(corpus.vocabulary), corpus.length
        tokens = {"start": corpus.start, "end": corpus.end, "pad": corpus.pad, "classes": len(corpus.classes)}
        if self.against == "leaky" and corpus.classes:
            raise ValueError("LeakGAN has no class-conditional form; leave out y or choose another objective.")
        with kept_generators(cpu):
            reseed(cpu, self.seed)
            if self.against is None:
                return build_generator(settings.generator, size, length, tokens), None
            opponent = build_opponent(self.against, settings.discriminator, size, length, tokens)
            leak = opponent if self.against == "leaky" else None
            return build_generator(settings.generator, size, length, tokens, leak=leak), opponent

    def _make_game(self) -> Any:
        assert self.objective is not None
        more: dict[str, Any] = {}
        if self.settings.reward is not None:
            task = TaskReward(self.settings.reward, self.corpus)
            more = {"task_reward": task, "task_weight": self.settings.reward_weight}
        cpu = torch.device("cpu")
        with kept_generators(cpu):  # an objective may make networks of its own
            reseed(cpu, mix(self.seed, 4))
            return self.objective(self.generator, self.opponent, **more)

    def _check(self, game: Any) -> None:
        if not isinstance(game, Game) or getattr(game, "generator", None) is not self.generator:
            raise ValueError(
                f"objective made {type(game).__name__}; it must make a gan_ext.Game whose `generator` is the one that "
                "it was given."
            )
        as_solver(self.settings.turns, "turns").moves(tuple(game.players()))

    def _likelihood(self) -> None:
        self._play("likelihood", SequenceLikelihood(self.generator), self.settings.likelihood_iter, self.seed)

    def _warm_up(self) -> None:
        game = self._make_game()
        first = next((name for name in game.players() if name in ("discriminator", "mediator")), None)
        if first is not None:
            with solo(game, first) as alone:
                self._play("warm_up", alone, self.settings.warm_up_iter, mix(self.seed, 1))

    def _adversarial(self) -> None:
        self.game = self._make_game()  # anew, for some games copy the generator as it is now
        guard = self._guard()
        engine = self._play("game", self.game, self.settings.max_iter, mix(self.seed, 2), guard)
        self.best_step = engine.step
        # The guard's frontier knows nothing of a reward of your own: with one, only a collapse is undone.
        if guard is not None and (guard.stopped(engine) or self.settings.reward is None):
            guard.restore(engine)
            self.best_step = guard.best_step

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

    def _play(self, part: str, game: Game, steps: int, seed: int, guard: CollapseGuard | None = None) -> Engine:
        """Train one part, from its newest checkpoint if there is one."""
        settings = self.settings
        rate = cosine(settings.learning_rate, 0.0, max(steps, 1))
        engine = Engine(
            game,
            {name: adam(self._rate(part, name), betas=(0.9, 0.999)) for name in game.players()},
            settings.turns if part == "game" else None,
            seed=seed,
            clip=5.0,
            schedules={"generator.lr": rate} if part == "likelihood" else {},
            # A reward from Python cannot be captured.
            compute=Compute(settings.device, settings.precision, cuda_graph=getattr(game, "task_reward", None) is None),
        )
        folder = None if settings.checkpoint is None else Path(settings.checkpoint) / part
        if folder is not None:
            engine.resume(folder)
        if guard is not None and not guard.start(engine):
            steps = engine.step
        watch: list[Callback] = [AdvantageWatch()] if part == "game" else []
        if settings.verbose:
            watch.append(_say(part, steps))
        callbacks: list[Callback] = [*watch, *([guard] if guard else []), _remember(max(1, steps // 50))]
        saving = [] if folder is None else [SaveEvery(settings.checkpoint_every, folder)]
        engine.fit(self.stream, steps, [*callbacks, *settings.callbacks, *saving])
        self.history += [{"part": part, **entry} for entry in engine.history]
        self.steps += engine.step
        return engine

    def _rate(self, part: str, player: str) -> float:
        settings = self.settings
        if part == "likelihood":
            rate = settings.learning_rate
        elif player in ("generator", "manager", "worker"):
            rate = settings.game_learning_rate
        else:
            rate = settings.discriminator_learning_rate
        return float(rate)


def _split(data: Data, fraction: float, seed: int) -> tuple[Data, Data]:
    """Hold out a share of the sequences; at least one stays for training."""
    order = torch.randperm(len(data.tokens), generator=torch.Generator().manual_seed(mix(seed, 3)))
    held = min(round(fraction * len(order)), len(order) - 1)
    parts = [type(data)(*(values[rows] for values in data)) for rows in (order[held:], order[:held])]
    return parts[0], parts[1]


def _remember(every: int) -> Callback:
    def remember(engine: Engine) -> None:
        if engine.step % every == 0 or engine.step == engine.last_step:
            engine.record(**engine.meters.read())

    return remember


def _say(part: str, steps: int) -> Callback:
    def say(engine: Engine) -> None:
        if engine.step % max(1, steps // 10) == 0 or engine.step == engine.last_step:
            means = ", ".join(f"{name} {value:.3f}" for name, value in engine.meters.peek().items())
            print(f"{part} {engine.step}/{steps}: {means}", flush=True)

    return say
