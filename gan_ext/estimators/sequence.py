"""SequenceGAN: a model of texts, or of any sequences of tokens, behind scikit-learn's interface."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import nn
from typing_extensions import Self

from gan_ext.data import ArrayStream, Corpus, LabelledTokens, TokenBatch
from gan_ext.engine import Callback, Compute, Engine, SaveEvery, Turns, adam, cosine
from gan_ext.estimators.assembly import claim_folder
from gan_ext.estimators.checks import check_integers, check_not_negative
from gan_ext.estimators.fitted_sequence import FittedSequenceModel
from gan_ext.estimators.objectives import build_generator, build_opponent, opponent_of, solo
from gan_ext.estimators.task_reward import TaskReward
from gan_ext.game import Game
from gan_ext.games import SeqGAN, SequenceLikelihood
from gan_ext.guard import CollapseGuard
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.sequences import SequenceModel

__all__ = ["SequenceGAN"]

_FREE = ("device", "callbacks", "checkpoint", "checkpoint_every", "verbose")


class SequenceGAN(FittedSequenceModel, BaseEstimator):  # type: ignore[misc]
    r"""A generator of sequences, trained by maximum likelihood and then by an adversarial game.

    ``SequenceGAN().fit(lines).sample(10)`` works on any list of strings, or of lists of tokens.  The objective is an
    object: any game of :mod:`gan_ext.games` for sequences (``SeqGAN``, ``MaliGAN``, ``RankGAN``, ``LeakGAN``,
    ``RelGAN``, ``ScratchGAN``, ``CoT``), with its settings by :func:`functools.partial`, or one of your own.

    Training has three parts: maximum likelihood, the discriminator alone, the game.  The generator that is kept is the
    one with the best frontier of quality and coverage on held-out sequences; training stops when it collapses
    (:class:`~gan_ext.guard.CollapseGuard`).

    References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473; Language GANs Falling Short (Caccia et al.,
    2020), https://arxiv.org/abs/1811.02549

    Parameters
    ----------
    objective : callable or None
        Makes the game from (generator, discriminator); None trains by maximum likelihood only.
    tokenizer : "word", "char", "smiles", "bpe" or object
        How strings become tokens; see :func:`gan_ext.data.get_tokenizer`.  Not used for lists of tokens.
    vocabulary : torchtext vocabulary, list, dict or None
        The tokens; None counts those of the data.
    max_tokens : int or None
        Most tokens of the vocabulary, the four special ones included.
    min_freq : int
        Rarer tokens become ``<unk>``.
    max_length : int or None
        Most tokens of a sequence; None takes the longest of the data.
    on_long : "truncate" or "error"
        What happens to longer ones.
    likelihood_iter : int
        Steps of maximum likelihood; 0 for none.
    warm_up_iter : int
        Steps of the discriminator alone before the game.
    max_iter : int
        Steps of the game.
    batch_size : int
        Sequences of a batch.
    learning_rate : float
        Of maximum likelihood, falling to zero along half a cosine.
    game_learning_rate : float
        Of the generator in the game.
    discriminator_learning_rate : float
        Of every other player in the game.
    turns : tuple or None
        Who moves when in one step of the game; None lets each player move once.
    reward : callable or None
        Maps a list of what :meth:`sample` returns (strings, or lists of tokens) to numbers, one for each: a second
        reward beside the discriminator's.  The game must be one with rewards (``SeqGAN``).
    reward_weight : float
        Its weight.
    generator : callable or None
        Makes the generator from (vocabulary, length, start, end, pad, classes, start_is_a_token), such as
        ``functools.partial(TransformerGenerator, width=256)``; None for an LSTM of 256.
    discriminator : callable or None
        Makes what it plays against, from the number of tokens and those of length, end, pad, classes that it takes;
        None for one that fits the game.
    validation_fraction : float
        Share of the sequences held out for choosing the generator that is kept.
    guard : bool
        Whether to keep the best and stop at a collapse; False keeps the last.
    guard_every : int
        Steps between measurements.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    precision : "float32" or "bfloat16"
        Of the networks' arithmetic.
    checkpoint : str, Path or None
        A folder for checkpoints; a fit that was killed goes on from there bit for bit.
    checkpoint_every : int
        Steps between checkpoints.
    callbacks : sequence of callables
        Called with the engine after every step.
    random_state : int, RandomState instance or None
        Decides everything random.

    Attributes
    ----------
    corpus_ : Corpus
        Vocabulary and tokeniser.
    generator_ : SequenceModel
        The generator that was kept.
    game_ : Game or None
        The game as it ended.
    history_ : list of dict
        What was measured, step by step, of both parts.
    classes_ : ndarray
        Classes of a class-conditional model; empty otherwise.
    n_iter_ : int
        Steps done in all.
    best_step_ : int
        Step of the game that the kept generator is from.
    """

    def __init__(
        self,
        objective: Callable[..., Game] | None = partial(SeqGAN, rollouts=4, likelihood=0.5),  # noqa: B008
        *,
        tokenizer: Any = "word",
        vocabulary: Any = None,
        max_tokens: int | None = None,
        min_freq: int = 1,
        max_length: int | None = None,
        on_long: Literal["truncate", "error"] = "truncate",
        likelihood_iter: int = 1000,
        warm_up_iter: int = 100,
        max_iter: int = 100,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        game_learning_rate: float = 1e-4,
        discriminator_learning_rate: float = 1e-3,
        turns: Turns | None = None,
        reward: Callable[[list[Any]], Sequence[float]] | None = None,
        reward_weight: float = 1.0,
        generator: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        validation_fraction: float = 0.1,
        guard: bool = True,
        guard_every: int = 50,
        device: str = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 200,
        callbacks: Sequence[Callback] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.objective = objective
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens
        self.min_freq = min_freq
        self.max_length = max_length
        self.on_long = on_long
        self.likelihood_iter = likelihood_iter
        self.warm_up_iter = warm_up_iter
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.game_learning_rate = game_learning_rate
        self.discriminator_learning_rate = discriminator_learning_rate
        self.turns = turns
        self.reward = reward
        self.reward_weight = reward_weight
        self.generator = generator
        self.discriminator = discriminator
        self.validation_fraction = validation_fraction
        self.guard = guard
        self.guard_every = guard_every
        self.device = device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on sequences.

        Parameters
        ----------
        X : iterable of str, or of lists of tokens
            The sequences; or pairs (label, text), or a torchtext dataset.
        y : array-like of shape (n,) or None
            Classes for a class-conditional generator.

        Returns
        -------
        self
        """
        self._check()
        self.corpus_, data, self.classes_ = self._read(X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._claim(data, seed)
        train, held_out = _split(data, self.validation_fraction, seed)
        generator, opponent = self._networks(seed)
        self.history_: list[dict[str, Any]] = []
        self.n_iter_, self.best_step_, self.game_ = 0, 0, None
        stream = ArrayStream(train, self.batch_size, seed)
        self._play("likelihood", SequenceLikelihood(generator), stream, self.likelihood_iter, seed)
        if self.objective is not None and opponent is not None:
            self.game_ = self._adversarial(generator, opponent, stream, held_out, seed)
        self.generator_ = generator.cpu().eval()
        self.discriminator_ = None if opponent is None else opponent.cpu().eval()
        return self

    def _check(self) -> None:
        check_integers(
            self, likelihood_iter=0, warm_up_iter=0, max_iter=0, batch_size=2, checkpoint_every=1, guard_every=1
        )
        check_not_negative(self, "reward_weight")
        for name in ("learning_rate", "game_learning_rate", "discriminator_learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must be positive.")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction={self.validation_fraction!r} must be in [0, 1).")
        if self.objective is not None and not callable(self.objective):
            raise ValueError(
                f"objective={self.objective!r} must make a game from (generator, discriminator), such as SeqGAN or "
                "partial(SeqGAN, rollouts=8); None trains by maximum likelihood."
            )
        if self.reward is not None and (self.objective is None or opponent_of(self.objective) != "sequence"):
            raise ValueError("reward needs an objective with rewards, such as SeqGAN.")
        if self.checkpoint is not None and not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(
                f"checkpoint needs an integer random_state, to go on bit for bit; got {self.random_state!r}."
            )
        Compute(self.device, self.precision)

    def _read(self, X: Any, y: Any) -> tuple[Corpus, TokenBatch | LabelledTokens, NDArray[Any]]:
        X = X if y is None else _pairs(X, y)
        corpus = Corpus.build(
            X, self.tokenizer, self.vocabulary, self.max_tokens, self.min_freq, self.max_length, self.on_long
        )
        return corpus, corpus.data, np.array(corpus.classes)

    def _claim(self, data: TokenBatch | LabelledTokens, seed: int) -> None:
        if self.checkpoint is not None:
            settings = {name: value for name, value in self.get_params(deep=False).items() if name not in _FREE}
            labels = data.labels.numpy() if isinstance(data, LabelledTokens) else None
            claim_folder(Path(self.checkpoint), data.tokens.numpy(), labels, settings)

    def _networks(self, seed: int) -> tuple[SequenceModel, nn.Module | None]:
        corpus, cpu = self.corpus_, torch.device("cpu")
        size, length = len(corpus.vocabulary), corpus.length
        tokens = {"start": corpus.start, "end": corpus.end, "pad": corpus.pad, "classes": len(self.classes_)}
        with kept_generators(cpu):
            reseed(cpu, seed)
            if self.objective is None:
                return build_generator(self.generator, size, length, tokens), None
            against = opponent_of(self.objective)
            if against == "leaky" and tokens["classes"]:
                raise ValueError("LeakGAN has no class-conditional form; leave out y or choose another objective.")
            opponent = build_opponent(against, self.discriminator, size, length, tokens)
            leak = opponent if against == "leaky" else None
            return build_generator(self.generator, size, length, tokens, leak), opponent

    def _adversarial(
        self,
        generator: SequenceModel,
        opponent: nn.Module,
        stream: ArrayStream[Any],
        held_out: TokenBatch | LabelledTokens,
        seed: int,
    ) -> Game:
        game = self._game(generator, opponent)
        first = next(name for name in game.players() if name in ("discriminator", "mediator"))
        with solo(game, first) as alone:
            self._play("warm_up", alone, stream, self.warm_up_iter, mix(seed, 1))
        guard = self._guard(held_out)
        engine = self._play("game", game, stream, self.max_iter, mix(seed, 2), guard)
        if guard is not None:
            guard.restore(engine)
            self.best_step_ = guard.best_step
        return game

    def _game(self, generator: SequenceModel, opponent: nn.Module) -> Game:
        assert self.objective is not None
        if self.reward is None:
            return self.objective(generator, opponent)
        task = TaskReward(self.reward, self.corpus_)
        return self.objective(generator, opponent, task_reward=task, task_weight=self.reward_weight)

    def _guard(self, held_out: TokenBatch | LabelledTokens) -> CollapseGuard | None:
        if not self.guard or len(held_out.tokens) < 2:
            return None
        keep = None if self.checkpoint is None else Path(self.checkpoint) / "best.safetensors"
        labels = None
        if isinstance(held_out, LabelledTokens):
            labels = held_out.labels[torch.arange(500) % len(held_out.labels)]
        return CollapseGuard(held_out.tokens, every=self.guard_every, n=500, keep=keep, labels=labels)

    def _play(
        self, part: str, game: Game, stream: ArrayStream[Any], steps: int, seed: int, guard: CollapseGuard | None = None
    ) -> Engine:
        """Train one part, from its newest checkpoint if there is one."""
        rates = {name: self._rate(part, name) for name in game.players()}
        engine = Engine(
            game,
            {name: adam(rate, betas=(0.9, 0.999)) for name, rate in rates.items()},
            self.turns if part == "game" else None,
            seed=seed,
            clip=5.0,
            schedules={"generator.lr": cosine(self.learning_rate, 0.0, max(steps, 1))} if part == "likelihood" else {},
            compute=Compute(self.device, self.precision, cuda_graph=self.reward is None),
        )
        folder = None if self.checkpoint is None else Path(self.checkpoint) / part
        if folder is not None:
            engine.resume(folder)
        if guard is not None:
            guard.start(engine)
            if any(entry.get("guard/stopped") for entry in engine.history):
                steps = engine.step
        callbacks: list[Callback] = [_remember(max(1, steps // 50)), *([guard] if guard else []), *self.callbacks]
        saving = [] if folder is None else [SaveEvery(self.checkpoint_every, folder)]
        engine.fit(stream, steps, [*callbacks, *saving])
        self.history_ += [{"part": part, **entry} for entry in engine.history]
        self.n_iter_ += engine.step
        return engine

    def _rate(self, part: str, player: str) -> float:
        if part == "likelihood":
            return self.learning_rate
        own = player in ("generator", "manager", "worker")
        return self.game_learning_rate if own else self.discriminator_learning_rate


def _pairs(X: Any, y: Any) -> list[tuple[Any, Any]]:
    items, labels = list(X), np.asarray(y).tolist()
    if len(items) != len(labels):
        raise ValueError(f"y has {len(labels)} labels for {len(items)} sequences; give one for each.")
    return list(zip(labels, items, strict=True))


def _split(
    data: TokenBatch | LabelledTokens, fraction: float, seed: int
) -> tuple[TokenBatch | LabelledTokens, TokenBatch | LabelledTokens]:
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
