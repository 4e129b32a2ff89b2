"""Losses of latent codes: mode seeking, and REINFORCE for the probabilities of categories."""

from torch import Tensor

__all__ = ["mode_seeking", "reinforce"]


def mode_seeking(first: Tensor, second: Tensor, first_noise: Tensor, second_noise: Tensor) -> Tensor:
    r"""Return the mode-seeking loss: how little samples differ for how much their noise differs.

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


def reinforce(rewards: Tensor, log_prob: Tensor) -> Tensor:
    r"""Return 0 with the gradient of REINFORCE: what was rewarded above the batch's average becomes more probable.

    .. math:: \nabla L = -\frac1B \sum_b (r_b - \bar r) \nabla \log p(c_b)

    In expectation that is :math:`-(1 - 1/B) \nabla E_{c \sim p}[r(c)]`, whatever c is: discrete codes need no
    relaxation.

    References: REINFORCE (Williams, 1992), https://doi.org/10.1007/BF00992696

    Args:
        rewards: r [B]; no gradient flows into them.
        log_prob: log-probability of what was drawn [B].
    """
    gains = rewards.detach().float()
    return -((gains - gains.mean()) * (log_prob - log_prob.detach())).mean()
