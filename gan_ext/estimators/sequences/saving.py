"""A fitted model of sequences as one file: weights as safetensors, the rest as JSON; no pickle."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gan_ext.data import Corpus, Vocab, tokenizer_config, tokenizer_from_config
from gan_ext.engine import CheckpointError, check_weights, read_tensors, write_tensors
from gan_ext.engine.checkpoint import Checkpoint
from gan_ext.estimators.sequences.stored_parameters import parameters_from_json, parameters_to_json
from gan_ext.games import LeakyOpponent
from gan_ext.games.sequence_opponents import ReadsFeatures, build_generator
from gan_ext.seeds import kept_generators
from gan_ext.sequences import SequenceModel

__all__ = ["Saved", "read_model", "write_model"]

Make = Callable[..., nn.Module]


@dataclass(frozen=True)
class Saved:
    """What a file holds of a fitted model.

    Args:
        corpus: vocabulary, tokenizer and classes, without sequences.
        generator: the generator.
        discriminator: the network whose features the generator reads; None if it reads none.
        parameters: of the estimator, by name; where a file cannot hold one, what stands for it.
        history: what was measured.
        n_iter: steps done.
        best_step: step of the game that the generator is from.
    """

    corpus: Corpus
    generator: SequenceModel
    discriminator: nn.Module | None
    parameters: dict[str, Any]
    history: list[dict[str, Any]]
    n_iter: int
    best_step: int


def write_model(path: Path, kind: str, saved: Saved) -> None:
    """Write a model of an estimator named `kind`.

    Raises:
        CheckpointError: it cannot be written.
    """
    corpus, leaky = saved.corpus, isinstance(saved.generator, ReadsFeatures)
    index = {
        "estimator": kind,
        "vocabulary": corpus.vocabulary.to_json(),
        "tokenizer": None if corpus.tokenizer is None else tokenizer_config(corpus.tokenizer),
        "length": corpus.length,
        "classes": np.array(corpus.classes).tolist(),
        "own": [name for name in ("generator", "discriminator")[: 1 + leaky] if saved.parameters[name] is not None],
        "parameters": parameters_to_json(saved.parameters),
        "class": type(saved.generator).__name__,
        "leaky": leaky,
        "history": saved.history,
        "steps": [saved.n_iter, saved.best_step],
    }
    networks = _networks(saved.generator, saved.discriminator if leaky else None)
    write_tensors(path, networks.state_dict(), index)


def read_model(path: Path, kind: str, makers: Mapping[str, Make | None], tokenizer: Any) -> Saved:
    """Read what :func:`write_model` wrote.

    Raises:
        CheckpointError: the file is damaged, or holds no such model.
        ValueError: something of the user's own is missing, or makes networks of other sizes.
    """
    found = read_tensors(path)
    index = found.index
    if index.get("estimator") != kind:
        raise CheckpointError(f"{path} holds no saved {kind}.")
    try:
        return _read(path, kind, found, makers, tokenizer)
    except (LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise CheckpointError(
            f"{path} matches its checksum, but its content is not what {kind}.save writes ({error!r})."
        ) from error


def _read(path: Path, kind: str, found: Checkpoint, makers: Mapping[str, Make | None], tokenizer: Any) -> Saved:
    index = found.index
    numbers, history = [index["length"], *index["steps"]], index["history"]
    if len(numbers) != 3 or not all(isinstance(each, int) and each >= 0 for each in numbers):
        raise TypeError(f"length and steps are {numbers}")
    if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
        raise TypeError("history is no list of records")
    missing = [name for name in index["own"] if makers[name] is None]
    if missing:
        raise ValueError(f"{path} has a {missing[0]} of your own; pass `{missing[0]}` as to {kind}.")
    config = index["tokenizer"]
    used = None if config is None else tokenizer_from_config(config, tokenizer)
    empty = torch.zeros(0, index["length"], dtype=torch.int64)
    corpus = Corpus(empty, Vocab.from_json(index["vocabulary"]), used, None, tuple(index["classes"]))
    generator, discriminator = _built(corpus, makers, index["leaky"])
    try:
        _networks(generator, discriminator).load_state_dict(found.tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{path} has a {index['class']} of other sizes than what was made here; pass what made it. {error}"
        ) from error
    check_weights(found, found.tensors)
    parameters = parameters_from_json(index["parameters"], corpus.vocabulary, {**makers, "tokenizer": tokenizer})
    return Saved(corpus, generator, discriminator, parameters, history, *index["steps"])


def _networks(generator: SequenceModel, leak: nn.Module | None) -> nn.ModuleDict:
    """Return the networks that a saved model consists of."""
    return nn.ModuleDict({"generator": generator} if leak is None else {"generator": generator, "discriminator": leak})


def _built(corpus: Corpus, makers: Mapping[str, Make | None], leaky: bool) -> tuple[SequenceModel, nn.Module | None]:
    """Return untrained networks, the discriminator if the generator reads its features."""
    spec = corpus.spec
    with kept_generators(torch.device("cpu")):
        if not leaky:
            return build_generator(makers["generator"], spec).eval(), None
        opponent = LeakyOpponent()
        leak = opponent.build(makers["discriminator"], spec).eval()
        return opponent.build_generator(makers["generator"], spec, leak).eval(), leak
