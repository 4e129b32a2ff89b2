"""How good a classifier of prefixes is on texts held out, and what a way of steering by it costs."""

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from gan_ext.data import DataError
from gan_ext.engine import resolve_device
from gan_ext.estimators.sequences.sequence_gan import SequenceGAN
from gan_ext.estimators.sequences.steered import SteeredSequenceGAN
from gan_ext.plug_and_play import Proposal, SteeringMethod

__all__ = ["CostedDraw", "draw_with_cost", "steer_and_judge"]


class CostedDraw(NamedTuple):
    """Texts that were drawn, and their cost."""

    tokens: Tensor
    """Token numbers [n, T], on the CPU."""
    passes: float
    """Passes of generator and classifier for a text."""
    seconds: float
    """Of the processor, for all."""
    evidence: float | None
    """Estimated probability that the unsteered model writes a text with the label; None for strengths other than 1."""


def draw_with_cost(
    steered: SteeredSequenceGAN,
    y: Any,
    method: SteeringMethod | Proposal,
    n: int,
    strength: float = 1.0,
    random_state: int = 0,
) -> CostedDraw:
    """Draw texts with a label one way, on the device of the model, and say what that cost.

    Args:
        steered: fitted.
        y: the wanted label.
        method: how texts are drawn.
        n: how many.
        strength: how much it insists on the label.
        random_state: of the draws.
    """
    start, device = time.process_time(), resolve_device(steered.model.device)
    networks = steered.model.generator_, steered.classifier_
    for network in networks:
        network.to(device)
    drawn = steered.steering(y, method).draw(n, strength, random_state=random_state)
    tokens, seconds = drawn.tokens.cpu(), time.process_time() - start
    for network in networks:
        network.cpu()
    evidence = float(drawn.log_evidence.double().exp().mean()) if strength == 1 else None
    return CostedDraw(tokens, drawn.passes, seconds, evidence)


def steer_and_judge(
    model: SequenceGAN, texts: Sequence[str], hits: NDArray[np.bool_], **settings: Any
) -> tuple[SteeredSequenceGAN, float]:
    """Train a classifier of prefixes that says whether a text is a hit; a tenth of the texts is held out.

    Args:
        model: fitted; what will be steered.
        texts: to learn from, the first tenth (at least two) to judge by.
        hits: whether each is one.
        settings: of :class:`~gan_ext.SteeredSequenceGAN`.

    Returns:
        The steered model, and the area under the classifier's curve on the tenth; NaN if its texts are all alike.

    Raises:
        DataError: the texts to learn from are all hits, or none is.
    """
    held = max(2, len(texts) // 10)
    if hits[held:].all() or not hits[held:].any():
        raise DataError(f"Of {len(texts)} strings {hits.sum()} have the property: too few; train longer or draw more.")
    steered = model.steer(texts[held:], hits[held:].astype(int), **settings)
    guess, both = steered.predict_proba(texts[:held])[:, 1], 0 < hits[:held].sum() < held
    return steered, float(roc_auc_score(hits[:held], guess)) if both else math.nan
