"""What every model of sequences can do once it is fitted: sample, score, judge, save, load."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.data import Corpus, Vocab, tokenizer_config, tokenizer_from_config
from gan_ext.engine import CheckpointError, read_tensors, resolve_device, write_tensors
from gan_ext.estimators.objectives import build_generator
from gan_ext.metrics import perplexity, sequence_log_prob
from gan_ext.seeds import kept_generators, reseed
from gan_ext.sequences import SequenceModel, check_sharpening, sample

__all__ = ["FittedSequenceModel"]

Array = NDArray[Any]


class FittedSequenceModel:
    """Sampling and scoring by a fitted generator; a subclass's `fit` sets the attributes below."""

    device: str
    generator: Callable[..., nn.Module] | None
    corpus_: Corpus
    generator_: SequenceModel
    discriminator_: nn.Module | None
    classes_: Array

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
            What every sequence begins with: a text, or a list of tokens.
        temperature : float
            Divides the logits; below 1 sequences are likelier and more alike.
        top_k : int or None
            Draw each token from the k likeliest only.
        top_p : float or None
            Draw each token from the smallest set with at least this probability.
        labels : one class, array-like of shape (n_samples,) or None
            Classes to generate, of a class-conditional model; None draws them evenly.
        random_state : int, RandomState instance or None
            Decides the sequences.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} must be at least 1.")
        check_sharpening(temperature, top_k, top_p)
        start = self._prefix(prefix, n_samples)
        random = check_random_state(random_state)
        numbers, seed = self._class_numbers(labels, n_samples, random), int(random.randint(2**31 - 1))
        device = resolve_device(self.device)
        model = self.generator_.to(device)
        try:
            with kept_generators(device):
                reseed(device, seed)
                drawn = sample(
                    model,
                    n_samples,
                    labels=None if numbers is None else numbers.to(device),
                    prefix=None if start is None else start.to(device),
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                )
        finally:
            model.cpu()
        texts: list[Any] = self.corpus_.text(drawn.cpu())
        return texts

    def score_samples(self, X: Any, y: ArrayLike | None = None) -> Array:
        """Return the exact log-likelihood of sequences in nats (n,).

        Parameters
        ----------
        X : list of str or of lists of tokens
        y : array-like of shape (n,) or None
            Classes, of a class-conditional model.
        """
        check_is_fitted(self)
        tokens = self.corpus_.encode(X, on_long="error")
        known: Array = sequence_log_prob(self.generator_, tokens, labels=self._given(y, len(tokens)))
        return known

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of sequences in nats."""
        return float(self.score_samples(X, y).mean())

    def perplexity(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return the perplexity per token, closing tokens included: the exponential of the mean negative log-likelihood."""
        check_is_fitted(self)
        tokens = self.corpus_.encode(X, on_long="error")
        return float(perplexity(self.generator_, tokens, labels=self._given(y, len(tokens))))

    def discriminate(self, X: Any, y: ArrayLike | None = None) -> Array:
        """Return the discriminator's log-odds that sequences are real (n,); of a logit per token, their mean.

        Raises
        ------
        AttributeError
            The model was trained without a discriminator.
        """
        check_is_fitted(self)
        judge = self.discriminator_
        if judge is None or isinstance(judge, SequenceModel):
            raise AttributeError("This model has no discriminator: its objective trains without one.")
        tokens = self.corpus_.encode(X, on_long="error")
        labels = self._given(y, len(tokens))
        with torch.no_grad():
            parts = [
                judge(part) if labels is None else judge(part, labels[i * 256 : i * 256 + len(part)])
                for i, part in enumerate(tokens.split(256))
            ]
        logits = torch.cat(parts).double()
        odds: Array = (logits if logits.dim() == 1 else logits.mean(1)).numpy()
        return odds

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one file: weights as safetensors, the rest as JSON; no pickle.

        Parameters
        ----------
        path : str or Path
            The file; an older one is replaced once the new one is whole.
        """
        check_is_fitted(self)
        corpus = self.corpus_
        model = self.generator_
        index = {
            "estimator": type(self).__name__,
            "vocabulary": corpus.vocabulary.to_json(),
            "tokenizer": None if corpus.tokenizer is None else tokenizer_config(corpus.tokenizer),
            "length": corpus.length,
            "classes": self.classes_.tolist(),
            "own_generator": self.generator is not None,
            "class": type(model).__name__,
        }
        json.dumps(index)
        path = Path(path)
        write_tensors(path, model.state_dict(), index)
        return path

    @classmethod
    def load(cls, path: str | Path, generator: Callable[..., nn.Module] | None = None, tokenizer: Any = None) -> Self:
        """Read a model written by :meth:`save`: it samples and scores; the discriminator is not kept.

        Parameters
        ----------
        path : str or Path
            The file.
        generator : callable or None
            What made the generator, if it was not the default.
        tokenizer : object or None
            The tokeniser, if it was one of your own.
        """
        saved = read_tensors(Path(path))
        index = saved.index
        if index.get("estimator") != cls.__name__:
            raise CheckpointError(f"{path} holds no saved {cls.__name__}.")
        if index["own_generator"] and generator is None:
            raise ValueError(
                f"{path} has a generator of your own, {index['class']}; pass `generator` as to {cls.__name__}."
            )
        vocabulary = Vocab.from_json(index["vocabulary"])
        config = index["tokenizer"]
        used = None if config is None else tokenizer_from_config(config, tokenizer)
        empty = torch.zeros(0, index["length"], dtype=torch.int64)
        loaded = cls(generator=generator)  # type: ignore[call-arg]
        loaded.corpus_ = Corpus(empty, vocabulary, used, None, tuple(index["classes"]))
        loaded.classes_ = np.array(index["classes"])
        tokens = {
            "start": loaded.corpus_.start, "end": loaded.corpus_.end, "pad": loaded.corpus_.pad,
            "classes": len(loaded.classes_),
        }  # fmt: skip
        loaded.generator_ = build_generator(generator, len(vocabulary), index["length"], tokens).eval()
        loaded.generator_.load_state_dict(saved.tensors)
        loaded.discriminator_ = None
        return loaded

    def _prefix(self, prefix: str | Sequence[str], n: int) -> Tensor | None:
        if not len(prefix):
            return None
        corpus = self.corpus_
        if isinstance(prefix, str) != corpus.are_strings:
            wanted = "a string" if corpus.are_strings else "a list of tokens"
            raise ValueError(f"prefix={prefix!r} must be {wanted}, as the data were.")
        tokens = corpus.tokenizer.tokenize(prefix) if isinstance(prefix, str) and corpus.tokenizer else list(prefix)
        if len(tokens) > corpus.length:
            raise ValueError(
                f"prefix has {len(tokens)} tokens, but sequences of this model have at most {corpus.length}."
            )
        return torch.tensor(corpus.vocabulary(tokens)).expand(n, -1)

    def _class_numbers(self, labels: ArrayLike | None, n: int, random: np.random.RandomState) -> Tensor | None:
        if labels is None and len(self.classes_):
            return torch.from_numpy(random.randint(len(self.classes_), size=n))
        return self._given(None if labels is None else np.broadcast_to(np.asarray(labels), (n,)), n)

    def _given(self, y: ArrayLike | None, n: int) -> Tensor | None:
        if (y is None) == bool(len(self.classes_)):
            wanted = (
                f"classes among {self.classes_.tolist()}" if len(self.classes_) else "no classes: fit was given none"
            )
            raise ValueError(f"This model needs {wanted}.")
        if y is None:
            return None
        values = np.asarray(y)
        unknown = [value for value in values.tolist() if value not in self.classes_.tolist()]
        if unknown or values.shape != (n,):
            raise ValueError(
                f"classes must be {n} of {self.classes_.tolist()}, got {unknown[0]!r}."
                if unknown
                else f"classes must have shape ({n},), got {values.shape}."
            )
        return torch.from_numpy(np.searchsorted(self.classes_, values))
