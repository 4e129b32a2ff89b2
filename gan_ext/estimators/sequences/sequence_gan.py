"""SequenceGAN: a model of texts, or of any sequences of tokens, behind scikit-learn's interface."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from torch import nn
from typing_extensions import Self

from gan_ext.data import DataDevice
from gan_ext.data.sequences.tokenization import TOKENIZERS
from gan_ext.engine import Callback, Solver, Turns
from gan_ext.estimators.base.estimator import claim_fit, new_seed
from gan_ext.estimators.base.parameters import (
    SHARED_CONSTRAINTS,
    Constraint,
    callable_or_none,
    check_parameters,
    integer,
    not_negative,
    positive,
    share,
)
from gan_ext.estimators.base.stopped import whole_or_undone
from gan_ext.estimators.sequences.fitted import FittedSequenceModel
from gan_ext.estimators.sequences.reading import VOCABULARY, read_corpus
from gan_ext.estimators.sequences.steered import SteeredSequenceGAN
from gan_ext.estimators.sequences.task_reward import check_reward
from gan_ext.estimators.sequences.training import SequenceTraining, Start
from gan_ext.game import Game
from gan_ext.games import SeqGAN

__all__ = ["SequenceGAN"]


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
    likelihood_learning_rate : float, default=3e-3
        Step size of maximum likelihood, falling to zero along half a cosine.
    warm_up_iter : int
        Steps of the discriminator alone before the game.
    discriminator_learning_rate : float, default=1e-3
        Of every other player in the game, and in the warm-up.
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
    max_iter : int, default=100
        Steps of the game; 0 for none.
    batch_size : int, default=64
        Sequences in a step, at least 2.
    learning_rate : float, default=1e-4
        Step size of the generator in the game.
    solver : Solver, tuple or None, default=None
        How a step of the game is played, such as :class:`gan_ext.engine.Extragradient`, or who moves when; None lets
        each player move once, one after the other.
    clip : float or None, default=5.0
        Largest norm of a player's gradient, for training that blows up; None for none.
    averaging : float, default=0.0
        Decay of the averaged weights that make samples, per step, in maximum likelihood and in the game; 0 for none.
    device : str, default="auto"
        ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    data_device : {"auto", "cpu", "cuda"}, default="auto"
        Where data lie while a GPU trains: there, on the host (batches are copied ahead), or as memory is free.
    precision : {"float32", "bfloat16"}, default="float32"
        Of training; ``"bfloat16"`` is faster on processors that have it.
    checkpoint : path or None, default=None
        Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.
    checkpoint_every : int, default=200
        Steps between checkpoints.
    verbose : bool, default=False
        Whether to print how it goes, ten lines a part.
    callbacks : sequence of callables, default=()
        Called with the engine after every step of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last `fit`; not together with `checkpoint`.  Vocabulary,
        tokenizer, length and classes stay as they were, and new words become ``<unk>``; the parts are trained again as
        they are set, so that ``likelihood_iter=0`` goes on with the game alone.  A discriminator of another kind than
        the last one begins anew.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order and noise.

    Attributes
    ----------
    corpus_ : Corpus
        Vocabulary and tokenizer.
    generator_ : SequenceModel
        The generator that was kept.
    discriminator_ : Module or None
        What judges sequences beside it; None with maximum likelihood, ``CoT`` and ``RankGAN``.
    opponent_ : Module or None
        What it played against: the discriminator, mediator or ranker; None with maximum likelihood.
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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SHARED_CONSTRAINTS,
        "objective": [
            Constraint("a function that makes a game from (generator, discriminator), such as SeqGAN", callable),
            None,
        ],
        "tokenizer": [StrOptions(set(TOKENIZERS)), callable, HasMethods(["tokenize", "detokenize"])],
        "vocabulary": [list, tuple, Mapping, VOCABULARY, None],
        "max_tokens": [integer(1), None],
        "min_freq": [integer(1)],
        "max_length": [integer(1, 2**16), None],
        "on_long": [StrOptions({"truncate", "error"})],
        "likelihood_iter": [integer(0)],
        "likelihood_learning_rate": [positive()],
        "warm_up_iter": [integer(0)],
        "discriminator_learning_rate": [positive()],
        "reward": [Constraint("a function from a list of sequences to numbers", callable), None],
        "reward_weight": [not_negative()],
        "generator": callable_or_none(),
        "discriminator": callable_or_none(),
        "validation_fraction": [share()],
        "guard": ["boolean"],
        "guard_every": [integer(1)],
        "max_iter": [integer(0)],
    }

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
        likelihood_learning_rate: float = 3e-3,
        warm_up_iter: int = 100,
        discriminator_learning_rate: float = 1e-3,
        reward: Callable[[list[Any]], Sequence[float]] | None = None,
        reward_weight: float = 1.0,
        generator: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        validation_fraction: float = 0.1,
        guard: bool = True,
        guard_every: int = 50,
        max_iter: int = 100,
        batch_size: int = 64,
        learning_rate: float = 1e-4,
        solver: Solver | Turns | None = None,
        clip: float | None = 5.0,
        averaging: float = 0.0,
        device: str = "auto",
        data_device: DataDevice = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 200,
        verbose: bool = False,
        callbacks: Sequence[Callback] = (),
        warm_start: bool = False,
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
        self.likelihood_learning_rate = likelihood_learning_rate
        self.warm_up_iter = warm_up_iter
        self.discriminator_learning_rate = discriminator_learning_rate
        self.reward = reward
        self.reward_weight = reward_weight
        self.generator = generator
        self.discriminator = discriminator
        self.validation_fraction = validation_fraction
        self.guard = guard
        self.guard_every = guard_every
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.solver = solver
        self.clip = clip
        self.averaging = averaging
        self.device = device
        self.data_device = data_device
        self.precision = precision
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state

    @whole_or_undone
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
        check_parameters(self)
        check_reward(self.reward, self.objective)
        start, before = None, None
        if self.warm_start and hasattr(self, "generator_"):
            start, before = Start(self.generator_, self.opponent_, self.against_), self.corpus_
        corpus = read_corpus(self, X, y, before)
        training = SequenceTraining(self, corpus, new_seed(self.random_state), start)
        self.corpus_, self.classes_ = corpus, np.array(corpus.classes)
        claim_fit(self, corpus.tokens.numpy(), None if corpus.labels is None else corpus.labels.numpy())
        training.run()
        self.generator_, self.game_ = training.generator, training.game
        self.opponent_, self.against_ = training.opponent, training.against
        self.discriminator_ = self.opponent_ if self.against_ is not None and self.against_.judges else None
        self.history_, self.n_iter_, self.best_step_ = training.history, training.steps, training.best_step
        return self

    def steer(self, X: Any, y: ArrayLike, **settings: Any) -> SteeredSequenceGAN:
        """Train a classifier of prefixes on labeled texts, by which this model then writes texts with a label.

        The model is fitted already and stays as it is: ``gan.steer(texts, labels).sample(10, y="happy")``.

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags
