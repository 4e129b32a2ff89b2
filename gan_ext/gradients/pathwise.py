"""Gumbel-softmax and straight-through: tokens become rows of weights, and the reward's own derivative is used."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.gradients.estimator import GradientEstimator, Reward, one_hot, reward_of_rows
from gan_ext.sequences import SequenceModel

__all__ = ["GumbelSoftmax", "StraightThrough", "StraightThroughGumbel", "gumbel_like", "relaxed_sample"]

Feed = Literal["row", "token"]


def gumbel_like(logits: Tensor) -> Tensor:
    r"""Return standard Gumbel noise :math:`-\log E`, E exponential, in float32, shaped like `logits`."""
    # An exponential of exactly 0 would be infinite noise, and NaN after the softmax.
    exponential = torch.empty_like(logits, dtype=torch.float32).exponential_()
    return -exponential.clamp_min(1e-30).log()


def relaxed_sample(
    model: SequenceModel,
    n: int,
    temperature: float | Tensor = 1.0,
    hard: bool = False,
    labels: Tensor | None = None,
    *,
    feed: Feed = "token",
    gumbel: bool = True,
) -> Tensor:
    r"""Draw sequences as rows of weights over the vocabulary, with a derivative in the model's parameters.

    .. math:: s_t = \mathrm{softmax}((l_t + g_t) / \tau), \qquad b_t = \arg\max_v (l_{tv} + g_{tv})

    The argmax has the model's distribution, whatever the temperature.  A sequence ends with the argmax: rows after it
    are exact pads, and ending earlier or later has no derivative.

    References: Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017),
    https://arxiv.org/abs/1611.01144; The Concrete Distribution (Maddison et al., 2017),
    https://arxiv.org/abs/1611.00712

    Args:
        model: what to sample from.
        n: how many.
        temperature: :math:`\tau > 0`.
        hard: return one-hot rows of b whose derivative is that of s (straight-through).
        labels: classes [n] of a class-conditional model.
        feed: what the model reads next: ``"token"``, the number b, without a derivative (RelGAN); ``"row"``, the row
            that is returned, with one.
        gumbel: with False, :math:`s_t = \mathrm{softmax}(l_t / \tau)` without the noise that chose b.

    Returns:
        Rows [n, T, V].

    Raises:
        ValueError: `feed` is neither.
    """
    _check_feed(feed)
    state, token, rows = model.initial(n, labels), model.first(n), []
    open_ = torch.ones_like(token, dtype=torch.bool)
    for _ in range(model.length):
        logits, state = model.step(token, state)
        noisy = logits.float() + gumbel_like(logits)
        drawn = torch.where(open_, noisy.argmax(-1), model.pad)
        soft = ((noisy if gumbel else logits.float()) / temperature).softmax(-1)
        exact = one_hot(drawn, model.vocabulary)
        row = torch.where(open_[:, None], exact + (soft - soft.detach()) if hard else soft, exact)
        rows.append(row)
        token = row if feed == "row" else drawn
        if model.end is not None:
            open_ = open_ & (drawn != model.end)
    return torch.stack(rows, 1)


@checked
class _Relaxation(GradientEstimator):
    """Differentiate the reward of relaxed rows."""

    unbiased = False
    relaxed = True
    hard: ClassVar[bool]
    gumbel: ClassVar[bool]

    def __init__(self, temperature: float = 1.0, feed: Feed = "row") -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be a positive number.")
        _check_feed(feed)
        self.feed: Feed = feed
        self.register_buffer("temperature", torch.tensor(float(temperature)))
        self.temperature: Tensor

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rows = relaxed_sample(model, n, self.temperature, self.hard, labels, feed=self.feed, gumbel=self.gumbel)
        value = reward_of_rows(reward, rows, type(self).__name__).mean()
        return -value, {"reward": value.detach()}


class GumbelSoftmax(_Relaxation):
    r"""The path-wise gradient of softened samples.

    .. math:: \nabla E[R(s)], \qquad s_t = \mathrm{softmax}((l_t + g_t) / \tau)

    This is exact for another objective, the expected reward of soft rows.  As :math:`\tau \to 0` that objective becomes
    the true one, and the variance grows without bound.  With ``feed="token"`` (RelGAN, whose :math:`\beta` is
    :math:`1 / \tau`) what a token does to later ones is left out, and a bias stays at any temperature.

    References: Jang et al., 2017, https://arxiv.org/abs/1611.01144; RelGAN (Nie et al., 2019),
    https://openreview.net/forum?id=rJedV3R5tm

    Args:
        temperature: :math:`\tau > 0`; a buffer.
        feed: see :func:`relaxed_sample`.
    """

    hard = False
    gumbel = True


class StraightThrough(_Relaxation):
    r"""One-hot samples forward, the derivative of the probabilities backward.

    .. math:: \nabla R := \Big(\frac{\partial R}{\partial b_t}\Big)^\top \nabla \mathrm{softmax}(l_t / \tau)

    References: Estimating or Propagating Gradients Through Stochastic Neurons (Bengio et al., 2013),
    https://arxiv.org/abs/1308.3432

    Args:
        temperature: :math:`\tau > 0` of the backward pass; a buffer.
        feed: see :func:`relaxed_sample`.
    """

    hard = True
    gumbel = False


class StraightThroughGumbel(_Relaxation):
    r"""One-hot samples forward, the derivative of the Gumbel-softmax that chose them backward.

    .. math:: \nabla R := \Big(\frac{\partial R}{\partial b_t}\Big)^\top \nabla \mathrm{softmax}((l_t + g_t) / \tau)

    Its expectation can have the wrong sign: the page on discrete gradients has a case.

    References: Jang et al., 2017, section 2.2, https://arxiv.org/abs/1611.01144

    Args:
        temperature: :math:`\tau > 0`; a buffer.
        feed: see :func:`relaxed_sample`.
    """

    hard = True
    gumbel = True


def _check_feed(feed: str) -> None:
    if feed not in ("row", "token"):
        raise ValueError(f'feed={feed!r} must be "row" or "token".')
