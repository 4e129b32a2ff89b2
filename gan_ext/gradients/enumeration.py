"""The exact gradient, for languages small enough to write down."""

import torch
from torch import Tensor

from gan_ext.gradients.estimator import GradientEstimator, Reward, earned, per_token
from gan_ext.sequences import SequenceModel, real_positions

__all__ = ["Enumeration", "all_sequences"]

_MOST = 1_000_000


def all_sequences(model: SequenceModel) -> tuple[Tensor, Tensor]:
    """Return all rows of tokens [V^T, T], and which of them are sequences [V^T] (bool): pads after the end, only there.

    Raises:
        ValueError: there are more than a million.
    """
    count = model.vocabulary**model.length
    if count > _MOST:
        raise ValueError(
            f"{model.vocabulary} tokens make {count} rows of length {model.length}; at most {_MOST} can be enumerated."
        )
    place = model.vocabulary ** torch.arange(model.length - 1, -1, -1, device=model.first(1).device)
    tokens = torch.arange(count, device=place.device)[:, None] // place % model.vocabulary
    if model.end is None:
        return tokens, torch.ones_like(tokens[:, 0], dtype=torch.bool)
    return tokens, ((tokens == model.pad) != real_positions(tokens, model.end)).all(1)


class Enumeration(GradientEstimator):
    r"""The exact gradient: all sequences, each with its probability, in place of samples.

    .. math:: \sum_x p(x) \sum_t Q_t(x) \nabla \log p(x_t \mid x_{<t})

    To judge the other estimators by; it has no variance, and ignores how many samples are asked for.
    """

    unbiased = True
    relaxed = False

    def forward(
        self, model: SequenceModel, reward: Reward, n: int = 0, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if labels is not None:
            raise ValueError("Enumeration knows no classes; use a model without labels.")
        tokens, valid = all_sequences(model)
        mask = real_positions(tokens, model.end)
        values, log_prob = earned(reward, tokens, mask), model.log_prob(tokens)
        probability = log_prob.detach().sum(1).exp() * valid
        loss = -(probability * (per_token(values) * log_prob * mask).sum(1)).sum()
        mean = values if values.dim() == 1 else values[:, 0]
        return loss, {"reward": (probability * mean).sum()}
