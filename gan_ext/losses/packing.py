"""Packing (PacGAN): several samples shown to the discriminator as one."""

from torch import Tensor

__all__ = ["pack", "unpack"]


def pack(x: Tensor, samples: int) -> Tensor:
    r"""Join each `samples` = m neighbors of a batch along features or channels.

    .. math:: [B, c, ...] \to [B / m, m c, ...]

    References: PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2018),
    https://arxiv.org/abs/1712.04086

    Args:
        x: data [B, c, ...]; a column [B] counts as c = 1.
        samples: m.

    Raises:
        ValueError: m below 1, or a batch that is not a multiple of m.
    """
    if samples == 1:
        return x
    if samples < 1 or len(x) % samples:
        raise ValueError(
            f"packing joins {samples} samples in one, which does not divide a batch of {len(x)}; use a batch that is a "
            f"multiple of packing, and packing >= 1."
        )
    return x.reshape(len(x) // samples, -1, *x.shape[2:])


def unpack(x: Tensor, samples: int) -> Tensor:
    """Return the samples that :func:`pack` joined.

    Args:
        x: packed data [B / m, m c, ...].
        samples: m.
    """
    return x if samples == 1 else x.reshape(len(x) * samples, -1, *x.shape[2:])
