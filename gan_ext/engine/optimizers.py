"""Optimisers as recipes: the engine builds them once the parameters are where they belong."""

from collections.abc import Callable

import torch
from torch import nn

__all__ = ["OptimizerFactory", "adam"]

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
