"""Products of the Jacobian of a game with vectors, by differentiating the players' gradients once more."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from gan_ext.engine.board import Board, Tensors

__all__ = ["Part", "inner", "jacobian_operator", "jacobian_vector", "vector_jacobian"]

Part = Literal["all", "opponents"]
"""Which derivatives of a player's gradient: in everybody's parameters, or in its opponents' alone."""


def vector_jacobian(board: Board, field: Tensors, vector: Tensors, part: Part = "all") -> Tensors:
    r"""Return :math:`J^\top u`, from gradients that know how they came about.

    Args:
        board: the players.
        field: their gradients v, of :meth:`Board.field <gan_ext.engine.board.Board.field>`.
        vector: u.
        part: "opponents" leaves out the blocks on the diagonal of J.
    """
    total = {name: [torch.zeros_like(p) for p in parameters] for name, parameters in board.parameters.items()}
    for name, values in field.items():
        others = [other for other in board.players if part == "all" or other != name]
        flat = [parameter for other in others for parameter in board.own(other)]
        rest = iter(_derivative(values, [u.detach() for u in vector[name]], flat))
        for other in others:
            torch._foreach_add_(total[other], [next(rest) for _ in board.parameters[other]])
    return total


def jacobian_vector(board: Board, field: Tensors, vector: Tensors, part: Part = "all") -> Tensors:
    r"""Return :math:`J u`; see :func:`vector_jacobian` for the arguments.

    :math:`J^\top q` is linear in q; its derivative by q, in the direction u, is :math:`J u`.
    """
    return jacobian_operator(board, field, part)(vector)


def jacobian_operator(board: Board, field: Tensors, part: Part = "all") -> Callable[[Tensors], Tensors]:
    """Return the function of :func:`jacobian_vector`, to be called for many vectors at little cost."""
    dummies = {name: [torch.zeros_like(v, requires_grad=True) for v in values] for name, values in field.items()}
    slopes: dict[str, tuple[list[str], list[Tensor]]] = {}
    for name, values in field.items():
        others = [other for other in board.players if part == "all" or other != name]
        flat = [parameter for other in others for parameter in board.own(other)]
        slopes[name] = others, _derivative(values, dummies[name], flat, differentiable=True)

    def product(vector: Tensors) -> Tensors:
        result = {}
        for name, (others, slope) in slopes.items():
            direction = [u.detach() for other in others for u in vector[other]]
            result[name] = _derivative(slope, direction, dummies[name])
        return result

    return product


def inner(first: Tensors, second: Tensors) -> Tensor:
    """Return the inner product of two vectors, a scalar in float32 at least."""
    pairs = [(a.detach(), b.detach()) for name in first for a, b in zip(first[name], second[name], strict=True)]
    return torch.stack([(a * b).sum(dtype=torch.promote_types(a.dtype, torch.float32)) for a, b in pairs]).sum()


def _derivative(
    values: list[Tensor], weights: list[Tensor], inputs: list[Tensor], differentiable: bool = False
) -> list[Tensor]:
    """Return the gradient of the weighted sum of values in the inputs; what does not depend on them counts as 0."""
    used = [(v, w) for v, w in zip(values, weights, strict=True) if v.requires_grad]
    if not used or not inputs:
        return [torch.zeros_like(each) for each in inputs]
    return list(
        torch.autograd.grad(
            [v for v, _ in used],
            inputs,
            [w for _, w in used],
            retain_graph=True,
            create_graph=differentiable,
            materialize_grads=True,
        )
    )
