r"""Denoising autoencoders as a game of one player: what they learn is the slope of the log-density.

References: What Regularized Auto-Encoders Learn from the Data-Generating Distribution (Alain and Bengio, 2014),
https://arxiv.org/abs/1211.4246
"""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player
from gan_ext.games.standard import RealBatch

__all__ = ["DenoisingAutoencoder"]


@checked
class DenoisingAutoencoder(Game):
    r"""One player, who takes added noise away again.

    .. math::
        L = E_{x, n} \, \overline{(R(x + \sigma n) - x)^2}, \qquad
        \frac{R(x) - x}{\sigma^2} \approx \nabla_x \log p_\sigma(x)

    with standard normal n and :math:`p_\sigma` the density of noisy data; for the best R the second line holds with
    equality.  It is the prior of PPGN-x (x is data) and of PPGN-h (x is a code).

    References: Alain and Bengio (2014), https://arxiv.org/abs/1211.4246; A Connection Between Score Matching and
    Denoising Autoencoders (Vincent, 2011)

    Args:
        model: R, from data [B, ...] to data of the same shape.
        sigma: :math:`\sigma`, standard deviation of the noise in units of the data.

    Raises:
        ValueError: a sigma that is not positive.
    """

    def __init__(self, model: nn.Module, sigma: float) -> None:
        super().__init__()
        if not sigma > 0:
            raise ValueError(f"sigma={sigma!r} must be positive: the standard deviation of the noise.")
        self.model, self.sigma = model, sigma

    def players(self) -> dict[str, Player]:
        return {"model": Player((self.model,), self.loss)}

    def loss(self, batch: RealBatch) -> Loss:
        loss = (self.model(batch.x + self.sigma * torch.randn_like(batch.x)).float() - batch.x.float()).square().mean()
        return loss, {"error": loss.detach()}

    def score(self, x: Tensor) -> Tensor:
        r"""Return :math:`(R(x) - x) / \sigma^2`, of the shape of x."""
        slope: Tensor = (self.model(x) - x) / self.sigma**2
        return slope
