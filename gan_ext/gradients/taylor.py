"""TaylorGAN: what neighbors of the drawn tokens would have earned, to first order."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.gradients.estimator import GradientEstimator, Reward, leave_one_out, one_hot, reward_of_rows, score_terms
from gan_ext.sequences import SequenceModel, real_positions, sample

__all__ = ["Taylor"]


@checked
class Taylor(GradientEstimator):
    r"""The score function over all neighbors v of the drawn token, with rewards expanded to first order.

    .. math::
        \sum_{t,v} \frac{K(x_t, v)}{\sum_w p_t(w) K(w, v)}
            \Big(R(x) - b + \frac{\partial R}{\partial x_t}(e_v - e_{x_t})\Big) \nabla p_t(v), \qquad
        K(w, v) = e^{-\lVert E_w - E_v \rVert^2 / 2 h^2}

    The quotient has mean 1 over draws, so each neighbor counts as often as the policy wants it.  With
    :math:`h \to 0` only the drawn token counts, and this is :class:`~gan_ext.gradients.LeaveOneOut`; with
    :math:`h \to \infty` all count alike, and it is straight-through without the path by way of later tokens.

    References: TaylorGAN (Lin and Chen, 2020), https://arxiv.org/abs/2011.13527

    Args:
        bandwidth: h > 0, in the units of the embedding; a buffer.
        embedding: returns the vectors E [V, E] in which tokens are near, such as
            ``lambda: discriminator.embedding.weight``; None for one-hot vectors, all equally far apart.  With vectors,
            a step needs V x V numbers.
    """

    unbiased = False
    relaxed = True

    def __init__(self, bandwidth: float = 0.5, embedding: Callable[[], Tensor] | None = None) -> None:
        super().__init__()
        if not bandwidth > 0:
            raise ValueError(f"bandwidth={bandwidth!r} must be a positive number.")
        self.embedding = embedding
        self.register_buffer("bandwidth", torch.tensor(float(bandwidth)))
        self.bandwidth: Tensor

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = sample(model, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        values, slope = self._expanded(reward, one_hot(tokens, model.vocabulary))
        advantage = values[:, None] - leave_one_out(values, mask)
        probabilities = model(tokens, labels).float().softmax(-1)
        with torch.no_grad():
            change = slope - slope.gather(-1, tokens[..., None])
            weights = self._weights(tokens, probabilities) * (advantage[..., None] + change)
        loss = -((weights * probabilities).sum(-1) * mask).sum(1).mean()
        return loss, score_terms(values, advantage, mask)

    def _expanded(self, reward: Reward, rows: Tensor) -> tuple[Tensor, Tensor]:
        # Not torch.func: a reward may hold autograd functions of its own, and one derivative is enough.
        with torch.enable_grad():
            rows.requires_grad_(True)
            values = reward_of_rows(reward, rows, "Taylor")
            (slope,) = torch.autograd.grad(values.sum(), rows)
        return values.detach(), slope

    def _weights(self, tokens: Tensor, probabilities: Tensor) -> Tensor:
        if self.embedding is None:
            apart = torch.exp(-1 / self.bandwidth.square())  # one-hot vectors have squared distance 2
            own = one_hot(tokens, probabilities.shape[-1])
            return (apart + (1 - apart) * own) / (apart + (1 - apart) * probabilities).clamp_min(1e-30)
        vectors = self.embedding().detach().float()
        kernel = torch.exp(-torch.cdist(vectors, vectors).square() / (2 * self.bandwidth.square()))
        return kernel[tokens] / (probabilities @ kernel).clamp_min(1e-30)
