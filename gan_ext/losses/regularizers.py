r"""Regularizers of the discriminator as objects: gradient penalties and others, each with a weight of its own.

Weights are 0-dim buffers, so that a schedule of the engine can change them by name, such as ``"penalties.r1.weight"``.
Gradient penalties with a pass of their own take it in float32, outside autocast; R1 and R2 read those that a game took.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.losses.averages import RunningMean, Weighted
from gan_ext.losses.packing import pack, unpack
from gan_ext.losses.penalties import (
    consistency_penalty,
    dragan_penalty,
    gradient_penalty,
    input_gradient,
    lecam_penalty,
    squared_slope,
)
from gan_ext.precision import precise

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "WGANGP",
    "ConsistencyRegularization",
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


class Penalty(Weighted, ABC):
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


@checked
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


@checked
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


@checked
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
        self.anchors = RunningMean(decay)
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


@checked
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


def _squared_slope(function: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor | None) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return squared_slope(input_gradient(function, x) if gradient is None else gradient)
