"""Behavioral cloning: maximum likelihood of what an expert did."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.losses import token_mean

__all__ = ["BehavioralCloning", "Demonstrations"]


class Demonstrations(NamedTuple):
    """What an expert did: `M` episodes of at most `S` steps; single steps are episodes with S = 1.

    `observations` before each action and after the last [M, S + 1, ...], `actions` [M, S] or [M, S, k], `mask` [M, S]
    (bool; the steps that were done) and `terminated` [M] (bool): whether an end came after the last step.
    """

    observations: Tensor
    actions: Tensor
    mask: Tensor
    terminated: Tensor


@checked
class BehavioralCloning(Game):
    r"""A policy that does what an expert did, where the expert was: a game of one player.

    .. math:: L = E_\text{expert}[-\log \pi(a \mid s)]

    It never asks where its own mistakes lead.  Logged: ``accuracy``, the share of the expert's choices that it holds
    likelier than not.

    References: Efficient Training of Artificial Neural Networks for Autonomous Navigation (Pomerleau, 1991),
    https://doi.org/10.1162/neco.1991.3.1.88; its errors: A Reduction of Imitation Learning and Structured Prediction to
    No-Regret Online Learning (Ross et al., 2011), https://arxiv.org/abs/1011.0686

    Args:
        policy: gives log-probabilities and entropies for observations and actions.
    """

    def __init__(self, policy: nn.Module) -> None:
        super().__init__()
        self.policy = policy

    def players(self) -> dict[str, Player]:
        return {"policy": Player((self.policy,), self.policy_loss)}

    def policy_loss(self, batch: Demonstrations) -> Loss:
        """Return what the policy minimizes."""
        log_prob, _ = self.policy(batch.observations[:, :-1], batch.actions)
        loss = -token_mean(log_prob, batch.mask)
        with torch.no_grad():
            accuracy = token_mean((log_prob.exp() > 0.5).float(), batch.mask)
        return loss, {"accuracy": accuracy}
