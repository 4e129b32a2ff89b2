"""What a way of steering costs: network passes and seconds, beside what it draws."""

import time
from typing import Any, NamedTuple

from torch import Tensor

from gan_ext.engine import resolve_device
from gan_ext.estimators.sequences.steered import SteeredSequenceGAN
from gan_ext.plug_and_play import Proposal, SteeringMethod

__all__ = ["CostedDraw", "draw_with_cost"]


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
