"""Discrete latent codes: Bernoulli switches and one-hot categories."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.checks import checked
from gan_ext.latents.prior import Prior
from gan_ext.precision import precise

__all__ = ["Bernoulli", "Categorical"]


@checked
class Bernoulli(Prior):
    r"""Independent switches, :math:`P(c_j = 1) = p`, as numbers 0 and 1; Q states the log-odds of each.

    Args:
        dim: number of switches d.
        p: probability that a switch is on, strictly between 0 and 1.
    """

    def __init__(self, dim: int, p: float = 0.5) -> None:
        super().__init__(dim, dim)
        if not 0 < p < 1:
            raise ValueError(f"Bernoulli needs 0 < p < 1, got p={p}.")
        self.p = p

    def sample(self, n: int) -> Tensor:
        return self.anchor.new_empty(n, self.dim).bernoulli_(self.p)

    def log_prob(self, values: Tensor) -> Tensor:
        each = values * math.log(self.p) + (1 - values) * math.log(1 - self.p)
        return torch.where(self.allows(values), each.sum(1), -math.inf)

    def entropy(self) -> Tensor:
        return self.anchor - self.dim * (self.p * math.log(self.p) + (1 - self.p) * math.log(1 - self.p))

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(
            precise(statistics), values.to(precise(statistics).dtype), reduction="none"
        ).sum(1)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        return precise(statistics).sigmoid()

    def allows(self, values: Tensor) -> Tensor:
        return ((values == 0) | (values == 1)).all(1)

    def shares(self) -> Tensor:
        return self.anchor.new_tensor([1 - self.p, self.p], dtype=torch.float64)

    def values(self, steps: int = 9) -> list[float]:
        return [0.0, 1.0]

    def beliefs(self, statistics: Tensor) -> list[Tensor]:
        return [torch.stack([1 - on, on], dim=1) for on in self.posterior_mean(statistics).unbind(1)]

    def allows_mean(self, means: Tensor) -> Tensor:
        return ((means >= 0) & (means <= 1)).all(1)

    def describe(self, mean: bool = False) -> str:
        return "goes from 0 to 1" if mean else "is 0 or 1"


@checked
class Categorical(Prior):
    r"""One of K categories as a one-hot vector, :math:`P(c = k) = \pi_k`; Q states K logits.

    With `learn`, the shares :math:`\pi` are parameters (of the generator's side of a game) and samples carry gradients
    to them: one-hot vectors forward, a Gumbel-softmax backward.  This lets codes follow classes of unequal size.

    References: Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017), https://arxiv.org/abs/1611.01144;
    Elastic-InfoGAN (Ojha et al., 2020), https://arxiv.org/abs/1910.01112

    Args:
        k: number of categories K, at least 1; also the length d of a vector.
        shares: :math:`\pi`, positive, scaled to sum to one; equal if None.
        learn: whether the shares are learned.
        temperature: of the relaxation, > 0; used only with `learn`.
    """

    whole: ClassVar[bool] = True

    def __init__(
        self, k: int, shares: Sequence[float] | None = None, learn: bool = False, temperature: float = 0.5
    ) -> None:
        if k < 1:
            raise ValueError(f"Categorical needs k >= 1 categories, got k={k}.")
        super().__init__(k, k)
        weights = torch.ones(k) if shares is None else torch.as_tensor(shares, dtype=torch.float32)
        if weights.shape != (k,) or not bool((weights > 0).all()) or not temperature > 0:
            raise ValueError(
                f"Categorical needs {k} positive shares and a positive temperature, got shares={weights.tolist()} and "
                f"temperature={temperature}."
            )
        logits = torch.log(weights / weights.sum())
        if learn:
            self.logits: Tensor = nn.Parameter(logits)
        else:
            self.register_buffer("logits", logits)
        self.learn, self.temperature = learn, temperature

    def sample(self, n: int) -> Tensor:
        # The arg max of log pi + Gumbel noise is distributed as pi; -log of an exponential is Gumbel.
        scores = self.logits - self.anchor.new_empty(n, self.dim).exponential_().log()
        hard = F.one_hot(scores.argmax(1), self.dim).to(scores.dtype)
        if not self.learn:
            return hard
        soft = torch.softmax(scores / self.temperature, dim=1)
        return hard + (soft - soft.detach())  # exactly one-hot: the bracket is 0

    def log_prob(self, values: Tensor) -> Tensor:
        return torch.where(self.allows(values), (values * self.logits.log_softmax(0)).sum(1), -math.inf)

    def entropy(self) -> Tensor:
        log_shares = self.logits.log_softmax(0)
        return self.anchor - (log_shares.exp() * log_shares).sum()

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        return (precise(statistics).log_softmax(1) * values).sum(1)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        return precise(statistics).softmax(1)

    def allows(self, values: Tensor) -> Tensor:
        return ((values == 0) | (values == 1)).all(1) & (values.sum(1) == 1)

    def shares(self) -> Tensor:
        return self.logits.detach().double().softmax(0)

    def values(self, steps: int = 9) -> list[float]:
        return [float(k) for k in range(self.dim)]

    def vectors(self, values: Tensor) -> Tensor:
        return (values[:, None] == torch.arange(self.dim, device=values.device)).to(values.dtype)

    def numbers(self, vectors: Tensor) -> Tensor:
        return vectors.argmax(1).to(vectors.dtype)

    def beliefs(self, statistics: Tensor) -> list[Tensor]:
        return [self.posterior_mean(statistics)]

    def allows_mean(self, means: Tensor) -> Tensor:
        return (means >= 0).all(1) & ((means.sum(1) - 1).abs() <= 1e-4)

    def describe(self, mean: bool = False) -> str:
        shares = f"takes {self.dim} shares that are not negative and sum to 1"
        return shares if mean else f"is one of the categories 0 to {self.dim - 1}"
