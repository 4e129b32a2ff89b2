"""An explicit density of images or tables: log p(x) exactly, without a latent variable.

Shapes: B is the batch, D the numbers of a sample.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid, pad, relu

from gan_ext.checks import checked

__all__ = ["MADE", "log_density_quantile"]


class _MaskedLinear(nn.Linear):
    """A linear layer of which a mask [outputs, inputs] lets some weights through."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight * self.mask, self.bias)


@checked
class MADE(nn.Module):
    r"""A masked autoencoder: the probability of each number given those before it, all in one pass.

    .. math:: \log p(x) = \sum_{i=1}^{D} \log p_i(x_i \mid x_1, \dots, x_{i-1})

    in the order of the flattened sample (an image: row by row).  Every hidden unit has a degree m in 1 .. D-1 and sees
    only units of at most that degree; output i sees units of degree below i.  Outputs see earlier inputs directly, too.

    **Quantization.**  A number takes one of L levels 0, 1/(L-1), ..., 1, each with a probability (a softmax over L
    logits, of which the first is 0), so that at levels :math:`e^{\log p}` sums to one over all samples.  In between,
    :math:`\log p_i` is interpolated linearly from the two levels around, so that it has a gradient; that is the mean
    over a random rounding of :math:`x_i` to them, and no density.  With two levels it is the cross-entropy of gray
    values, :math:`x \log p + (1 - x) \log(1 - p)`.

    It is trained by maximum likelihood, as ``MaximumLikelihood(model, lambda batch: model(batch.x))``.

    References: MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015), sections 3 and 4,
    https://arxiv.org/abs/1502.03509 (degrees in turn instead of drawn, one order)

    Args:
        shape: shape of one sample; at least two numbers.
        widths: units of the hidden layers.
        levels: L, at least 2.

    Raises:
        ValueError: a size is too small; in a call, samples have another shape.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int] = (500, 500), levels: int = 2) -> None:
        super().__init__()
        self.shape, self.size, self.levels = tuple(shape), prod(shape), levels
        if self.size < 2 or levels < 2 or not widths or min(widths) < 1:
            raise ValueError(
                f"MADE needs samples of 2 numbers, 2 levels and a hidden layer at least, got shape={self.shape}, "
                f"levels={levels} and widths={tuple(widths)}."
            )
        places = torch.arange(1, self.size + 1)
        outputs = places.repeat_interleave(levels - 1)
        degrees = [places, *(_degrees(width, self.size) for width in widths)]
        self.hidden = nn.ModuleList(
            _MaskedLinear(after[:, None] >= before) for before, after in zip(degrees[:-1], degrees[1:], strict=True)
        )
        self.output = _MaskedLinear(outputs[:, None] > degrees[-1])
        self.direct = _MaskedLinear(outputs[:, None] > places)
        nn.init.zeros_(self.direct.weight)

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits [B, D, L] of the levels of each number of samples [B, ...]."""
        if x.shape[1:] != self.shape:
            raise ValueError(f"MADE was built for samples of shape {self.shape}, got {tuple(x.shape[1:])}.")
        flat = 2 * x.flatten(1) - 1
        h = flat
        for layer in self.hidden:
            h = relu(layer(h))
        free: Tensor = self.output(h) + self.direct(flat)
        return pad(free.view(len(x), self.size, self.levels - 1).float(), (1, 0))

    def forward(self, x: Tensor) -> Tensor:
        """Return log p [B] in nats of samples [B, ...] in [0, 1]."""
        flat, logits = x.flatten(1).float(), self.logits(x)
        if self.levels == 2:  # the same as below, in less memory
            return (flat * logits[..., 1] + logsigmoid(-logits[..., 1])).sum(1)
        # Hat functions: 1 at a level, 0 at its neighbors.
        distance = flat[..., None] * (self.levels - 1) - torch.arange(self.levels, device=x.device)
        hats = (1 - distance.abs()).clamp_min(0)
        return (hats * logits.log_softmax(-1)).sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Draw samples [n, ...] on the levels, one number after the other: D passes."""
        x = torch.zeros(n, *self.shape, device=self.output.weight.device)
        flat = x.view(n, -1)
        for place in range(self.size):
            level = torch.multinomial(self.logits(x)[:, place].softmax(-1), 1)[:, 0]
            flat[:, place] = level / (self.levels - 1)
        return x


def _degrees(width: int, size: int) -> Tensor:
    """Return degrees [width] spread evenly over 1 .. size - 1."""
    return torch.linspace(1, size - 1, width).round().long()


@torch.no_grad()
def log_density_quantile(density: nn.Module, x: Tensor, share: float = 0.1, batch_size: int = 1000) -> Tensor:
    """Return the log-density below which a share of samples lies, as the threshold of a term about low density.

    Args:
        density: maps samples [B, ...] to log-densities [B] in nats.
        x: training samples [n, ...].
        share: in [0, 1].
        batch_size: samples in a pass.

    Returns:
        A 0-dim tensor, in nats.
    """
    if not 0 <= share <= 1 or len(x) < 1:
        raise ValueError(f"log_density_quantile needs samples and share in [0, 1], got {len(x)} and share={share}.")
    return torch.cat([density(part) for part in x.split(batch_size)]).quantile(share)
