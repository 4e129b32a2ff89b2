"""Gradient penalties (R1, WGAN-GP, DRAGAN) and input gradients that compile, and other penalties as functions."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_ext.precision import precise

__all__ = [
    "consistency_penalty",
    "dragan_penalty",
    "gradient_penalty",
    "input_gradient",
    "lecam_penalty",
    "r1_penalty",
    "squared_slope",
    "values_and_input_gradient",
]


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""Return the gradient of each sample's output with respect to that sample's input.

    .. math:: g_i = \nabla_{x_i} \sum_j f(x)_j

    ``torch.func.grad`` is used because ``autograd.grad(create_graph=True)`` cannot be compiled.  The result can be
    differentiated again.  `function` must treat samples independently (no batch normalization).

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


def values_and_input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a function makes of samples, and :func:`input_gradient`, from one pass.

    Args:
        function: maps [B, ...] to [B] or [B, ...].
        x: inputs [B, ...].

    Returns:
        Values, as `function` returns them, and gradients, shaped like `x`.
    """

    def total(inputs: Tensor) -> tuple[Tensor, Tensor]:
        values = function(inputs)
        return values.float().sum(), values

    gradient, values = torch.func.grad(total, has_aux=True)(x)
    return values, gradient


def squared_slope(gradient: Tensor) -> Tensor:
    r"""Return the mean squared norm of gradients [B, ...], summed over all but the first axis.

    .. math:: R = E_i \lVert g_i \rVert_2^2

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
    https://arxiv.org/abs/1801.04406: R1 with gradients at real data, R2 with gradients at generated data
    """
    return gradient.square().reshape(len(gradient), -1).sum(1).mean()


def r1_penalty(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    r"""Return the mean squared norm of the input gradient, summed over all but the first axis.

    .. math:: R_1 = E_x \lVert \nabla_x f(x) \rVert_2^2

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
    https://arxiv.org/abs/1801.04406 (their penalty is :math:`\tfrac{\gamma}{2} R_1`)

    Args:
        function: logits of samples, maps [B, ...] to [B].
        x: real data [B, ...].
    """
    return squared_slope(input_gradient(function, x))


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
    return _slope_from_one(function, places * real + (1 - places) * fake)


def dragan_penalty(function: Callable[[Tensor], Tensor], real: Tensor, noise: Tensor) -> Tensor:
    r"""Return how far slopes near real samples are from 1.

    .. math:: P = E[(\lVert \nabla f(x + \delta) \rVert_2 - 1)^2]

    References: On Convergence and Stability of GANs (DRAGAN; Kodali et al., 2017), https://arxiv.org/abs/1705.07215

    Args:
        function: logits of samples, maps [B, ...] to [B].
        real: real data [B, ...].
        noise: :math:`\delta` [B, ...], in units of the data.
    """
    return _slope_from_one(function, real + noise)


def _slope_from_one(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(input_gradient(function, x).reshape(len(x), -1), dim=1)
    return (norms - 1).square().mean()


def lecam_penalty(real: Tensor, fake: Tensor, real_anchor: Tensor, fake_anchor: Tensor) -> Tensor:
    r"""Return how far logits are from the other side's average.

    .. math:: R = E_x[(d(x) - \alpha_F)^2] + E_z[(d(G(z)) - \alpha_R)^2]

    References: Regularizing GANs under Limited Data (Tseng et al., 2021), equation 3, https://arxiv.org/abs/2104.03310

    Args:
        real: logits of real data, any shape.
        fake: logits of generated data, any shape.
        real_anchor: :math:`\alpha_R`, moving average of the logits of real data, a scalar.
        fake_anchor: :math:`\alpha_F`, moving average of the logits of generated data, a scalar.
    """
    return (precise(real) - fake_anchor).square().mean() + (precise(fake) - real_anchor).square().mean()


def consistency_penalty(logits: Tensor, transformed: Tensor) -> Tensor:
    r"""Return how much logits change with a transformation that should not matter.

    .. math:: R = E_x[(d(x) - d(T(x)))^2]

    References: Consistency Regularization for GANs (Zhang et al., 2020), https://arxiv.org/abs/1910.12027; balanced
    (bCR) if taken on generated data too (Zhao et al., 2021), https://arxiv.org/abs/2002.04724

    Args:
        logits: of data as they are, any shape.
        transformed: of transformed data, the same shape.
    """
    return (precise(logits) - precise(transformed)).square().mean()
