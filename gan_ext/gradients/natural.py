"""The natural policy gradient, by the function that is compatible with the policy."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["natural_gradient"]


def natural_gradient(
    log_prob: Tensor,
    advantage: Tensor,
    mask: Tensor,
    parameters: Sequence[Tensor],
    radius: float = 0.01,
    iterations: int = 10,
    damping: float = 0.01,
) -> Tensor:
    r"""Return the scalar whose gradient is minus a step of the natural policy gradient.

    .. math::
        w = \arg\min_w E \sum_t (A_t - w \cdot \nabla \log \pi_t)^2 + \lambda \lVert w \rVert^2, \qquad
        \Delta\theta = w \sqrt{\frac{2 \delta}{w^\top F w}}

    The critic that is linear in the scores of the policy is compatible with it: its weights w are the natural gradient,
    :math:`w = F^{-1} \nabla J`.  They are found by conjugate gradients, and the step is as long as the divergence
    :math:`\delta` per choice allows.  So the optimizer should be plain descent with a learning rate of 1.

    References: Policy Gradient Methods for Reinforcement Learning with Function Approximation (Sutton et al., 2000),
    NeurIPS 12; A Natural Policy Gradient (Kakade, 2001), NeurIPS 14; Trust Region Policy Optimization (Schulman et al.,
    2015), https://arxiv.org/abs/1502.05477

    Args:
        log_prob: of what was done [N, T], with a graph.
        advantage: [N, T]; taken as constant.
        mask: which positions count [N, T] (bool).
        parameters: of the policy.
        radius: :math:`\delta > 0`, in nats per choice.
        iterations: of conjugate gradients.
        damping: :math:`\lambda > 0`.
    """
    weight = mask.to(log_prob.dtype)
    share = weight / weight.sum().clamp_min(1.0)
    parameters = list(parameters)

    def pulled(values: Tensor) -> Tensor:  # J^T v
        parts = torch.autograd.grad(log_prob, parameters, values, retain_graph=True, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in parts])

    dummy = torch.zeros_like(log_prob, requires_grad=True)
    held = torch.autograd.grad(log_prob, parameters, dummy, create_graph=True, materialize_grads=True)
    flat = torch.cat([part.reshape(-1) for part in held])

    def pushed(direction: Tensor) -> Tensor:  # J w
        (values,) = torch.autograd.grad(flat, dummy, direction, retain_graph=True)
        return values

    goal = pulled(advantage.detach() * share)
    solved, curved = _conjugate(lambda w: pulled(pushed(w) * share) + damping * w, goal, iterations)
    step = solved * (2 * radius / (solved @ curved).clamp_min(1e-12)).sqrt()
    now = torch.cat([parameter.reshape(-1) for parameter in parameters])
    return -(step.detach() * now).sum() + (step.detach() * now.detach()).sum()


def _conjugate(matrix: Callable[[Tensor], Tensor], goal: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Return x with matrix(x) near the goal, and matrix(x)."""
    solved, left = torch.zeros_like(goal), goal.clone()
    direction, size = goal.clone(), goal @ goal
    for _ in range(iterations):
        moved = matrix(direction)
        length = size / (direction @ moved).clamp_min(1e-20)
        solved, left = solved + length * direction, left - length * moved
        before, size = size, left @ left
        direction = left + size / before.clamp_min(1e-20) * direction
    return solved, goal - left
