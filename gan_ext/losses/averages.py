"""Moving averages as buffers, and historical averaging: a player held near the average of its own past."""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = ["HistoricalAveraging", "RunningMean", "Weighted"]


@checked
class Weighted(nn.Module):
    """What carries a weight, a 0-dim buffer."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__} needs weight >= 0, got {weight}; 0 switches it off.")
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor
        self._settings = {"weight": float(weight)}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._settings.items())


class RunningMean(nn.Module):
    """A bias-corrected moving average of tensors, kept as buffers; the mean of all so far if there is no decay."""

    def __init__(self, decay: float | None) -> None:
        super().__init__()
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}; 0.99 averages over about the last hundred steps.")
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.updates: Tensor

    @torch.no_grad()
    def update(self, values: dict[str, Tensor]) -> None:
        self.updates += 1
        share = 1 / self.updates if self.decay is None else (1 - self.decay) / (1 - self.decay**self.updates)
        for name, value in values.items():
            average = self.get_buffer(name)
            average += share.to(average.dtype) * (value.detach() - average)


@checked
class HistoricalAveraging(Weighted):
    r"""Keep a player's parameters near their average over the run so far.

    .. math:: w \Big\lVert \theta - \frac1t \sum_{i=1}^t \theta_i \Big\rVert_2^2

    The averages are buffers, updated by each call in training mode; :meth:`attach` makes them.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 3.3,
    https://arxiv.org/abs/1606.03498

    Args:
        weight: w, dimensionless; a 0-dim buffer.
        decay: of a moving average in place of the mean of all, per step; None for the mean.

    Raises:
        ValueError: a decay outside [0, 1), or a negative weight.
    """

    def __init__(self, weight: float, decay: float | None = None) -> None:
        super().__init__(weight)
        self.averages = RunningMean(decay)
        self._settings |= {} if decay is None else {"decay": float(decay)}

    def attach(self, player: nn.Module) -> None:
        """Make room for the averages of a network's parameters; called once, by the game.

        Raises:
            ValueError: it has those of another network already.
        """
        if len(list(self.averages.buffers())) > 1:
            raise ValueError("This HistoricalAveraging belongs to a network already; make one for each player.")
        for name, value in _parameters(player).items():
            self.averages.register_buffer(name, value.detach().clone())

    def measure(self, player: nn.Module) -> Tensor:
        """Return the squared distance of a network's parameters from their averages, a scalar."""
        values = _parameters(player)
        if self.training:
            self.averages.update(values)
        distances = [(value - self.averages.get_buffer(name).clone()).square().sum() for name, value in values.items()]
        return torch.stack(distances).sum()

    def forward(self, player: nn.Module) -> Tensor:
        """Return the distance with its weight, a scalar."""
        return self.weight * self.measure(player)


def _parameters(player: nn.Module) -> dict[str, Tensor]:
    return {name.replace(".", "/"): value for name, value in player.named_parameters()}
