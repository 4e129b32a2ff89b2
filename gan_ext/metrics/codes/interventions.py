"""Interventions: data in which one factor is fixed, from known factors or from the latent codes of a generator."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.metrics.codes.arrays import Floats, finite_codes
from gan_ext.seeds import kept_generators, seeded

__all__ = [
    "CodeInterventions",
    "EncodingFunction",
    "FactorData",
    "FactorInterventions",
    "Interventions",
    "as_interventions",
    "encoded_batches",
]

EncodingFunction = Callable[[Any], Any]
"""Maps data [n, ...] to codes [n, d], an array or a tensor; put a network into evaluation mode before."""


@runtime_checkable
class Interventions(Protocol):
    """Where data with a fixed factor comes from: all that the FactorVAE and BetaVAE scores know of it."""

    @property
    def n_factors(self) -> int:
        """Number of factors that can be held fixed."""

    def batches(self, factor: int, n_batches: int, batch: int, rng: np.random.Generator) -> Any:
        """Return data [n_batches * batch, ...]; within each batch the factor has one value, all else is drawn freely.

        Batches follow one another.  With `batch` 1 nothing is held fixed, and the data are free draws.
        """


@runtime_checkable
class FactorData(Protocol):
    """Data that are a function of factors, such as :class:`gan_ext.data.Sprites`."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor."""

    def render(self, factors: Tensor) -> Any:
        """Return the data [n, ...] of factors [n, k], int64, each from 0 to its size - 1."""


@checked
class FactorInterventions:
    r"""Interventions on known factors, drawn independently and uniformly.

    .. math:: v_j \sim U\{0, \dots, s_j - 1\}

    A factor with one value cannot be intervened on; it is always 0 and is not among the `n_factors`.

    Args:
        data: what renders the factors.
        device: where `data` gets the factors, and so where sprites are rendered.

    Raises:
        ValueError: no factor with at least two values.
    """

    def __init__(self, data: FactorData, device: torch.device | str = "cpu") -> None:
        self.data, self.device = data, torch.device(device)
        self.sizes = np.array(data.sizes, dtype=np.int64)
        if self.sizes.ndim != 1 or not (self.sizes > 1).any() or (self.sizes < 1).any():
            raise ValueError(f"data.sizes={tuple(data.sizes)} must be positive, and one factor must have two values.")
        self.columns = np.flatnonzero(self.sizes > 1)

    @property
    def n_factors(self) -> int:
        return len(self.columns)

    def batches(self, factor: int, n_batches: int, batch: int, rng: np.random.Generator) -> Any:
        factors = rng.integers(0, self.sizes, size=(n_batches, batch, len(self.sizes)))
        column = self.columns[factor]
        factors[:, :, column] = factors[:, :1, column]
        return self.data.render(torch.from_numpy(factors.reshape(-1, len(self.sizes))).to(self.device))


@checked
class CodeInterventions:
    r"""Interventions on the codes of a generator: what takes the place of factors where none are known.

    .. math:: x_b = G(c_b), \qquad c_b \sim p(c), \qquad c_{bj} = c_{1j} \text{ within a batch}

    The random state of torch is seeded from that of the metric for each call, and given back, so that `draw` and
    `generate` may use torch's generators.

    Args:
        draw: returns n rows of codes [n, c] (with the noise, if the generator takes it among them); for example
            ``prior.sample``.
        generate: maps these rows to data [n, ...].
        columns: for each factor the columns that hold it, for example ``[range(0, 10), [10], [11]]`` for a category of
            ten and two uniform codes; columns in none of them, such as noise, are always drawn freely.  None for each
            column by itself, by the width of one draw.
        device: where `draw` and `generate` draw random numbers.

    Raises:
        ValueError: no columns, an empty one, or columns that `draw` does not return.
    """

    def __init__(
        self,
        draw: Callable[[int], Tensor],
        generate: Callable[[Tensor], Any],
        columns: Sequence[Sequence[int]] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.draw, self.generate, self.device = draw, generate, torch.device(device)
        with kept_generators(self.device):
            width = draw(1).shape[1]
        self.columns = [[i] for i in range(width)] if columns is None else [list(each) for each in columns]
        if not self.columns or not all(self.columns):
            raise ValueError(f"columns={columns!r} must name at least one column for each of at least one factor.")
        if not all(0 <= column < width for each in self.columns for column in each):
            raise ValueError(f"columns={columns!r} must lie from 0 to {width - 1}, since draw returns {width} columns.")

    @property
    def n_factors(self) -> int:
        return len(self.columns)

    @torch.no_grad()
    def batches(self, factor: int, n_batches: int, batch: int, rng: np.random.Generator) -> Any:
        with seeded(int(rng.integers(1 << 62)), device=self.device):
            codes = self.draw(n_batches * batch).clone(memory_format=torch.contiguous_format)
            each = codes.view(n_batches, batch, -1)
            each[:, :, self.columns[factor]] = each[:, :1, self.columns[factor]]
            return self.generate(codes)


def as_interventions(data: Interventions | FactorData) -> Interventions:
    """Return interventions on the factors of data, rendered on the CPU, or the interventions themselves.

    Raises:
        TypeError: neither of the two.
    """
    if isinstance(data, Interventions):
        return data
    if isinstance(data, FactorData):
        return FactorInterventions(data)
    raise TypeError(
        f"data is {type(data).__name__}: give an object with `sizes` and `render` (factors), or one with `n_factors` "
        f"and `batches`, such as gan_ext.metrics.CodeInterventions."
    )


def encoded_batches(
    data: Interventions,
    encoders: Sequence[EncodingFunction],
    factor: int,
    n_batches: int,
    batch: int,
    rng: np.random.Generator,
    block: int,
) -> Iterator[list[Floats]]:
    """Yield codes [m, batch, d] of every encoder for the same batches, some batches at a time.

    Args:
        data: where batches come from.
        encoders: each maps data to codes.
        factor: which factor is fixed within a batch.
        n_batches: number of batches in all.
        batch: samples in a batch.
        rng: of the draws.
        block: samples that are made and encoded at once, about.

    Raises:
        ValueError: codes that are not [n, d] or not finite, or fewer than the data.
    """
    most = max(1, block // batch)
    for start in range(0, n_batches, most):
        m = min(most, n_batches - start)
        samples = data.batches(factor, m, batch, rng)
        with torch.no_grad():
            found = [finite_codes("codes from encode", encode(samples)) for encode in encoders]
        for codes in found:
            if len(codes) != m * batch:
                raise ValueError(f"encode returned {len(codes)} rows of codes for {m * batch} samples.")
        yield [codes.reshape(m, batch, -1) for codes in found]
