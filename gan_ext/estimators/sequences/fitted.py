"""What every model of sequences can do once it is fitted: sample, score, judge, save, load."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import SPECIALS, Corpus
from gan_ext.engine import CheckpointError, resolve_device
from gan_ext.estimators.base.checks import count_first, drawing
from gan_ext.estimators.base.labels import class_numbers
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.estimators.evaluation.texts import TextModel, evaluate_text, perplexity_rows
from gan_ext.estimators.sequences.reading import read_prefix
from gan_ext.estimators.sequences.saving import Saved, read_model, write_model
from gan_ext.game import Game
from gan_ext.games import LeakGAN, Opponent, SeqGAN
from gan_ext.metrics import perplexity, sequence_log_prob
from gan_ext.seeds import kept_generators, reseed
from gan_ext.sequences import SequenceModel, check_sharpening, evaluating, sample

__all__ = ["FittedSequenceModel", "Wanted"]

OnLong = Literal["error", "truncate"]

Array = NDArray[Any]
_UNKNOWN = SPECIALS[1]


class Wanted(NamedTuple):
    """Sequences that are asked for: how many, and the numbers of their classes if the model has any."""

    n: int
    classes: Tensor | None


class FittedSequenceModel:
    """Sampling and scoring by a fitted generator; a subclass's `fit` sets the attributes below."""

    device: str
    objective: Callable[..., Any] | None
    generator: Callable[..., nn.Module] | None
    discriminator: Callable[..., nn.Module] | None
    corpus_: Corpus
    generator_: SequenceModel
    discriminator_: nn.Module | None
    opponent_: nn.Module | None
    against_: Opponent | None
    game_: Game | None
    classes_: Array
    history_: list[dict[str, Any]]
    n_iter_: int
    best_step_: int
    get_params: Callable[..., dict[str, Any]]

    @count_first
    def sample(
        self,
        n_samples: int | None = 1,
        *,
        y: ArrayLike | None = None,
        prefix: str | Sequence[str] = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[Any]:
        """Generate sequences: strings if `fit` was given strings, else lists of tokens.

        Of a model of integers ``<unk>``, which is no integer, is never drawn.

        Parameters
        ----------
        n_samples : int or None
            How many, at least 1; with a class for each in `y`, None and 1 mean as many as there are.
        y : one class, array-like of shape (n_samples,) or None
            Classes to generate, of a class-conditional model: one for all, or one for each; None draws them, all with
            the same probability.
        prefix : str or list of str
            What every sequence begins with: a text, or a list of tokens, as `fit` was given, and of tokens that it saw.
        temperature : float
            Divides the logits; below 1 sequences are likelier and more alike.  One number for all.
        top_k : int or None
            Draw each token from the k likeliest only.
        top_p : float or None
            Draw each token from the smallest set with at least this probability.
        random_state : int, RandomState instance or None
            Decides the sequences.

        Raises
        ------
        ValueError
            A value out of its range, a prefix longer than the model's sequences, or classes that it does not know.
        """
        check_is_fitted(self)
        if isinstance(temperature, Tensor):
            raise ValueError(f"temperature={temperature!r} must be a positive number, one for all sequences.")
        check_sharpening(temperature, top_k, top_p)
        random = drawing(random_state)
        wanted, seed = self._wanted(y, n_samples, random), int(random.randint(2**31 - 1))
        start = self._prefix(prefix, wanted.n)
        with self._placed() as device, kept_generators(device):
            reseed(device, seed)
            drawn = sample(
                self.generator_,
                wanted.n,
                labels=None if wanted.classes is None else wanted.classes.to(device),
                prefix=None if start is None else start.to(device),
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                without=(self.corpus_.vocabulary[_UNKNOWN],) if self.corpus_.are_integers else (),
            )
        texts: list[Any] = self.corpus_.text(drawn.cpu())
        return texts

    def score_samples(self, X: Any, y: ArrayLike | None = None, on_long: OnLong = "error") -> Array:
        """Return the exact log-likelihood of sequences in nats (n,).

        Unknown tokens are scored as ``<unk>``.

        Parameters
        ----------
        X : list of str or of lists of tokens
        y : array-like of shape (n,) or None
            Classes, of a class-conditional model.
        on_long : "error" or "truncate"
            What to do with sequences longer than the model's (`max_length` of `fit`): refuse, or score what fits.

        Raises
        ------
        ValueError
            A sequence longer than the model's, or classes that it does not know.
        """
        check_is_fitted(self)
        tokens = self.corpus_.encode(X, on_long)
        known: Array = sequence_log_prob(self.generator_, tokens, labels=self._given(y, len(tokens)))
        return known

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of sequences in nats; of longer ones than the model's, of what fits."""
        return float(self.score_samples(X, y, "truncate").mean())

    def perplexity(self, X: Any, y: ArrayLike | None = None, on_long: OnLong = "error") -> float:
        """Return the perplexity per token, closing tokens included: exp of the mean negative log-likelihood."""
        check_is_fitted(self)
        tokens = self.corpus_.encode(X, on_long)
        return float(perplexity(self.generator_, tokens, labels=self._given(y, len(tokens))))

    def evaluate_samples(self, X: Any, y: Any, n: int, training: Any, resamples: int, random_state: int) -> Evaluation:
        """Return the table of :func:`gan_ext.evaluate` for texts; arguments as there."""
        check_is_fitted(self)

        def make(n: int, seed: int) -> list[Any]:
            return self.sample(n, random_state=seed)

        def rows() -> list[EvaluationRow]:
            known = y is not None or not len(self.classes_)
            return perplexity_rows(lambda: self.perplexity(X, y, "truncate")) if known else []

        model = TextModel(type(self).__name__, self.corpus_, make, rows)
        return evaluate_text(model, X, y, n, training, resamples, random_state)

    def discriminate(self, X: Any, y: ArrayLike | None = None, on_long: OnLong = "error") -> Array:
        """Return the discriminator's log-odds that sequences are real (n,).

        Of a logit per token (``ScratchGAN``), or of several per sequence (``RelGAN``), it is their mean; and what
        ``RelGAN`` learns are differences between sequences.

        Raises
        ------
        AttributeError
            The model has none.
        """
        check_is_fitted(self)
        judge = self.discriminator_
        if judge is None:
            raise AttributeError(
                "This model has no discriminator of single sequences: its objective trains without, or it was loaded."
            )
        tokens = self.corpus_.encode(X, on_long)
        labels, rows = self._given(y, len(tokens)), torch.arange(len(tokens)).split(256)
        against, end = self.against_ or SeqGAN.opponent, self.corpus_.end
        with torch.no_grad(), evaluating(judge):
            parts = [
                against.log_odds(judge, tokens[part], None if labels is None else labels[part], end) for part in rows
            ]
        odds: Array = torch.cat(parts).numpy()
        return odds

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one file: weights as safetensors, the rest as JSON; no pickle.

        Parameters
        ----------
        path : str or Path
            The file, in a folder that exists; an older one is replaced once the new one is whole.

        Raises
        ------
        CheckpointError
            It cannot be written.
        """
        check_is_fitted(self)
        path = Path(path)
        saved = Saved(
            self.corpus_, self.generator_, self.discriminator_, self.get_params(deep=False), self.history_,
            self.n_iter_, self.best_step_,
        )  # fmt: skip
        write_model(path, type(self).__name__, saved)
        return path

    @classmethod
    def load(
        cls,
        path: str | Path,
        generator: Callable[..., nn.Module] | None = None,
        tokenizer: Any = None,
        discriminator: Callable[..., nn.Module] | None = None,
    ) -> Self:
        """Read a model written by :meth:`save`: it samples and scores; of the game nothing else is kept.

        It has the parameters that it was fitted with, but for `device` and `checkpoint`, which are the defaults.  What
        a file cannot hold (functions and objects of your own, a solver, an objective with objects as settings) must be
        set anew, with ``set_params``, before it is fitted again; `fit` names it.  A `vocabulary` is that of the fit.

        Parameters
        ----------
        path : str or Path
            The file.
        generator : callable or None
            What made the generator, if it was not the default.
        tokenizer : object or None
            The tokenizer, if it was one of your own.
        discriminator : callable or None
            What made the discriminator whose features a ``LeakGAN``'s generator reads, if it was not the default.

        Raises
        ------
        CheckpointError
            The file is damaged, or holds no such model.
        ValueError
            Something of your own is missing, or makes networks of other sizes.
        """
        makers = {"generator": generator, "discriminator": discriminator}
        saved = read_model(Path(path), cls.__name__, makers, tokenizer)
        try:
            loaded = cls(**saved.parameters)
        except TypeError as error:
            raise CheckpointError(f"{path} has parameters that {cls.__name__} has not: {error}") from error
        loaded.corpus_, loaded.classes_ = saved.corpus, np.array(saved.corpus.classes)
        loaded.generator_, loaded.discriminator_ = saved.generator, saved.discriminator
        loaded.game_, loaded.opponent_ = None, saved.discriminator
        loaded.against_ = None if saved.discriminator is None else LeakGAN.opponent
        loaded.history_, loaded.n_iter_, loaded.best_step_ = saved.history, saved.n_iter, saved.best_step
        return loaded

    @property
    def _sample_size(self) -> int:
        """Tokens of a sequence, at most."""
        return self.corpus_.length

    @contextmanager
    def _placed(self) -> Iterator[torch.device]:
        """Keep the networks on the device for a while."""
        device = resolve_device(self.device)
        # A generator may read the discriminator's features.
        networks = [network for network in (self.generator_, self.discriminator_) if network is not None]
        try:
            for network in networks:
                network.to(device)
            yield device
        finally:
            for network in networks:
                network.cpu()

    def _prefix(self, prefix: str | Sequence[Any], n: int) -> Tensor | None:
        return read_prefix(self.corpus_, prefix, n)

    def _wanted(
        self, y: ArrayLike | None, n_samples: int | None, random: np.random.RandomState, name: str = "y"
    ) -> Wanted:
        """Return how many sequences are wanted, and their classes, which are drawn if they do not matter.

        `name` is that of the argument `y`, for errors.
        """
        if not len(self.classes_):
            if y is not None:
                raise ValueError(f"{name}={y!r} asks for classes, but this model has none: fit was given no y.")
            return Wanted(1 if n_samples is None else int(n_samples), None)
        if y is None:
            n = 1 if n_samples is None else int(n_samples)
            return Wanted(n, torch.from_numpy(random.randint(len(self.classes_), size=n)))
        numbers = class_numbers(y, n_samples, self.classes_, name)
        return Wanted(len(numbers), torch.from_numpy(numbers))

    def _given(self, y: ArrayLike | None, n: int) -> Tensor | None:
        if (y is None) == bool(len(self.classes_)):
            known = self.classes_.tolist()
            raise ValueError(f"This model needs {f'y, classes among {known}' if known else 'no y: it has no classes'}.")
        if y is None:
            return None
        values = np.asarray(y)
        if values.shape != (n,):
            raise ValueError(f"y must have shape ({n},), a class for each sequence, got {values.shape}.")
        return torch.from_numpy(class_numbers(values, None, self.classes_))
