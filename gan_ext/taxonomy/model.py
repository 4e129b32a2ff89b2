"""Model: the base class of the taxonomy: how a generative model learns, draws, and what it says of its likelihood.

References: NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 2,
https://arxiv.org/abs/1701.00160
"""

import copy
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.data import ArrayStream
from gan_ext.engine import Engine, Every, adam
from gan_ext.game import Game
from gan_ext.games import RealBatch
from gan_ext.seeds import RandomStateLike, as_seed, seeded

__all__ = [
    "CELL_AREA",
    "CHAIN",
    "EDGE",
    "LEVELS",
    "Chain",
    "Data",
    "Form",
    "Model",
    "cells",
    "count_parameters",
    "largest_width",
    "small_model",
    "within",
]

EDGE, LEVELS = 1.25, 64  # the plane from -1.25 to 1.25 is cut into 64 x 64 cells
CELL_AREA = 2 * math.log(2 * EDGE / LEVELS)  # its logarithm
CHAIN = 100  # passes of a Markov chain for a sample
_LOOKS = 10  # how often a fit looks at held-out data
_CPU = torch.device("cpu")


class Form(NamedTuple):
    """What samples are."""

    size: int
    bits: bool
    """Bits; else points in the plane."""


class Data(NamedTuple):
    """A data set, [n, D] each; settings are chosen on `valid`, figures are of `test`."""

    form: Form
    train: Tensor
    valid: Tensor
    test: Tensor
    labels: NDArray[Any] | None = None
    """Classes of `train`."""


def cells(x: Tensor) -> Tensor:
    """Return the row and column of the cells that points [n, 2] are in."""
    return ((x + EDGE) / (2 * EDGE) * LEVELS).long().clamp(0, LEVELS - 1)


def within(cell: Tensor) -> Tensor:
    """Return points spread evenly over their cells [n, 2]."""
    return (cell + torch.rand(cell.shape)) * (2 * EDGE / LEVELS) - EDGE


@checked
class Model(ABC):
    """A leaf of the tree: a small model of points in the plane, or of bits, that learns, draws and is judged.

    Pairs of attributes are for points and for bits.

    Args:
        form: what samples are.
        width: units of each hidden layer.

    Attributes:
        rates: training steps in a second of one core, by which an equal time becomes a number of steps.
        learning: learning rates at the start; they fall in a straight line.
        kinds: how the likelihood is come by: "exact", "importance", "annealed", "conservative", ...
        course: what :meth:`loss` was at each look of the fit.
    """

    rates: ClassVar[tuple[float, float]]
    learning: ClassVar[tuple[float, float]] = (2e-3, 2e-3)
    kinds: ClassVar[tuple[str, str]]
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    batch: ClassVar[int] = 128
    game: Game

    def __init__(self, form: Form, width: int) -> None:
        self.form, self.width, self.course = form, width, list[float]()
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Make the nets and the game."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """Draw samples [n, D]: points, or bits 0 and 1."""

    @abstractmethod
    def log_likelihood(self, x: Tensor) -> Tensor | None:
        """Return the log-likelihood [n] of samples in nats, exact or as :attr:`kinds` says; None if there is none."""

    @torch.no_grad()
    def loss(self, x: Tensor) -> float | None:
        """Return what the best look of a fit is chosen by, lower is better; None if the model has no such thing."""
        likelihood = self.log_likelihood(x)
        return None if likelihood is None else -float(likelihood.mean())

    def bound(self, x: Tensor) -> float | None:
        """Return the lower bound of the mean log-likelihood that is trained, in nats; None if it is exact."""
        return None

    def passes(self) -> int:
        """Return how many passes of a net follow one another for a sample."""
        return 1

    def walks(self, n: int, passes: tuple[int, ...]) -> dict[int, Tensor]:
        """Return n samples after each of these numbers of passes of a Markov chain; empty without one."""
        return {}

    def chosen(self) -> dict[str, float]:
        """Return the settings that the last fit chose on held-out data."""
        return {}

    def sizes(self) -> tuple[int, int]:
        """Return the numbers of parameters that are trained, and that draw samples."""
        return count_parameters(self.game), count_parameters(self.game)

    def fit(self, data: Data, steps: int, random_state: RandomStateLike = 0) -> None:
        """Play the game, and keep the averaged weights of the best of ten looks at held-out data.

        Args:
            data: its `train` is learned from, its `valid` looked at.
            steps: of training.
            random_state: decides order and noise.
        """
        seed = as_seed(random_state)
        rate = self.learning[self.form.bits]
        engine = Engine(
            self.game, dict.fromkeys(self.game.players(), adam(rate, self.betas)), seed=seed, ema=0.99,
            schedules={f"{name}.lr": lambda step: rate * max(0.02, 1 - step / steps) for name in self.game.players()},
        )  # fmt: skip
        probe, kept = copy.deepcopy(self), list[dict[str, Tensor]]()

        def look(engine: Engine) -> None:
            probe.game.load_state_dict(engine.averaged.state_dict())
            with seeded(seed, 5), torch.no_grad():
                if self._is_best(probe.loss(data.valid)) or not kept:
                    kept[:] = [copy.deepcopy(probe.game.state_dict())]

        engine.fit(ArrayStream(RealBatch(data.train), self.batch, seed), steps, [Every(max(1, steps // _LOOKS), look)])
        self.game.load_state_dict(kept[0])
        self.game.eval()

    def _is_best(self, loss: float | None) -> bool:
        if loss is None:
            return True
        self.course.append(loss)
        return loss == min(self.course)


class Chain(Model):
    """A model whose samples are where a Markov chain is after many passes."""

    @abstractmethod
    def first(self, n: int) -> Tensor:
        """Return where n chains start, without a look at the data."""

    @abstractmethod
    def move(self, state: Tensor) -> Tensor:
        """Walk one pass."""

    def shown(self, state: Tensor) -> Tensor:
        """Return the samples that states stand for."""
        return state

    def sample(self, n: int) -> Tensor:
        return self.walks(n, (CHAIN,))[CHAIN]

    def walks(self, n: int, passes: tuple[int, ...]) -> dict[int, Tensor]:
        state, seen = self.first(n), dict[int, Tensor]()
        for number in range(1, max(passes) + 1):
            state = self.move(state)
            if number in passes:
                seen[number] = self.shown(state)
        return seen

    def passes(self) -> int:
        return CHAIN


def count_parameters(module: nn.Module) -> int:
    """Return the number of trained parameters; weights that a mask holds at 0 do not count."""
    total = 0
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            mask = getattr(part, "mask", None) if name == "weight" else None
            total += int(mask.sum()) if isinstance(mask, Tensor) else parameter.numel() * parameter.requires_grad
    return total


def small_model(kind: type[Model], form: Form, budget: int, seed: int = 0, like: Form | None = None) -> Model:
    """Return a model before its first step, as wide as its parameters allow.

    Args:
        kind: which model.
        form: what samples are.
        budget: most parameters that are trained.
        seed: decides the weights.
        like: the form in which the budget counts, if it is another one.

    Raises:
        ValueError: as :func:`largest_width`.
    """
    with seeded(seed, 3):
        return kind(form, largest_width(kind, like or form, budget))


def largest_width(kind: type[Model], form: Form, budget: int) -> int:
    """Return the largest width at which a model trains no more parameters than the budget.

    Raises:
        ValueError: the narrowest model, of width 2, has more.
    """

    def fits(width: int) -> bool:
        return kind(form, width).sizes()[0] <= budget

    if not fits(2):
        raise ValueError(f"budget={budget!r} is too small: {kind.__name__} has {kind(form, 2).sizes()[0]} at width 2.")
    low, high = 2, 4
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
