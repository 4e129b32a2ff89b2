"""Sequences longer than those of the model: window after window, each of which knows the end of the one before."""

import torch
from torch import Tensor

from gan_ext.sequences.model import SequenceModel, real_positions
from gan_ext.sequences.sampling import sample

__all__ = ["write_on"]


def write_on(
    model: SequenceModel,
    begin: Tensor,
    windows: int = 3,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Go on with a sequence over several windows, and return it all: tokens [P'], without those that close a window.

    A window begins with the last half of what is written, as far as that fits; of what stood before the model knows
    nothing.

    Args:
        model: what to sample from; not class-conditional.
        begin: first tokens [P], at least one; on any device.
        windows: how many are drawn.
        temperature: divides the logits.
        top_k: see :func:`~gan_ext.sequences.sharpen`.
        top_p: see :func:`~gan_ext.sequences.sharpen`.

    Raises:
        ValueError: nothing to begin with, or a value out of range.
    """
    if begin.dim() != 1 or not len(begin):
        raise ValueError(f"begin must be tokens [P], at least one, got shape {tuple(begin.shape)}.")
    written = begin.to(next(model.parameters()).device)
    for _ in range(windows):
        known = written[-max(1, model.length // 2) :]
        drawn = sample(model, 1, prefix=known[None], temperature=temperature, top_k=top_k, top_p=top_p)
        more = real_positions(drawn, model.end)
        if model.end is not None:
            more &= drawn != model.end
        written = torch.cat([written, drawn[0, len(known) :][more[0, len(known) :]]])
    return written
