"""Maximum likelihood as a game of one player."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player

__all__ = ["MaximumLikelihood"]


@checked
class MaximumLikelihood(Game):
    r"""One player, who minimizes the negative log-likelihood of the batch.

    .. math:: L = -E_x \log p_\theta(x)

    Any explicit model can be trained by the same engine, for pre-training a generator or as a baseline.

    Args:
        model: the module to train.
        log_likelihood: maps a batch to log-likelihoods [B] in nats, with `model`'s parameters in its graph.
    """

    def __init__(self, model: nn.Module, log_likelihood: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.log_likelihood = log_likelihood

    def players(self) -> dict[str, Player]:
        return {"model": Player((self.model,), self.loss)}

    def loss(self, batch: Any) -> Loss:
        loss = -self.log_likelihood(batch).float().mean()
        return loss, {"negative_log_likelihood": loss.detach()}
