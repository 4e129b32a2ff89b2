r"""Objects that a game adds to its discriminator's loss, or to any player's: penalties with a weight of their own.

Weights are 0-dim buffers, so that a schedule of the engine can change them by name, such as ``"penalties.r1.weight"``.
Gradient penalties are computed in float32, outside autocast.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.losses.packing import pack, unpack
from gan_ext.losses.penalties import (
    consistency_penalty,
    dragan_penalty,
    gradient_penalty,
    input_gradient,
    lecam_penalty,
    squared_slope,
)
from gan_ext.losses.semisupervised import precise

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "WGANGP",
    "ConsistencyRegularization",
    "HistoricalAveraging",
    "Judged",
    "LeCam",
    "Penalty",
]


class Judged(NamedTuple):
    """What a penalty may look at: the discriminator, what it was shown, and what it said.

    `discriminator` maps data [B, ...] to logits; `real` and `fake` are data as it sees them, and `real_logits` and
    `fake_logits` its answers.  Gradients of the summed logits with respect to the data may be there already, shaped
    like the data (None if not), and `packing` says how many samples are joined in one.
    """

    discriminator: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    real_gradient: Tensor | None = None
    fake_gradient: Tensor | None = None
    packing: int = 1


class _Weighted(nn.Module):
    def __init__(self, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__} needs weight >= 0, got {weight}; 0 switches it off.")
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor
        self._settings = {"weight": float(weight)}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._settings.items())


class Penalty(_Weighted, ABC):
    """One more term of the discriminator's loss, about how it judges.

    Args:
        weight: what it is multiplied by, dimensionless; a 0-dim buffer.

    Attributes:
        name: under which it is logged, without its weight, and kept in the game.
        of_slopes: whether it differentiates with respect to the data, and so needs samples that are judged one by one.
        input_gradients: ``(real, fake)``, whether it reads the gradients there, so that a game can take them in the
            pass that judges.
    """

    name: ClassVar[str]
    of_slopes: ClassVar[bool] = False
    input_gradients: ClassVar[tuple[bool, bool]] = (False, False)

    @abstractmethod
    def measure(self, judged: Judged) -> Tensor:
        """Return the penalty without its weight, a scalar."""

    def weighted(self, measured: Tensor) -> Tensor:
        """Return a measured penalty with its weight."""
        return self.weight * measured

    def forward(self, judged: Judged) -> Tensor:
        """Return the penalty with its weight, a scalar."""
        return self.weighted(self.measure(judged))


class R1(Penalty):
    r"""Keep the discriminator flat around real data.

    .. math:: \tfrac{\gamma}{2} E_x \lVert \nabla_x d(x) \rVert_2^2

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
    https://arxiv.org/abs/1801.04406

    Args:
        weight: :math:`\gamma`, in squared units of the data.
    """

    name = "r1"
    of_slopes = True
    input_gradients = (True, False)

    def weighted(self, measured: Tensor) -> Tensor:
        return self.weight / 2 * measured

    def measure(self, judged: Judged) -> Tensor:
        return _squared_slope(judged.discriminator, judged.real, judged.real_gradient)


class R2(Penalty):
    r"""Keep the discriminator flat around generated data.

    .. math:: \tfrac{\gamma}{2} E_z \lVert \nabla_x d(x)|_{x = G(z)} \rVert_2^2

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
    https://arxiv.org/abs/1801.04406

    Args:
        weight: :math:`\gamma`, in squared units of the data.
    """

    name = "r2"
    of_slopes = True
    input_gradients = (False, True)

    def weighted(self, measured: Tensor) -> Tensor:
        return self.weight / 2 * measured

    def measure(self, judged: Judged) -> Tensor:
        return _squared_slope(judged.discriminator, judged.fake, judged.fake_gradient)


class WGANGP(Penalty):
    """Slopes of 1 between real and generated samples (:func:`~gan_ext.losses.gradient_penalty`).

    Args:
        weight: dimensionless; 10 as published.
    """

    name = "wgan_gp"
    of_slopes = True

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__(weight)

    def measure(self, judged: Judged) -> Tensor:
        places = torch.rand(len(judged.real), device=judged.real.device, dtype=judged.real.dtype)
        with torch.autocast(judged.real.device.type, enabled=False):
            return gradient_penalty(judged.discriminator, judged.real, judged.fake, places)


class DRAGAN(Penalty):
    """Slopes of 1 around real samples (:func:`~gan_ext.losses.dragan_penalty`).

    Noise is Gaussian, as in the paper; the authors' code has uniform noise of the same size.

    Args:
        weight: dimensionless; 10 as published.
        spread: standard deviation of the noise, as a share of that of the batch (over all its numbers).

    Raises:
        ValueError: a spread that is not above 0, or a negative weight.
    """

    name = "dragan"
    of_slopes = True

    def __init__(self, weight: float = 10.0, spread: float = 0.5) -> None:
        super().__init__(weight)
        if not spread > 0:
            raise ValueError(f"DRAGAN needs spread > 0, got {spread}; 0.5 is usual.")
        self.spread = self._settings["spread"] = float(spread)

    def measure(self, judged: Judged) -> Tensor:
        noise = self.spread * judged.real.std() * torch.randn_like(judged.real)
        with torch.autocast(judged.real.device.type, enabled=False):
            return dragan_penalty(judged.discriminator, judged.real, noise)


class _Running(nn.Module):
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


class LeCam(Penalty):
    r"""Keep logits near the moving average of those of the other side (:func:`~gan_ext.losses.lecam_penalty`).

    The averages are buffers, updated by each call in training mode and corrected for their start.

    Args:
        weight: dimensionless; published values lie between 0.01 and 0.5, the more the less data.
        decay: of the averages, per step.

    Raises:
        ValueError: a decay outside [0, 1), or a negative weight.
    """

    name = "lecam"

    def __init__(self, weight: float = 0.3, decay: float = 0.99) -> None:
        super().__init__(weight)
        self.anchors = _Running(decay)
        self._settings["decay"] = float(decay)
        for side in ("real", "fake"):
            self.anchors.register_buffer(side, torch.zeros(()))

    def measure(self, judged: Judged) -> Tensor:
        real, fake = precise(judged.real_logits), precise(judged.fake_logits)
        if self.training:
            self.anchors.update({"real": real.mean(), "fake": fake.mean()})
        # Copies, because the next call changes the averages before this one's gradient may be taken.
        anchors = self.anchors.get_buffer("real").clone(), self.anchors.get_buffer("fake").clone()
        return lecam_penalty(real, fake, *anchors)


class ConsistencyRegularization(Penalty):
    """Judge transformed data as the data itself (:func:`~gan_ext.losses.consistency_penalty`).

    Args:
        transform: maps data [B, ...] to such data, with draws of its own, such as a module of :mod:`gan_ext.data`.
        weight: dimensionless; 10 as published.
        fake: whether generated data counts too (balanced consistency, bCR).
    """

    name = "consistency"

    def __init__(self, transform: Callable[[Tensor], Tensor], weight: float = 10.0, fake: bool = True) -> None:
        super().__init__(weight)
        self.transform, self.fake = transform, fake
        self._settings["fake"] = fake

    def measure(self, judged: Judged) -> Tensor:
        sides = [(judged.real, judged.real_logits), (judged.fake, judged.fake_logits)][: 2 if self.fake else 1]
        total = judged.real.new_zeros(())
        for data, logits in sides:
            other = pack(self.transform(unpack(data, judged.packing)), judged.packing)
            total = total + consistency_penalty(logits, judged.discriminator(other))
        return total


class HistoricalAveraging(_Weighted):
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
        self.averages = _Running(decay)
        self._settings |= {} if decay is None else {"decay": float(decay)}

    def attach(self, player: nn.Module) -> None:
        """Make room for the averages of a network's trainable parameters; called once, by the game."""
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


def _squared_slope(function: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor | None) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return squared_slope(input_gradient(function, x) if gradient is None else gradient)
