"""What every model of sequences can do once it is fitted: sample, score, judge, save, load."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import Corpus, Vocab, encode, tokenizer_config, tokenizer_from_config
from gan_ext.engine import CheckpointError, read_tensors, resolve_device, write_tensors
from gan_ext.estimators.sequences.objectives import build_generator, build_opponent, opponent_of
from gan_ext.metrics import perplexity, sequence_log_prob
from gan_ext.nets import LeakyGenerator
from gan_ext.seeds import kept_generators, reseed
from gan_ext.sequences import SequenceModel, check_sharpening, evaluating, real_positions, sample

__all__ = ["FittedSequenceModel"]

OnLong = Literal["error", "truncate"]

Array = NDArray[Any]


class FittedSequenceModel:
    """Sampling and scoring by a fitted generator; a subclass's `fit` sets the attributes below."""

    device: str
    objective: Callable[..., Any] | None
    generator: Callable[..., nn.Module] | None
    discriminator: Callable[..., nn.Module] | None
    corpus_: Corpus
    generator_: SequenceModel
    discriminator_: nn.Module | None
    classes_: Array
    history_: list[dict[str, Any]]
    n_iter_: int
    best_step_: int

    def sample(
        self,
        n_samples: int = 1,
        *,
        prefix: str | Sequence[str] = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        labels: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[Any]:
        """Generate sequences: strings if `fit` was given strings, else lists of tokens.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        prefix : str or list of str
            What every sequence begins with: a text, or a list of tokens, as `fit` was given, and of tokens that it saw.
        temperature : float
            Divides the logits; below 1 sequences are likelier and more alike.
        top_k : int or None
            Draw each token from the k likeliest only.
        top_p : float or None
            Draw each token from the smallest set with at least this probability.
        labels : one class, array-like of shape (n_samples,) or None
            Classes to generate, of a class-conditional model; None draws them, all with the same probability.
        random_state : int, RandomState instance or None
            Decides the sequences.

        Raises
        ------
        ValueError
            A value out of its range, a prefix longer than the model's sequences, or classes that it does not know.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, int | np.integer) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} must be an integer, at least 1.")
        check_sharpening(temperature, top_k, top_p)
        start = self._prefix(prefix, n_samples)
        random = check_random_state(random_state)
        numbers, seed = self._class_numbers(labels, n_samples, random), int(random.randint(2**31 - 1))
        with self._placed() as device, kept_generators(device):
            reseed(device, seed)
            drawn = sample(
                self.generator_,
                n_samples,
                labels=None if numbers is None else numbers.to(device),
                prefix=None if start is None else start.to(device),
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
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
        with torch.no_grad(), evaluating(judge):
            parts = [judge(tokens[part]) if labels is None else judge(tokens[part], labels[part]) for part in rows]
        logits = torch.cat(parts).double()
        if self.objective is not None and opponent_of(self.objective) == "token":
            real = real_positions(tokens, self.corpus_.end)
            logits = (logits * real).sum(1) / real.sum(1)
        odds: Array = logits.flatten(1).mean(1).numpy() if logits.dim() > 1 else logits.numpy()
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
        corpus, model = self.corpus_, self.generator_
        leaky = isinstance(model, LeakyGenerator)
        index = {
            "estimator": type(self).__name__,
            "vocabulary": corpus.vocabulary.to_json(),
            "tokenizer": None if corpus.tokenizer is None else tokenizer_config(corpus.tokenizer),
            "length": corpus.length,
            "classes": self.classes_.tolist(),
            "own": [name for name in ("generator", "discriminator")[: 1 + leaky] if getattr(self, name) is not None],
            "class": type(model).__name__,
            "leaky": leaky,
            "history": self.history_,
            "steps": [self.n_iter_, self.best_step_],
        }
        path = Path(path)
        write_tensors(path, _networks(model, self.discriminator_ if leaky else None).state_dict(), index)
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
        saved = read_tensors(Path(path))
        index = saved.index
        if index.get("estimator") != cls.__name__:
            raise CheckpointError(f"{path} holds no saved {cls.__name__}.")
        makers = {"generator": generator, "discriminator": discriminator}
        missing = [name for name in index["own"] if makers[name] is None]
        if missing:
            raise ValueError(f"{path} has a {missing[0]} of your own; pass `{missing[0]}` as to {cls.__name__}.")
        config = index["tokenizer"]
        used = None if config is None else tokenizer_from_config(config, tokenizer)
        empty = torch.zeros(0, index["length"], dtype=torch.int64)
        corpus = Corpus(empty, Vocab.from_json(index["vocabulary"]), used, None, tuple(index["classes"]))
        loaded = cls(**makers)
        loaded.corpus_, loaded.classes_ = corpus, np.array(index["classes"])
        loaded.generator_, loaded.discriminator_ = _built(corpus, generator, discriminator, index["leaky"])
        try:
            _networks(loaded.generator_, loaded.discriminator_).load_state_dict(saved.tensors)
        except RuntimeError as error:
            raise ValueError(
                f"{path} has a {index['class']} of other sizes than what was made here; pass what made it. {error}"
            ) from error
        loaded.history_, (loaded.n_iter_, loaded.best_step_) = index["history"], index["steps"]
        return loaded

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

    def _prefix(self, prefix: str | Sequence[str], n: int) -> Tensor | None:
        corpus = self.corpus_
        if not len(prefix):
            return None
        if isinstance(prefix, str) != corpus.are_strings:
            wanted = "a string" if corpus.are_strings else "a list of tokens"
            raise ValueError(f"prefix={prefix!r} must be {wanted}, as the data were.")
        tokens = corpus.tokenizer.tokenize(prefix) if isinstance(prefix, str) and corpus.tokenizer else list(prefix)
        if not tokens:
            return None
        if len(tokens) > corpus.length:
            raise ValueError(
                f"prefix has {len(tokens)} tokens, but sequences of this model have at most {corpus.length}."
            )
        numbers = encode([tokens], corpus.vocabulary, len(tokens), end=False)
        unknown = [token for token in tokens if token not in corpus.vocabulary]
        if unknown:
            raise ValueError(f"prefix has {unknown[0]!r}, which is not in the vocabulary of what fit was given.")
        return numbers.expand(n, -1)

    def _class_numbers(self, labels: ArrayLike | None, n: int, random: np.random.RandomState) -> Tensor | None:
        if labels is None and len(self.classes_):
            return torch.from_numpy(random.randint(len(self.classes_), size=n))
        given = None if labels is None else np.asarray(labels)
        return self._given(given if given is None or given.ndim else np.full(n, given), n)

    def _given(self, y: ArrayLike | None, n: int) -> Tensor | None:
        if (y is None) == bool(len(self.classes_)):
            known = self.classes_.tolist()
            raise ValueError(f"This model needs {f'classes among {known}' if known else 'no classes: it has none'}.")
        if y is None:
            return None
        values = np.asarray(y)
        if values.shape != (n,):
            raise ValueError(f"classes must have shape ({n},), one for each sequence, got {values.shape}.")
        known = self.classes_.tolist()
        unknown = [value for value in values.tolist() if value not in known]
        if unknown:
            raise ValueError(f"classes must be among {known}, got {unknown[0]!r}.")
        return torch.from_numpy(np.searchsorted(self.classes_, values))


def _networks(generator: SequenceModel, leak: nn.Module | None) -> nn.ModuleDict:
    """Return the networks that a saved model consists of."""
    return nn.ModuleDict({"generator": generator} if leak is None else {"generator": generator, "discriminator": leak})


def _built(
    corpus: Corpus, generator: Callable[..., nn.Module] | None, discriminator: Any, leaky: bool
) -> tuple[SequenceModel, nn.Module | None]:
    """Return the untrained networks of a saved model, the discriminator if the generator reads its features."""
    tokens = {"start": corpus.start, "end": corpus.end, "pad": corpus.pad, "classes": len(corpus.classes)}
    size, length = len(corpus.vocabulary), corpus.length
    with kept_generators(torch.device("cpu")):
        leak = build_opponent("leaky", discriminator, size, length, tokens).eval() if leaky else None
        return build_generator(generator, size, length, tokens, leak=leak).eval(), leak
