"""Sources of samples with known latent codes: what a report on codes asks of a fitted estimator, or of a generator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.estimators.codes.values import Unit, units
from gan_ext.latents import Prior, Product

__all__ = ["CodeSource", "CodeUnit", "HasCodes", "RealSamples", "product_source", "source_of"]

Array = NDArray[Any]
_BLOCK = 4096  # samples made at a time


@dataclass(frozen=True)
class CodeUnit:
    """What is read and moved by itself: a category, a switch, or one coordinate, whose values are cut into levels.

    Args:
        label: its name, such as ``"style[0]"``.
        shares: probabilities of its k classes under the prior.
        edges: inner edges of the levels of a coordinate [k - 1]; None if its values are finitely many.
        quantiles: of a coordinate's prior, maps probabilities [n] to values [n]; None if its values are finitely many.
        points: the k values that it has; None for 0 to k - 1, and for coordinates.
    """

    label: str
    shares: tuple[float, ...]
    edges: Tensor | None = None
    quantiles: Callable[[Tensor], Tensor] | None = None
    points: Tensor | None = None

    def classes(self, values: Tensor) -> Tensor:
        """Return the class [n] of values [n]: the number of the value, or the level of a coordinate."""
        if self.edges is not None:
            return torch.bucketize(values.contiguous(), self.edges)
        if self.points is None:
            return values.round().long()
        return (values[:, None] - self.points).abs().argmin(1)

    def reading(self, probabilities: Tensor) -> Tensor:
        """Return a belief as a reading: probabilities [n, k], or a coordinate's mean rank in (0, 1), [n]."""
        if self.edges is None:
            return probabilities
        k = len(self.shares)
        return probabilities @ ((torch.arange(k, dtype=probabilities.dtype) + 0.5) / k)

    def true_reading(self, values: Tensor) -> Tensor:
        """Return the reading of one who sees the values [n]."""
        return self.reading(torch.eye(len(self.shares), dtype=torch.float64)[self.classes(values)])


@dataclass(frozen=True)
class RealSamples:
    """What a fitted estimator does with real samples; X are such, (n, ...), in the data's units.

    Args:
        check: maps X to a checked array, or says what is wrong with it.
        seen: maps checked X to a tensor as the networks see it.
        predict: maps checked X to categories (n,); None if no category is read from samples.
        classes: classes that `fit` was given, in order; category k stands for the k-th.  Empty if it was given none.
        unlabeled: what stands for "no label"; None if every sample has one.
        device: where networks may be trained.
    """

    check: Callable[[Any], Array]
    seen: Callable[[Array], Tensor]
    predict: Callable[[Array], Array] | None = None
    classes: tuple[Any, ...] = ()
    unlabeled: Any = None
    device: str = "cpu"


@dataclass(frozen=True)
class CodeSource:
    """A generator with codes.  Codes are numbers [n, U], a column for each unit; noise is [n, anything].

    Args:
        units: the U units.
        draw_codes: draws n rows from the prior.
        draw_noise: draws n rows.
        make: maps (noise, codes) to samples [n, ...] as the networks see them.
        restore: maps samples to the data's units.
        own: what the estimator's own Q reads from samples: for each unit probabilities [n, k] or posterior means [n];
            None if there is none.
        category: number of the unit that stands for classes, None if there is none.
        remedy: what to do about a code that is dead.
        real: what is known of real samples; None if nothing is, as for a bare generator.
    """

    units: tuple[CodeUnit, ...]
    draw_codes: Callable[[int], Tensor]
    draw_noise: Callable[[int], Tensor]
    make: Callable[[Tensor, Tensor], Tensor]
    restore: Callable[[Tensor], Array]
    own: Callable[[Tensor], list[Tensor]] | None = None
    category: int | None = None
    remedy: str = "give it a larger weight in `information`, or leave it out"
    real: "RealSamples | None" = None

    @torch.no_grad()
    def generate(self, noise: Tensor, codes: Tensor) -> Tensor:
        """Return samples [n, ...], made in blocks."""
        blocks = zip(noise.split(_BLOCK), codes.split(_BLOCK), strict=True)
        return torch.cat([self.make(*block) for block in blocks])

    @torch.no_grad()
    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw noise and codes."""
        return self.draw_noise(n), self.draw_codes(n)

    @torch.no_grad()
    def redraw(self, codes: Tensor, unit: int) -> Tensor:
        """Return codes in which one unit is drawn anew until its value differs (at most 20 times)."""
        old, new = codes[:, unit], codes.clone()
        for _ in range(20):
            same = new[:, unit] == old
            new[:, unit] = torch.where(same, self.draw_codes(len(codes))[:, unit], new[:, unit])
        return new

    def classes(self, codes: Tensor) -> Tensor:
        """Return the classes [n, U] of codes."""
        return torch.stack([unit.classes(column) for unit, column in zip(self.units, codes.T, strict=True)], dim=1)


def product_source(
    generator: Callable[[Tensor], Tensor],
    codes: Product,
    noise: Prior,
    *,
    levels: int = 16,
    own: Callable[[Tensor], Tensor] | None = None,
    restore: Callable[[Tensor], Array] = lambda x: np.asarray(x.double()),
) -> CodeSource:
    """Return the source of a generator of (noise, codes) side by side, as InfoGAN has one.

    Args:
        generator: maps [n, noise.dim + codes.dim] to samples.
        codes: the codes.
        noise: the rest of the input.
        levels: equally likely levels of a coordinate.
        own: maps samples to statistics [n, codes.width].
        restore: maps samples to the data's units.
    """
    parts = units(codes)
    category = codes.first_categorical()

    def draw_codes(n: int) -> Tensor:
        vectors = codes.sample(n)
        return torch.stack([part.code.numbers(vectors[:, part.columns]) for part in parts], dim=1)

    def make(noise: Tensor, numbers: Tensor) -> Tensor:
        columns = [part.code.vectors(column) for part, column in zip(parts, numbers.T, strict=True)]
        return generator(torch.cat([noise, *columns], dim=1))

    @torch.no_grad()
    def read(x: Tensor) -> list[Tensor]:
        assert own is not None
        stated = codes.split_statistics(torch.cat([own(block) for block in x.split(_BLOCK)]))
        return [belief.double() for name, code in codes.codes().items() for belief in code.beliefs(stated[name])]

    return CodeSource(
        tuple(_code_unit(part, levels) for part in parts),
        draw_codes,
        noise.sample,
        make,
        restore,
        None if own is None else read,
        None if category is None else [part.name for part in parts].index(category),
    )


@runtime_checkable
class HasCodes(Protocol):
    """An estimator whose codes can be reported: fitted, it says where samples with known codes come from."""

    def code_source(self, levels: int = 16) -> CodeSource:
        """Return the source of samples with known codes; coordinates are cut into so many levels."""


def source_of(estimator: HasCodes, levels: int = 16) -> CodeSource:
    """Return the source of a fitted estimator.

    Raises:
        TypeError: an estimator without the method `code_source`.
        NotFittedError: one that is not fitted.
    """
    if isinstance(estimator, type) or not isinstance(estimator, HasCodes):
        raise TypeError(
            f"estimator is {type(estimator).__name__}; pass a fitted InfoGAN or ConditionalGAN, or an estimator of "
            "your own with the method `code_source`."
        )
    return estimator.code_source(levels)


def _code_unit(unit: Unit, levels: int) -> CodeUnit:
    code, shares = unit.code, unit.code.shares()
    if shares is not None:
        return CodeUnit(unit.label, tuple(shares.tolist()), points=torch.tensor(code.values()))
    edges = code.quantiles(torch.arange(1, levels, dtype=torch.float64) / levels).float()
    return CodeUnit(unit.label, (1 / levels,) * levels, edges, code.quantiles)
