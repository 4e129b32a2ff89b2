"""Products of independent latent codes, each under a name."""

from itertools import accumulate

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.latents.discrete import Categorical
from gan_ext.latents.prior import Prior

__all__ = ["Product"]


@checked
class Product(Prior):
    r"""Independent codes side by side, each under its name: :math:`p(c) = \prod_i p(c_i)`.

    ``Product(digit=Categorical(10), style=Uniform(2, -1, 1))`` makes vectors of 12 numbers.  A product is a code, too.

    Args:
        codes: the codes by name, in the order of their columns.
    """

    def __init__(self, **codes: Prior) -> None:
        if not codes:
            raise ValueError("Product needs at least one code, such as Product(digit=Categorical(10)).")
        taken = [name for name in codes if "." in name or hasattr(nn.Module(), name)]
        if taken:
            raise ValueError(
                f"{taken[0]!r} cannot name a code: a name has no dot and is no attribute of a torch module."
            )
        super().__init__(sum(code.dim for code in codes.values()), sum(code.width for code in codes.values()))
        self._codes = nn.ModuleList(codes.values())
        self.names = tuple(codes)

    def __getitem__(self, name: str) -> Prior:
        return self.codes()[name]

    def codes(self) -> dict[str, Prior]:
        """Return the codes by name."""
        return dict(zip(self.names, self._codes, strict=True))  # type: ignore[arg-type]

    def first_categorical(self) -> str | None:
        """Return the name of the first :class:`Categorical` (or subclass of it), None if there is none."""
        return next((name for name, code in self.codes().items() if isinstance(code, Categorical)), None)

    def columns(self) -> dict[str, slice]:
        """Return which columns of a vector each code takes."""
        return dict(zip(self.names, _slices([code.dim for code in self.codes().values()]), strict=True))

    def split(self, values: Tensor) -> dict[str, Tensor]:
        """Cut vectors [n, d] into those of each code."""
        return dict(zip(self.names, values.split([code.dim for code in self.codes().values()], 1), strict=True))

    def split_statistics(self, statistics: Tensor) -> dict[str, Tensor]:
        """Cut statistics [n, S] into those of each code."""
        return dict(zip(self.names, statistics.split([code.width for code in self.codes().values()], 1), strict=True))

    def informations(self, statistics: Tensor, values: Tensor) -> dict[str, Tensor]:
        """Return the bound of every code in nats, scalars by name; they sum to :meth:`information`."""
        stated, true = self.split_statistics(statistics), self.split(values)
        return {name: code.information(stated[name], true[name]) for name, code in self.codes().items()}

    def sample(self, n: int) -> Tensor:
        return torch.cat([code.sample(n) for code in self.codes().values()], dim=1)

    def log_prob(self, values: Tensor) -> Tensor:
        parts = self.split(values)
        return torch.stack([code.log_prob(parts[name]) for name, code in self.codes().items()]).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([code.entropy() for code in self.codes().values()]).sum()

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        stated, true = self.split_statistics(statistics), self.split(values)
        parts = [code.log_posterior(stated[name], true[name]) for name, code in self.codes().items()]
        return torch.stack(parts).sum(0)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        stated = self.split_statistics(statistics)
        return torch.cat([code.posterior_mean(stated[name]) for name, code in self.codes().items()], dim=1)

    def allows(self, values: Tensor) -> Tensor:
        parts = self.split(values)
        return torch.stack([code.allows(parts[name]) for name, code in self.codes().items()]).all(0)

    def allows_mean(self, means: Tensor) -> Tensor:
        parts = self.split(means)
        return torch.stack([code.allows_mean(parts[name]) for name, code in self.codes().items()]).all(0)

    def nearest_mean(self, means: Tensor) -> Tensor:
        parts = self.split(means)
        return torch.cat([code.nearest_mean(parts[name]) for name, code in self.codes().items()], dim=1)


def _slices(lengths: list[int]) -> list[slice]:
    ends = list(accumulate(lengths))
    return [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
