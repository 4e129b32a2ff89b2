"""Terms about the classes of unlabeled data: entropy minimization, and class balance."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.losses import class_balance, conditional_entropy
from gan_ext.terms.term import Term

__all__ = ["ClassBalance", "ConditionalEntropy"]


class ConditionalEntropy(Term):
    """Push class boundaries away from unlabeled data (:func:`~gan_ext.losses.conditional_entropy`).

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017),
    https://arxiv.org/abs/1705.09783

    Args:
        weight: weight of the term.
    """

    name = "entropy"

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        return conditional_entropy(real)


@checked
class ClassBalance(Term):
    """Keep the mix of predicted classes near a known one (:func:`~gan_ext.losses.class_balance`).

    References: Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks
    (Springenberg, 2016), https://arxiv.org/abs/1511.06390

    Args:
        prior: shares of the classes, positive; scaled to sum to one.
        weight: weight of the term.
    """

    name = "balance"

    def __init__(self, prior: Sequence[float], weight: float = 1.0) -> None:
        super().__init__(weight)
        shares = torch.tensor(prior, dtype=torch.float32)
        if shares.dim() != 1 or not bool((shares > 0).all()):
            raise ValueError(f"ClassBalance needs a positive share for every class, got prior={list(prior)}.")
        self.register_buffer("prior", shares / shares.sum())
        self.prior: Tensor

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        if real.shape[1] != len(self.prior):
            raise ValueError(f"ClassBalance has shares of {len(self.prior)} classes, but there are {real.shape[1]}.")
        return class_balance(real, self.prior)
