"""Priors: what a generator starts from."""

from torch import Tensor, nn, zeros

__all__ = ["Gaussian", "Uniform"]


class Uniform(nn.Module):
    r"""The uniform prior on a box, :math:`z \sim U[\text{low}, \text{high}]^d`.

    Args:
        dim: number of coordinates d.
        low: lower end of every coordinate.
        high: upper end of every coordinate.
    """

    def __init__(self, dim: int, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        if dim < 1 or not low < high:
            raise ValueError(f"Uniform needs dim >= 1 and low < high, got dim={dim}, low={low}, high={high}.")
        self.dim, self.low, self.high = dim, low, high
        self.register_buffer("anchor", zeros(()), persistent=False)
        self.anchor: Tensor

    def sample(self, n: int) -> Tensor:
        """Draw [n, d] values on the device and in the precision of this module."""
        return self.anchor.new_empty(n, self.dim).uniform_(self.low, self.high)


class Gaussian(nn.Module):
    r"""The standard normal prior, :math:`z \sim N(0, I_d)`.

    Args:
        dim: number of coordinates d.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"Gaussian needs dim >= 1, got dim={dim}.")
        self.dim = dim
        self.register_buffer("anchor", zeros(()), persistent=False)
        self.anchor: Tensor

    def sample(self, n: int) -> Tensor:
        """Draw [n, d] values on the device and in the precision of this module."""
        return self.anchor.new_empty(n, self.dim).normal_()
