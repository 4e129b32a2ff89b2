"""Differentiable augmentation: instance noise, DiffAugment and ADA, applied to real and generated data alike.

A view is the `view` of :class:`~gan_ext.games.Adversarial`.  Its ``draw(x)`` makes the random numbers for a batch, and
``view(x, draw)`` uses them, so that a batch of real and one of generated data can share a draw; ``view(x)`` draws anew.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.data.images.augment import RandomShift, _check_images
from gan_ext.data.images.color import _uniform

__all__ = ["AdaptiveAugment", "DiffAugment", "InstanceNoise"]


@checked
class InstanceNoise(nn.Module):
    r"""Add noise :math:`\sigma \epsilon, \epsilon \sim N(0, I)`, to data of any shape.

    References: Towards Principled Methods for Training GANs (Arjovsky and Bottou, 2017),
    https://arxiv.org/abs/1701.04862; Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2017),
    https://arxiv.org/abs/1610.04490

    Args:
        std: :math:`\sigma`, in units of the data; a 0-dim buffer, to be annealed to 0 (``"view.std"``).

    Raises:
        ValueError: a negative deviation.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        if not std >= 0:
            raise ValueError(f"InstanceNoise needs std >= 0, got {std}.")
        self.register_buffer("std", torch.tensor(float(std)))
        self.std: Tensor
        self._std = float(std)

    def draw(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return noise shaped like `x`."""
        return (torch.randn_like(x),)

    def forward(self, x: Tensor, draw: tuple[Tensor, ...] | None = None) -> Tensor:
        """Add noise to data [B, ...]."""
        (noise,) = self.draw(x) if draw is None else draw
        return x + self.std.to(x.dtype) * noise

    def extra_repr(self) -> str:
        return f"std={self._std}"


@checked
class DiffAugment(nn.Module):
    r"""Change colors, shift, and cut a square out of every image, by draws of its own, without clipping.

    .. math::
        x &\leftarrow x + a_1, \qquad a_1 \sim U[-c/2, c/2] \\
        x &\leftarrow g + (1 + a_2)(x - g), \qquad a_2 \sim U[-c, c], \ g \text{ the mean over channels} \\
        x &\leftarrow m + (1 + a_3)(x - m), \qquad a_3 \sim U[-c/2, c/2], \ m \text{ the mean of the image}

    then a shift by whole pixels and a blank rectangle; pixels that come in, and blank ones, are 0.

    References: Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020),
    https://arxiv.org/abs/2006.10738

    Args:
        color: c, dimensionless, for pixels in a range of length 2 such as (-1, 1); 1 as published, 0 for none.
        translation: largest shift, as a share of each side; 1/8 as published, 0 for none.
        cutout: sides of the blank rectangle, as a share of the image's; 1/2 as published, 0 for none.

    Raises:
        ValueError: a negative color, or shares outside [0, 1).
    """

    def __init__(self, color: float = 1.0, translation: float = 0.125, cutout: float = 0.5) -> None:
        super().__init__()
        if not color >= 0 or not 0 <= translation < 1 or not 0 <= cutout < 1:
            raise ValueError(
                f"DiffAugment needs color >= 0 and shares in [0, 1), got color={color}, translation={translation}, "
                f"cutout={cutout}."
            )
        self.color, self.translation, self.cutout = float(color), float(translation), float(cutout)
        self._shift = RandomShift(0, "zero")

    def draw(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what to do with images [B, c, h, w]: three amounts, two shifts and two places for each."""
        _check_images(self, x)
        half = self.color / 2
        amounts = [_uniform(x, -most, most) for most in (half, self.color, half)]
        shifts, places = [], []
        for side in x.shape[-2:]:
            most = round(side * self.translation)
            shifts.append(torch.randint(-most, most + 1, (len(x),), device=x.device))
            places.append(torch.randint(0, side, (len(x),), device=x.device))
        return *amounts, *shifts, *places

    def forward(self, x: Tensor, draw: tuple[Tensor, ...] | None = None) -> Tensor:
        """Transform images [B, c, h, w]."""
        brightness, saturation, contrast, down, right, row, column = self.draw(x) if draw is None else draw
        if self.color:
            x = x + brightness
            x = _away_from(x.mean(1, keepdim=True), x, saturation)
            x = _away_from(x.mean((1, 2, 3), keepdim=True), x, contrast)
        if self.translation:
            x = self._shift._shifted(self._shift._shifted(x.mT, down).mT, right)
        if self.cutout:
            rows, columns = self._covered(row, x.shape[-2]), self._covered(column, x.shape[-1])
            x = x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
        return x

    def _covered(self, center: Tensor, side: int) -> Tensor:
        """Return whether the rectangles cover a row (or column), [B, side]."""
        size = round(side * self.cutout)
        begin, place = center[:, None] - size // 2, torch.arange(side, device=center.device)
        return (place >= begin) & (place < begin + size)

    def extra_repr(self) -> str:
        return f"color={self.color}, translation={self.translation}, cutout={self.cutout}"


@checked
class AdaptiveAugment(nn.Module):
    r"""Transform samples with a probability that follows how sure the discriminator is of real data.

    .. math::
        r = E_x[\operatorname{sign} d(x)], \qquad
        p \leftarrow \operatorname{clip}\big(p + \operatorname{sign}(r - \text{target})\, B / n, 0, 1\big)

    Every transformation is applied to every sample with probability p, independently.  The probability is a buffer: a
    checkpoint keeps it, and nothing waits for the device.  The sign means something where 0 is the discriminator's
    doubt, so not with Wasserstein and relativistic losses, whose logits may shift.

    References: Training Generative Adversarial Networks with Limited Data (ADA; Karras et al., 2020),
    https://arxiv.org/abs/2006.06676 (there p moves every 4 batches, here by a quarter of that at every batch)

    Args:
        augment: a module, or several applied one after the other, from data [B, ...] to such data; with ``draw`` or
            without.
        target: r that is aimed at, in (-1, 1); 0.6 as published.
        images: n, real samples over which p may rise from 0 to 1; 500 000 as published.
        probability: p at first; the buffer `probability`.

    Raises:
        ValueError: no transformation, a target outside (-1, 1), images below 1, or a probability outside [0, 1].
    """

    def __init__(
        self,
        augment: nn.Module | Sequence[nn.Module],
        target: float = 0.6,
        images: int = 500_000,
        probability: float = 0.0,
    ) -> None:
        super().__init__()
        self.augments = nn.ModuleList([augment] if isinstance(augment, nn.Module) else augment)
        if not len(self.augments):
            raise ValueError("AdaptiveAugment needs at least one transformation: augment=DiffAugment().")
        if not -1 < target < 1 or images < 1 or not 0 <= probability <= 1:
            raise ValueError(
                "AdaptiveAugment needs a target in (-1, 1), images >= 1 and a probability in [0, 1], got "
                f"target={target}, images={images}, probability={probability}."
            )
        self.target, self.images = float(target), images
        self.register_buffer("probability", torch.tensor(float(probability)))
        self.probability: Tensor

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Move the probability, given the discriminator's logits of real data, any shape."""
        excess = real_logits.float().sign().mean() - self.target
        self.probability.add_(excess.sign() * (len(real_logits) / self.images)).clamp_(0, 1)

    def draw(self, x: Tensor) -> tuple[Any, ...]:
        """Return, for each transformation, which samples it changes [B, ...] and its own draw (None if it has none)."""
        return tuple((self._chosen(x), augment.draw(x) if hasattr(augment, "draw") else None) for augment in self._all)

    def forward(self, x: Tensor, draw: tuple[Any, ...] | None = None) -> Tensor:
        """Transform data [B, ...]."""
        for augment, (chosen, inner) in zip(self._all, self.draw(x) if draw is None else draw, strict=True):
            x = torch.where(chosen, augment(x) if inner is None else augment(x, inner), x)
        return x

    @property
    def _all(self) -> list[Any]:
        return list(self.augments)

    def _chosen(self, x: Tensor) -> Tensor:
        return torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device) < self.probability

    def extra_repr(self) -> str:
        return f"target={self.target}, images={self.images}"


def _away_from(origin: Tensor, x: Tensor, amount: Tensor) -> Tensor:
    return origin + (1 + amount) * (x - origin)
