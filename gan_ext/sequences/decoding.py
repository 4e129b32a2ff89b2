"""Decoding as a distribution: reshaped next-token probabilities, as models with exact log-probabilities."""

from collections.abc import Callable

from torch import Tensor

from gan_ext.checks import checked
from gan_ext.sequences.model import SequenceModel, State

__all__ = ["Reshaped", "trade_off"]


def trade_off(logits: Tensor, weight: float | Tensor, iterations: int = 8) -> Tensor:
    r"""Return log-probabilities that trade quality for coverage best, if the model's probabilities p are right.

    Among all distributions q of the next token, this one has the least cost under p plus `weight` times the cost of
    coding p's tokens with q:

    .. math::
        \min_q \; \sum_v q_v (-\log p_v) + w \sum_v p_v (-\log q_v)
        \quad\Longrightarrow\quad q_v = \frac{w\, p_v}{\lambda - \log p_v},

    with :math:`\lambda > \max \log p` such that q sums to one.  For large w it is p; for small w it puts most weight on
    the likeliest token and keeps the tail.  A temperature cannot do that: on a frontier of the two costs, this curve
    lies below that of temperatures token by token, with no training at all.

    Args:
        logits: of p, [B, V].
        weight: w > 0, dimensionless.
        iterations: Newton steps for :math:`\lambda`.

    Raises:
        ValueError: a weight that is not positive.
    """
    if not isinstance(weight, Tensor) and not 0 < weight < float("inf"):
        raise ValueError(f"weight={weight!r} must be positive.")
    known = logits.float().log_softmax(-1)
    probability = known.exp()
    gap = known.amax(-1, keepdim=True) - known
    # x = lambda - max log p. With only the likeliest token x = w p_max, from where Newton on 1 / sum rises to the root.
    x = weight * probability.amax(-1, keepdim=True)
    for _ in range(iterations):
        share = weight * probability / (x + gap)
        total = share.sum(-1, keepdim=True)
        x = x + total * (total - 1) / (share / (x + gap)).sum(-1, keepdim=True)
    mixed = weight * probability / (x + gap)
    return (mixed / mixed.sum(-1, keepdim=True)).clamp_min(1e-38).log().to(logits.dtype)


@checked
class Reshaped(SequenceModel):
    r"""A model whose next-token logits go through a function first.

    .. math:: q(x_t \mid x_{<t}) = \mathrm{softmax}(r(l_t))

    It samples and scores like any other model, so that a way of decoding can stand on a frontier beside models.

    Args:
        model: gives the logits.
        reshape: maps logits [B, V] to logits [B, V].
    """

    def __init__(self, model: SequenceModel, reshape: Callable[[Tensor], Tensor]) -> None:
        super().__init__(
            model.vocabulary, model.length, start=model.start, end=model.end, pad=model.pad, classes=model.classes
        )
        self.model, self.reshape = model, reshape

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        return self.model.initial(n, labels)

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        logits, state = self.model.step(token, state)
        return self.reshape(logits), state

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.model(tokens, labels)
        return self.reshape(logits.flatten(0, 1)).view_as(logits)
