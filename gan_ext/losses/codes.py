"""Losses that make a generator use what it is given."""

from torch import Tensor

__all__ = ["mode_seeking"]


def mode_seeking(first: Tensor, second: Tensor, first_noise: Tensor, second_noise: Tensor) -> Tensor:
    r"""Return how little samples differ for how much their noise differs: large when noise is ignored.

    .. math:: L = \frac{E|z_1 - z_2|}{E|G(z_1, c) - G(z_2, c)| + 10^{-5}}

    References: Mode Seeking Generative Adversarial Networks (Mao et al., 2019), https://arxiv.org/abs/1903.05628

    Args:
        first: samples [B, ...].
        second: samples of the same conditions and other noise [B, ...].
        first_noise: noise of `first` [B, d].
        second_noise: noise of `second` [B, d].
    """
    moved = (first.float() - second.float()).abs().mean()
    return (first_noise.float() - second_noise.float()).abs().mean() / (moved + 1e-5)
