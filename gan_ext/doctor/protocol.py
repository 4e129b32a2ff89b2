"""How the doctor gets samples from a game and asks its discriminator about data: two functions, with defaults."""

from collections.abc import Callable
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from gan_ext.game import Game
from gan_ext.latents import Prior
from gan_ext.losses import pack, realness

__all__ = ["Logits", "Samples", "can_judge", "can_sample", "judge", "make_samples"]

Samples = Callable[[Any, int], Tensor]
"""A function of a game and n that returns n generated samples [n, ...]."""

Logits = Callable[[Any, Tensor], Tensor]
"""A function of a game and data [n, ...] that returns how real they seem, any number of logits."""


class _Drawing(Protocol):
    generator: Callable[[Tensor], Tensor]

    def draw(self, n: int) -> Tensor | tuple[Tensor, ...]: ...


class _WithPrior(Protocol):
    generator: Callable[[Tensor], Tensor]
    prior: Prior


def can_sample(game: Game) -> bool:
    """Return whether :func:`make_samples` knows how this game samples."""
    if getattr(game, "generator_takes_classes", False) or not hasattr(game, "generator"):
        return False
    return callable(getattr(game, "draw", None)) or callable(getattr(getattr(game, "prior", None), "sample", None))


def make_samples(game: Game, n: int) -> Tensor:
    """Return n samples [n, ...] of a game with a `generator` and a method ``draw(n)`` or a `prior`.

    ``draw(n)`` returns the generator's inputs, or a tuple that begins with them.
    """
    if callable(getattr(game, "draw", None)):
        drawing = cast("_Drawing", game)
        drawn = drawing.draw(n)
        return drawing.generator(drawn[0] if isinstance(drawn, tuple) else drawn)
    played = cast("_WithPrior", game)
    return played.generator(played.prior.sample(n))


def can_judge(game: Game) -> bool:
    """Return whether :func:`judge` knows how to ask this game's discriminator."""
    takes_classes = getattr(game, "discriminator_takes_classes", False)
    return not takes_classes and callable(getattr(game, "discriminator", None))


def judge(game: Game, x: Tensor) -> Tensor:
    r"""Return how real data seem to a game's `discriminator`, positive for rather real.

    Logits [n] as they are; of K class logits [n, K] the realness :math:`\log \sum_k \exp l_k`
    (:func:`~gan_ext.losses.realness`).  Of an output with several parts, `logits` is read, or else the first.  Where
    the game packs m samples, there is one logit for m of them.
    """
    packing, discriminator = getattr(game, "packing", 1), cast("nn.Module", game.discriminator)
    said: Any = discriminator(pack(x[: len(x) // packing * packing], packing))
    if not isinstance(said, Tensor):
        said = said.logits if hasattr(said, "logits") else said[0]
    return realness(said) if said.dim() == 2 and said.shape[1] > 1 else torch.flatten(said).float()
