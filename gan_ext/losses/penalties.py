"""Gradients with respect to inputs, written so that they compile, and the penalties made of them."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["gradient_penalty", "input_gradient", "r1_penalty"]


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""Return the gradient of each sample's output with respect to that sample's input.

    .. math:: g_i = \nabla_{x_i} \sum_j f(x)_j

    ``torch.func.grad`` is used because ``autograd.grad(create_graph=True)`` cannot be compiled.  The result can be
    differentiated again.  `function` must treat samples independently (no batch normalisation).

    Args:
        function: maps [B, ...] to [B] or [B, ...].
        x: inputs [B, ...].

    Returns:
        Gradients, shaped like `x`.
    """

    def total(inputs: Tensor) -> Tensor:
        return function(inputs).float().sum()

    gradient: Tensor = torch.func.grad(total)(x)
    return gradient


def r1_penalty(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""Return the mean squared norm of the input gradient, summed over all but the first axis.

    .. math:: R_1 = E_x \lVert \nabla_x f(x) \rVert_2^2

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
    https://arxiv.org/abs/1801.04406 (their penalty is :math:`\tfrac{\gamma}{2} R_1`)

    Args:
        function: logits of samples, maps [B, ...] to [B].
        x: real data [B, ...].
    """
    return input_gradient(function, x).square().reshape(len(x), -1).sum(1).mean()


def gradient_penalty(function: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, places: Tensor) -> Tensor:
    r"""Return how far slopes between real and generated samples are from 1.

    .. math:: P = E[(\lVert \nabla f(\hat x) \rVert_2 - 1)^2], \qquad \hat x_i = \epsilon_i x_i + (1 - \epsilon_i) G_i

    References: Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028

    Args:
        function: scores of samples, maps [B, ...] to [B].
        real: real data [B, ...].
        fake: generated data [B, ...].
        places: :math:`\epsilon` [B], drawn from U[0, 1] for every sample.
    """
    places = places.reshape(-1, *[1] * (real.dim() - 1))
    gradient = input_gradient(function, places * real + (1 - places) * fake)
    norms: Tensor = torch.linalg.vector_norm(gradient.reshape(len(real), -1), dim=1)
    return (norms - 1).square().mean()
