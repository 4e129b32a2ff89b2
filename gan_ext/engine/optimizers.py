"""Optimizers as recipes: the engine builds them once the parameters are where they belong."""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

__all__ = ["OptimizerFactory", "adam", "built", "sgd", "two_time_scales"]

OptimizerFactory = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def adam(
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.5, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> OptimizerFactory:
    r"""Return a recipe for Adam in its fastest form: fused, and fit for CUDA graphs on a GPU.

    .. math:: \theta \leftarrow \theta - \text{lr}\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    References: Adam (Kingma and Ba, 2015), https://arxiv.org/abs/1412.6980; with weight decay, AdamW (Loshchilov and
    Hutter, 2019), https://arxiv.org/abs/1711.05101

    Args:
        lr: learning rate.
        betas: decay of the first and second moment, per step; the low first one is customary for games.
        eps: :math:`\epsilon`.  Code that adds 1e-8 *inside* the root (as the published semi-supervised GAN did) has
            1e-4 here.
        weight_decay: decoupled weight decay, relative to `lr`.
    """
    if not (lr > 0 and eps > 0 and weight_decay >= 0 and all(0 <= beta < 1 for beta in betas)):
        raise ValueError(
            f"adam needs lr > 0, eps > 0, weight_decay >= 0 and betas in [0, 1), got lr={lr}, betas={betas}, "
            f"eps={eps}, weight_decay={weight_decay}."
        )

    def build(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        on_gpu = parameters[0].device.type == "cuda"
        optimizer = torch.optim.AdamW if weight_decay else torch.optim.Adam
        return optimizer(
            parameters,
            lr=torch.tensor(lr, device=parameters[0].device) if on_gpu else lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            fused=True,
            capturable=on_gpu,
        )

    return build


def sgd(lr: float = 1e-2, momentum: float = 0.0) -> OptimizerFactory:
    r"""Return a recipe for plain gradient descent, fused and fit for CUDA graphs on a GPU.

    .. math:: m \leftarrow \mu m + g, \qquad \theta \leftarrow \theta - \text{lr}\, m

    Args:
        lr: learning rate.
        momentum: :math:`\mu` in [0, 1); for a negative one see :class:`~gan_ext.engine.Momentum`.
    """
    if not (lr > 0 and 0 <= momentum < 1):
        raise ValueError(
            f"sgd needs lr > 0 and momentum in [0, 1), got lr={lr}, momentum={momentum}; for negative momentum pass "
            "solver=Momentum(beta) to the engine."
        )

    def build(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        on_gpu = parameters[0].device.type == "cuda"
        rate = torch.tensor(lr, device=parameters[0].device) if on_gpu else lr
        return torch.optim.SGD(parameters, lr=rate, momentum=momentum, fused=True)

    return build


def two_time_scales(
    rates: Mapping[str, float] | None = None, betas: tuple[float, float] = (0.0, 0.9)
) -> dict[str, OptimizerFactory]:
    """Return an Adam for each player, with a learning rate of its own: the two time-scale update rule.

    References: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500;
    the default rates are those of SAGAN (Zhang et al., 2019), https://arxiv.org/abs/1805.08318

    Args:
        rates: learning rates by player; 4e-4 for the discriminator and 1e-4 for the generator by default.
        betas: as in :func:`adam`.
    """
    rates = {"discriminator": 4e-4, "generator": 1e-4} if rates is None else rates
    return {player: adam(rate, betas) for player, rate in rates.items()}


def built(
    factories: Mapping[str, OptimizerFactory],
    parameters: Mapping[str, list[nn.Parameter]],
    schedules: Collection[str] = (),
) -> dict[str, torch.optim.Optimizer]:
    """Build each player's optimizer, or say whose is missing or is none.

    Learning rates that have a schedule become tensors on the GPU where the optimizer can read them from there: a CUDA
    graph sees such a rate change.  Those of other optimizers stay numbers.

    Args:
        factories: recipes by player.
        parameters: what each player owns.
        schedules: names of what changes, such as ``"generator.lr"``.

    Raises:
        ValueError: a player has no recipe, or something else than one.
    """
    if set(factories) != set(parameters):
        raise ValueError(f"optimizers names {sorted(factories)}, but the players are {sorted(parameters)}.")
    for player, factory in factories.items():
        if isinstance(factory, torch.optim.Optimizer) or not callable(factory):
            raise ValueError(
                f"optimizers[{player!r}] is {type(factory).__name__}; pass a function from parameters to an optimizer, "
                "such as gan_ext.engine.adam(1e-3): the engine calls it once they are on the device."
            )
    optimizers = {player: factories[player](owned) for player, owned in parameters.items()}
    for player, optimizer in optimizers.items():
        if f"{player}.lr" in schedules:
            _rates_on_device(optimizer)
    return optimizers


def _rates_on_device(optimizer: torch.optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        device = group["params"][0].device
        if device.type == "cuda" and (group.get("capturable") or group.get("fused")):
            rate = group["lr"]
            group["lr"] = rate.to(device) if isinstance(rate, Tensor) else torch.tensor(rate, device=device)
