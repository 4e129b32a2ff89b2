"""What chains move on: a prior times a condition, with the slopes of both."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.plug_and_play.conditions import Condition
from gan_ext.plug_and_play.priors import ChainPrior

__all__ = ["Position", "Target"]


class Position(NamedTuple):
    """Where n chains are, and what is known there."""

    codes: Tensor  # h [n, ...]
    data: Tensor  # G(h) [n, ...]
    log_condition: Tensor  # log p(y | G(h)) [n], nats
    condition_slope: Tensor  # its slope, of the shape of the codes
    prior_slope: Tensor  # the slope of log p(h)
    log_prior: Tensor | None  # log p(h) [n] up to a constant, where the prior knows it


class Target(NamedTuple):
    r"""The law :math:`p(h) \, p(y \mid G(h))` up to a constant.

    Args:
        generator: G, from codes to data.
        prior: of codes.
        condition: on data; None leaves the prior alone.
    """

    generator: nn.Module
    prior: ChainPrior
    condition: Condition | None

    def at(self, codes: Tensor, target_only: bool = False) -> Position:
        """Look at codes [n, ...]: one pass through generator and condition, and one back."""
        codes = codes.detach()
        if self.condition is None:
            with torch.no_grad():
                data = self.generator(codes).float()
            log_condition, slope = codes.new_zeros(len(codes)), torch.zeros_like(codes)
        else:
            data, log_condition, slope = self._conditioned(codes, self.condition, target_only)
        prior_slope = self.prior.score(codes, data)
        return Position(codes, data, log_condition, slope, prior_slope, self.prior.log_prob(codes, data))

    def _conditioned(self, codes: Tensor, condition: Condition, target_only: bool) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            followed = codes.requires_grad_()
            data = self.generator(followed).float()
            log_condition, guide = condition.both(data) if target_only else (condition.log_prob(data), None)
            _check(log_condition, len(codes))
            (slope,) = torch.autograd.grad((log_condition if guide is None else guide).sum(), followed)
        codes.requires_grad_(False)
        return data.detach(), log_condition.detach(), slope


def _check(log_condition: object, n: int) -> None:
    """Raise ValueError unless a condition says one number for each chain, which depends on the data."""
    if not isinstance(log_condition, Tensor) or log_condition.shape != (n,):
        shape = tuple(log_condition.shape) if isinstance(log_condition, Tensor) else type(log_condition).__name__
        raise ValueError(
            f"The condition's log_prob returns {shape} for {n} chains; one number for each is needed: [n]."
        )
    if not log_condition.requires_grad:
        raise ValueError("The condition's log_prob does not depend on the data in a way that has a slope.")
