"""Networks that chains look at and that do not learn."""

import copy
from collections.abc import Callable
from typing import TypeVar

from torch import nn

__all__ = ["frozen"]

Function = TypeVar("Function", bound=Callable[..., object])


def frozen(function: Function) -> Function:
    """Return a frozen copy of a network in evaluation mode, so that noise and dropout do not disturb a chain.

    A plain function is returned as it is.
    """
    return copy.deepcopy(function).requires_grad_(False).eval() if isinstance(function, nn.Module) else function
