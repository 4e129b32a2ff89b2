"""Likelihoods of token sequences under an autoregressive model: NLL_oracle, NLL_test, NLL_gen, perplexity."""

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.sequences import SequenceModel, check_sharpening, evaluating, real_positions

__all__ = [
    "negative_log_likelihood",
    "nll_gen",
    "nll_oracle",
    "nll_test",
    "perplexity",
    "sequence_log_prob",
]

Pads = Literal["ignore", "count"]
_LOGITS = {"cpu": 1 << 21, "cuda": 1 << 27}  # numbers of a block's logits [rows, T, V]


def negative_log_likelihood(
    model: SequenceModel,
    tokens: Tensor,
    temperature: float = 1.0,
    pads: Pads = "ignore",
    labels: Tensor | None = None,
    block: int | None = None,
) -> float:
    r"""Return the mean negative log-likelihood of sequences in nats per token.

    .. math:: \mathrm{NLL} = -\frac{\sum_i \sum_{t \le T_i} \log p(x_{it} \mid x_{i,<t})}{\sum_i T_i}

    The rule for pads: :math:`T_i` is the number of tokens up to and with the closing one (``"ignore"``), or the full
    length T (``"count"``).  Pads after the end are certain and add nothing to the numerator, so counting them divides
    by more: published figures of Texygen and RelGAN do.  For models without a closing token the rules agree.

    Args:
        model: what scores; put into evaluation mode and back.
        tokens: token numbers [B, T]; moved to the model's device block by block.
        temperature: divides the logits.
        pads: ``"ignore"`` or ``"count"``.
        labels: classes [B] of a class-conditional model.
        block: rows at a time; None for as many as fit the cache of a core, or some of a GPU's memory.

    Raises:
        ValueError: tokens that are no sequences of this model, or a value out of its range.
    """
    if pads not in ("ignore", "count"):
        raise ValueError(f'pads={pads!r} must be "ignore" or "count".')
    total = math.fsum(sequence_log_prob(model, tokens, temperature, labels, block))
    count = tokens.numel() if pads == "count" else int(real_positions(tokens, model.end).sum())
    return -total / count


@torch.no_grad()
def sequence_log_prob(
    model: SequenceModel,
    tokens: Tensor,
    temperature: float = 1.0,
    labels: Tensor | None = None,
    block: int | None = None,
) -> NDArray[np.float64]:
    r"""Return :math:`\log p(x_i)` of every sequence in nats, an array [B]; for intervals by bootstrap.

    Args:
        model: what scores; put into evaluation mode and back.
        tokens: token numbers [B, T].
        temperature: divides the logits.
        labels: classes [B] of a class-conditional model.
        block: rows at a time; see :func:`negative_log_likelihood`.

    Raises:
        ValueError: tokens that are no sequences of this model, or a value out of its range.
    """
    check_sharpening(temperature)
    _check_tokens(model, tokens)
    device = next(model.parameters()).device
    if block is not None and block < 1:
        raise ValueError(f"block={block} must be at least 1 row, or None.")
    rows = block or max(1, _LOGITS.get(device.type, _LOGITS["cpu"]) // (tokens.shape[1] * model.vocabulary))
    parts = []
    with evaluating(model):
        for begin in range(0, len(tokens), rows):
            part = slice(begin, begin + rows)
            classes = None if labels is None else labels[part].to(device)
            parts.append(model.log_prob(tokens[part].to(device), classes, temperature).double().sum(1))
    return torch.cat(parts).cpu().numpy()


def nll_oracle(oracle: SequenceModel, generated: Tensor, pads: Pads = "ignore") -> float:
    """Return NLL_oracle in nats per token: what a generator made, scored by the true distribution.

    It measures quality only: repeating the likeliest sequence has the lowest value of all, below the oracle's entropy.
    Never report it without :func:`nll_test`.

    References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473; Language GANs Falling Short (Caccia et al.,
    2020), https://arxiv.org/abs/1811.02549

    Args:
        oracle: the true distribution.
        generated: tokens [B, T] that a generator drew.
        pads: see :func:`negative_log_likelihood`.
    """
    return negative_log_likelihood(oracle, generated, pads=pads)


def nll_test(model: SequenceModel, test: Tensor, temperature: float = 1.0, pads: Pads = "ignore") -> float:
    """Return NLL_test in nats per token: fresh real sequences, scored by the generator; it measures coverage.

    The model comes first, as in all likelihoods: it is what scores, and no sample of its own is scored.

    References: Texygen (Zhu et al., 2018), https://arxiv.org/abs/1802.01886; Language GANs Falling Short (Caccia et
    al., 2020), https://arxiv.org/abs/1811.02549

    Args:
        model: the generator.
        test: real tokens [B, T] that it was not trained on.
        temperature: divides the generator's logits.
        pads: see :func:`negative_log_likelihood`.
    """
    return negative_log_likelihood(model, test, temperature, pads)


def nll_gen(model: SequenceModel, test: Tensor, temperature: float = 1.0) -> float:
    """Return NLL_gen as published for texts: :func:`nll_test` with pads counted, so longer padding gives lower values.

    References: RelGAN (Nie et al., 2019), https://openreview.net/forum?id=rJedV3R5tm

    Args:
        model: the generator.
        test: real tokens [B, T] that it was not trained on.
        temperature: divides the generator's logits.
    """
    return negative_log_likelihood(model, test, temperature, pads="count")


def perplexity(model: SequenceModel, tokens: Tensor, temperature: float = 1.0, labels: Tensor | None = None) -> float:
    r"""Return the perplexity :math:`e^{\mathrm{NLL}}` per token, pads ignored.

    Args:
        model: what scores.
        tokens: token numbers [B, T].
        temperature: divides the logits.
        labels: classes [B] of a class-conditional model.
    """
    return math.exp(negative_log_likelihood(model, tokens, temperature, labels=labels))


def _check_tokens(model: SequenceModel, tokens: Tensor) -> None:
    if tokens.dim() != 2 or tokens.numel() == 0:
        raise ValueError(f"tokens must have shape [sequences, tokens], neither 0; got {tuple(tokens.shape)}.")
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens must be whole numbers (int64), got {tokens.dtype}.")
    if tokens.shape[1] > model.length:
        raise ValueError(f"tokens have {tokens.shape[1]} positions; the model's sequences have at most {model.length}.")
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= model.vocabulary:
        raise ValueError(
            f"tokens lie between {low} and {high}; the vocabulary has numbers 0 to {model.vocabulary - 1}."
        )
