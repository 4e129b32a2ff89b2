"""A classifier of prefixes: how one is built, and which weights are kept (model selection on held-out texts)."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from gan_ext.data import Corpus, LabeledTokens
from gan_ext.engine import Engine, check_weights, read_tensors, write_tensors
from gan_ext.engine.checkpoint import Checkpoint
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import PrefixClassifier
from gan_ext.seeds import seeded
from gan_ext.sequences import evaluating

__all__ = ["KeepsBest", "build_classifier"]

_ROWS = 256  # texts judged at a time
_NEEDED = ("initial", "read", "of_next", "of_whole", "log_likelihood")


def build_classifier(
    make: Callable[..., nn.Module] | None, corpus: Corpus, n_classes: int, seed: int
) -> PrefixClassifier:
    """Build a classifier of prefixes of a corpus.

    Args:
        make: builds it from (vocabulary, classes, start, end); None for the default.
        corpus: says the tokens.
        n_classes: number of classes.
        seed: decides the initial weights.

    Raises:
        ValueError: what was made lacks a method of :class:`~gan_ext.nets.PrefixClassifier`.
    """
    make = PrefixClassifier if make is None else make
    with seeded(seed):
        made = make(len(corpus.vocabulary), n_classes, start=corpus.start, end=corpus.end)
    missing = [name for name in _NEEDED if not hasattr(made, name)]
    if missing:
        raise ValueError(f"classifier made {type(made).__name__}, which has no {missing[0]}; see PrefixClassifier.")
    return cast(PrefixClassifier, made)


class KeepsBest:
    """A callback that keeps the weights which do best on held-out texts, averaged ones if the engine has any.

    Args:
        held_out: texts with labels; none keeps the last weights.
        folder: where the best weights are kept for a resumed run; None for nowhere.
    """

    def __init__(self, held_out: LabeledTokens, folder: Path | None) -> None:
        self.held_out = held_out
        self.path = None if folder is None else folder / "best.safetensors"
        self.kept: dict[str, Tensor] | None = None
        self.read: Checkpoint | None = None
        if self.path is not None and self.path.exists():
            self.read = read_tensors(self.path)
            self.kept = self.read.tensors

    def __call__(self, engine: Engine) -> None:
        if not len(self.held_out.tokens):
            return
        classifier = _classifier(engine)
        cost = self._cost(classifier, engine.device)
        if cost < min((entry["held_out"] for entry in engine.history if "held_out" in entry), default=float("inf")):
            self.read = None
            self.kept = {name: value.detach().cpu().clone() for name, value in classifier.state_dict().items()}
            if self.path is not None:
                write_tensors(self.path, self.kept, {"step": engine.step})
        engine.record(held_out=cost)

    def best(self, engine: Engine) -> dict[str, Tensor]:
        """Return the best weights, or the last ones if none were kept."""
        last = {name: value.cpu() for name, value in _classifier(engine).state_dict().items()}
        if self.kept is None or not len(self.held_out.tokens):
            return last
        if self.read is not None:  # from a file, and not measured better since
            return check_weights(self.read, last)
        return self.kept

    def _cost(self, classifier: PrefixClassifier, device: torch.device) -> float:
        rows = range(0, len(self.held_out.tokens), _ROWS)
        parts = [LabeledTokens(*(part[row : row + _ROWS].to(device) for part in self.held_out)) for row in rows]
        with torch.no_grad(), evaluating(classifier):
            return -float(torch.cat([classifier.log_likelihood(part) for part in parts]).mean())


def _classifier(engine: Engine) -> PrefixClassifier:
    game = cast(MaximumLikelihood, engine.averaged)
    return cast(PrefixClassifier, game.model)
