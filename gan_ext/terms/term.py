"""What a term is: one more part of a player's loss, with a weight.

Weights, radii and the like are 0-dim buffers, so that a schedule of the engine can change them by name, such as
``"terms.entropy.weight"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = ["Generated", "GeneratorTerm", "Judge", "Scene", "Term", "View", "logits_without_noise"]


class Judge(Protocol):
    """The discriminator as terms see it: a function of data whose first output is class logits [B, K]."""

    @property
    def training(self) -> bool: ...

    def __call__(self, x: Tensor, /) -> tuple[Tensor, ...]: ...

    def train(self, mode: bool = True) -> Any: ...

    def eval(self) -> Any: ...


class Scene(NamedTuple):
    """What a term may look at before anything is judged.

    `judge` is the discriminator, which maps data to a tuple that begins with class logits [B, K]; `u` is unlabeled
    data [U, ...], `x` labeled data [B, ...] and `y` its classes [B] (None in a game without labels); `make` is the
    generator and `draw` what it makes n samples of.
    """

    judge: Judge
    u: Tensor
    x: Tensor | None
    y: Tensor | None
    make: Callable[[Tensor], Tensor]
    draw: Callable[[int], Tensor]


def logits_without_noise(judge: Judge, x: Tensor) -> Tensor:
    """Return class logits [B, K] in evaluation mode: no noise, no share in batch statistics; the mode is put back."""
    training = judge.training
    judge.eval()
    logits: Tensor = judge(x)[0]
    judge.train(training)
    return logits


class View(NamedTuple):
    """What a term wants judged besides, and what to compare it with, if not the unlabeled data's logits.

    `data` [V, ...] is judged in the same pass as all else, in training mode; None for none.  `guide` are logits or
    probabilities [V, K].
    """

    data: Tensor | None
    guide: Tensor | None = None


@checked
class _Weighted(nn.Module):
    name: str

    def __init__(self, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__} needs weight >= 0, got {weight}.")
        self.settings = {"weight": float(weight)}
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor

    def _store(self, name: str, value: float, allowed: bool = True, wanted: str = "") -> None:
        """Keep a number as a 0-dim buffer, if it is allowed."""
        if not allowed:
            raise ValueError(f"{type(self).__name__} needs {wanted}, got {name}={value}.")
        self.settings[name] = float(value)
        self.register_buffer(name, torch.tensor(float(value)))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.settings.items())


@checked
class Term(_Weighted, ABC):
    """One more term of the discriminator's loss, about its class logits.

    Args:
        weight: what it is multiplied by, dimensionless.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def borrowed(self) -> tuple[nn.Module, ...]:
        """Return networks that the term reads and another term teaches."""
        return ()

    def attach(self, discriminator: nn.Module) -> None:
        """Take what the term needs to keep of the discriminator; called once, by the game."""
        return

    def view(self, scene: Scene) -> View | None:
        """Return more data to judge, or None if the term needs none."""
        return None

    @abstractmethod
    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        """Return the term before weighting.

        Args:
            real: class logits of the unlabeled data [U, K], or the guide that the view brought.
            second: class logits of the view [V, K], None without one.
        """


class Generated(NamedTuple):
    """What a generator's term may look at: the draw [B, d], the samples [B, ...], and features of both kinds of data.

    `real` [U, F] and `fake` [B, F] are features of real and of generated data.  Gradients flow through `samples` and
    `fake`.
    """

    z: Tensor
    samples: Tensor
    fake: Tensor
    real: Tensor


@checked
class GeneratorTerm(_Weighted, ABC):
    """One term of the generator's loss; parameters of its own are the generator's to learn.

    Args:
        weight: what it is multiplied by, dimensionless.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    @abstractmethod
    def forward(self, generated: Generated) -> Tensor:
        """Return the term before weighting."""
