"""Where samples with known codes come from, whatever made them: what diagnostics need of a fitted estimator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from gan_ext.estimators.codes.conditional_gan import ConditionalGAN
from gan_ext.estimators.codes.fitted_codes import CodedGAN
from gan_ext.estimators.codes.values import Unit, units
from gan_ext.latents import Bernoulli, Categorical, Gaussian, Prior, Product, Uniform

__all__ = ["CodeSource", "CodeUnit", "product_source", "source_of"]

Array = NDArray[Any]
_BLOCK = 4096  # samples made at a time


@dataclass(frozen=True)
class CodeUnit:
    """What is read and moved by itself: a category, a switch, or one coordinate, whose values are cut into levels.

    Args:
        label: its name, such as ``"style[0]"``.
        shares: probabilities of its k classes under the prior.
        edges: inner edges of the levels of a coordinate [k - 1]; None for categories and switches.
        quantiles: of a coordinate's prior, maps probabilities [n] to values [n]; None for categories and switches.
    """

    label: str
    shares: tuple[float, ...]
    edges: Tensor | None = None
    quantiles: Callable[[Array], Array] | None = None

    def classes(self, values: Tensor) -> Tensor:
        """Return the class [n] of values [n]: the category, or the level of a coordinate."""
        if self.edges is None:
            return values.round().long()
        return torch.bucketize(values.contiguous(), self.edges)

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
    """

    units: tuple[CodeUnit, ...]
    draw_codes: Callable[[int], Tensor]
    draw_noise: Callable[[int], Tensor]
    make: Callable[[Tensor, Tensor], Tensor]
    restore: Callable[[Tensor], Array]
    own: Callable[[Tensor], list[Tensor]] | None = None
    category: int | None = None
    remedy: str = "give it a larger weight in `information`, or leave it out"

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
        return torch.stack([_number(part, vectors) for part in parts], dim=1)

    def make(noise: Tensor, numbers: Tensor) -> Tensor:
        columns = [_vector(part, column) for part, column in zip(parts, numbers.T, strict=True)]
        return generator(torch.cat([noise, *columns], dim=1))

    @torch.no_grad()
    def read(x: Tensor) -> list[Tensor]:
        assert own is not None
        means = torch.cat([codes.posterior_mean(own(block)) for block in x.split(_BLOCK)]).double()
        return [_belief(part, means) for part in parts]

    return CodeSource(
        tuple(_code_unit(part, levels) for part in parts),
        draw_codes,
        noise.sample,
        make,
        restore,
        None if own is None else read,
        None if category is None else [part.name for part in parts].index(category),
    )


def source_of(estimator: Any, levels: int = 16) -> CodeSource:
    """Return the source of a fitted estimator.

    Raises:
        TypeError: an estimator without codes.
        NotFittedError: one that is not fitted.
    """
    if not isinstance(estimator, CodedGAN | ConditionalGAN):
        raise TypeError(f"estimator is {type(estimator).__name__}; pass a fitted InfoGAN or ConditionalGAN.")
    check_is_fitted(estimator)
    return _class_source(estimator) if isinstance(estimator, ConditionalGAN) else _coded_source(estimator, levels)


def _coded_source(estimator: CodedGAN, levels: int) -> CodeSource:
    game, scaler = estimator.game_, estimator.scaler_
    return product_source(
        game.generator,
        estimator.codes_,
        game.noise,
        levels=levels,
        own=lambda x: game.discriminator(x).statistics,
        restore=lambda x: scaler.inverse(x.double().numpy()),
    )


def _class_source(estimator: ConditionalGAN) -> CodeSource:
    game, prior = estimator.game_, torch.as_tensor(estimator.class_prior_, dtype=torch.float32)
    generator: nn.Module = game.generator
    return CodeSource(
        (CodeUnit("class", tuple(estimator.class_prior_.tolist())),),
        lambda n: torch.multinomial(prior, n, replacement=True).float()[:, None],
        game.prior.sample,
        lambda noise, codes: generator(noise, codes[:, 0].long()),
        estimator._restore,
        category=0,
        remedy="train longer (`max_iter`), or try another `condition`",
    )


def _code_unit(unit: Unit, levels: int) -> CodeUnit:
    match unit.code:
        case Categorical():
            return CodeUnit(unit.label, tuple(unit.code.logits.detach().double().softmax(0).tolist()))
        case Bernoulli():
            return CodeUnit(unit.label, (1 - unit.code.p, unit.code.p))
    quantiles = _quantiles(unit)
    edges = torch.from_numpy(quantiles(np.arange(1, levels) / levels)).float()
    return CodeUnit(unit.label, (1 / levels,) * levels, edges, quantiles)


def _quantiles(unit: Unit) -> Callable[[Array], Array]:
    match unit.code:
        case Uniform(low=low, high=high):
            return lambda probabilities: low + (high - low) * probabilities
        case Gaussian(scale=scale):
            return lambda probabilities: scale * ndtri(probabilities)
    raise ValueError(f"The code {unit.label!r} is a {type(unit.code).__name__}, whose quantiles are not known here.")


def _number(unit: Unit, vectors: Tensor) -> Tensor:
    columns = vectors[:, unit.columns]
    return columns.argmax(1).to(columns.dtype) if isinstance(unit.code, Categorical) else columns[:, 0]


def _vector(unit: Unit, column: Tensor) -> Tensor:
    if isinstance(unit.code, Categorical):
        return nn.functional.one_hot(column.long(), unit.code.dim).to(column.dtype)
    return column[:, None]


def _belief(unit: Unit, means: Tensor) -> Tensor:
    columns = means[:, unit.columns]
    if isinstance(unit.code, Bernoulli):
        return torch.cat([1 - columns, columns], dim=1)
    return columns if isinstance(unit.code, Categorical) else columns[:, 0]
