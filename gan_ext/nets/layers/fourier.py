"""Fourier features: what lets a small perceptron have steep steps."""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = ["FourierFeatures"]


@checked
class FourierFeatures(nn.Module):
    r"""Append sines and cosines of random projections to the input.

    .. math:: (x, \sin(B^\top x), \cos(B^\top x)), \qquad B_{ij} \sim N(0, s^2)

    B is drawn once and kept.  A generator needs steep steps where two modes of the data meet in its latent space, a
    discriminator where modes are narrow; plain perceptrons learn them late.

    References: Fourier Features Let Networks Learn High Frequency Functions (Tancik et al., 2020),
    https://arxiv.org/abs/2006.10739

    Args:
        inputs: length of x.
        count: projections; the output has `inputs` + 2 `count` numbers.
        scale: s, in radians per unit of x.
    """

    def __init__(self, inputs: int, count: int = 32, scale: float = 3.0) -> None:
        super().__init__()
        if count < 1 or not scale > 0:
            raise ValueError(f"FourierFeatures needs count >= 1 and scale > 0, got count={count}, scale={scale}.")
        self.register_buffer("projections", scale * torch.randn(inputs, count))
        self.projections: Tensor
        self.outputs = inputs + 2 * count

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs] to [B, outputs]."""
        angles = x @ self.projections
        return torch.cat([x, angles.sin(), angles.cos()], dim=1)
