"""SequenceGAN: a model of texts, or of any sequences of tokens, behind scikit-learn's interface."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from torch import nn
from typing_extensions import Self

from gan_ext.data import Corpus
from gan_ext.engine import Callback, Solver, Turns
from gan_ext.estimators.base.assembly import claim_folder
from gan_ext.estimators.base.checks import check_sequence_settings
from gan_ext.estimators.sequences.fitted import FittedSequenceModel
from gan_ext.estimators.sequences.steered import SteeredSequenceGAN
from gan_ext.estimators.sequences.training import SequenceTraining
from gan_ext.game import Game
from gan_ext.games import SeqGAN

__all__ = ["SequenceGAN"]

_FREE = ("device", "callbacks", "checkpoint", "checkpoint_every", "verbose")


class SequenceGAN(FittedSequenceModel, BaseEstimator):  # type: ignore[misc]
    r"""A generator of sequences, trained by maximum likelihood and then by an adversarial game.

    ``SequenceGAN().fit(lines).sample(10)`` works on any list of strings, or of lists of tokens.  The objective is an
    object: any game of :mod:`gan_ext.games` for sequences (``SeqGAN``, ``MaliGAN``, ``RankGAN``, ``LeakGAN``,
    ``RelGAN``, ``ScratchGAN``, ``CoT``), with its settings by :func:`functools.partial`, or one of your own.

    Training has three parts: maximum likelihood, the discriminator alone, the game (with ``LeakGAN``, whose generator
    reads the discriminator's features, the discriminator comes first).  The generator that is kept is the one of the
    game with the best frontier of quality and coverage on held-out sequences; training stops when it collapses
    (:class:`~gan_ext.doctor.guard.CollapseGuard`).

    References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473; Language GANs Falling Short (Caccia et al.,
    2020), https://arxiv.org/abs/1811.02549

    Parameters
    ----------
    objective : callable or None
        Makes the game from (generator, discriminator); None trains by maximum likelihood only.  It is copied: an
        estimator of gradients in it that learns starts anew in every fit.
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
        What happens to longer ones in `fit`; scoring them is an error.
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
    turns : tuple, Solver or None
        Who moves when in one step of the game, or a solver such as :class:`gan_ext.engine.Optimistic`; None lets each
        player move once.
    reward : callable or None
        Maps a list of what :meth:`sample` returns (strings, or lists of tokens) to numbers, one for each: a second
        reward beside the discriminator's.  The objective must take ``task_reward`` (``SeqGAN``).
    reward_weight : float
        Its weight.
    generator : callable or None
        Makes the generator from (vocabulary, length, start, end, pad, classes, start_is_a_token), such as
        ``functools.partial(TransformerGenerator, width=256)``; None for an LSTM of 256.  For ``LeakGAN`` from
        (vocabulary, length, features, size of the features, start, end, pad, start_is_a_token), such as
        ``functools.partial(LeakyGenerator, hidden=256)``.
    discriminator : callable or None
        Makes what it plays against, from the number of tokens and those of length, end, pad, classes that it takes;
        None for one that fits the game.
    validation_fraction : float
        Share of the sequences held out for choosing the generator that is kept.
    guard : bool
        Whether to keep the best and stop at a collapse; False keeps the last, and so do fewer than two held-out
        sequences.  With a `reward` the last is kept too, unless it collapsed: the frontier does not know the reward.
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
    verbose : bool
        Whether to print how each part goes, ten lines a part.
    callbacks : sequence of callables
        Called with the engine after every step.
    random_state : int, RandomState instance or None
        Decides everything random.

    Attributes
    ----------
    corpus_ : Corpus
        Vocabulary and tokenizer.
    generator_ : SequenceModel
        The generator that was kept.
    discriminator_ : Module or None
        What judges sequences beside it; None with maximum likelihood, ``CoT`` and ``RankGAN``.
    game_ : Game or None
        The game that was kept, of which both are parts.
    history_ : list of dict
        What was measured, step by step, of all parts.
    classes_ : ndarray
        Classes of a class-conditional model; empty otherwise.
    n_iter_ : int
        Steps done in all parts together.
    best_step_ : int
        Step of the game that the kept generator is from.

    Raises
    ------
    ValueError
        A setting that makes no sense, an empty corpus, labels of another number: before any work.
    NonFiniteLossError
        A loss became infinite or not a number.
    CheckpointError
        `checkpoint` cannot be written, or holds another fit.
    """

    def __init__(
        self,
        objective: Callable[..., Game] | None = partial(SeqGAN, rollouts=0, likelihood=1.0),  # noqa: B008
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
        turns: Turns | Solver | None = None,
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
        verbose: bool = False,
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
        self.verbose = verbose
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
        check_sequence_settings(self)
        self.corpus_ = Corpus.build(
            X if y is None else _pairs(X, y), self.tokenizer, self.vocabulary, self.max_tokens, self.min_freq,
            self.max_length, self.on_long,
        )  # fmt: skip
        self.classes_ = np.array(self.corpus_.classes)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        training = SequenceTraining(self, self.corpus_, seed)
        if self.checkpoint is not None:
            self._claim(Path(self.checkpoint))
        training.run()
        self.generator_, self.game_ = training.generator, training.game
        self.discriminator_ = None if training.against in ("mediator", "ranker") else training.opponent
        self.history_, self.n_iter_, self.best_step_ = training.history, training.steps, training.best_step
        return self

    def steer(self, X: Any, y: ArrayLike, **settings: Any) -> SteeredSequenceGAN:
        """Train a classifier of beginnings on labeled texts, by which this model then writes texts with a label.

        The model is fitted already and stays as it is: ``gan.steer(texts, labels).sample(10, label="happy")``.

        Parameters
        ----------
        X : list of str or of lists of tokens
            Texts; they need not be those that the model was fitted on.
        y : array-like of shape (n,)
            A label for each.
        **settings
            Of :class:`~gan_ext.SteeredSequenceGAN`; `device` and `random_state` are those of this model if not given.

        Returns
        -------
        SteeredSequenceGAN
        """
        own = {"device": self.device, "random_state": self.random_state}
        return SteeredSequenceGAN(self, **{**own, **settings}).fit(X, y)

    def _claim(self, folder: Path) -> None:
        settings = {name: value for name, value in self.get_params(deep=False).items() if name not in _FREE}
        labels = self.corpus_.labels
        claim_folder(folder, self.corpus_.tokens.numpy(), None if labels is None else labels.numpy(), settings)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags


def _pairs(X: Any, y: Any) -> Any:
    if isinstance(X, str) or not isinstance(X, Iterable):
        return X  # the corpus says what is wrong
    items, labels = list(X), np.asarray(y).tolist()
    if not isinstance(labels, list) or len(items) != len(labels):
        n = len(labels) if isinstance(labels, list) else 1
        raise ValueError(f"y has {n} labels for {len(items)} sequences; give one for each.")
    return list(zip(labels, items, strict=True))
