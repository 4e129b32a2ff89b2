"""Every way of steering beside the others, each at several strengths: what a comparison runs through."""

from collections.abc import Sequence
from typing import NamedTuple

from gan_ext.plug_and_play.sequences.methods import BestOf, Rejection, SequentialMonteCarlo, SteeringMethod
from gan_ext.plug_and_play.sequences.proposals import HiddenGradient, Proposal, Reweighting

__all__ = ["SteeringWay", "steering_ways"]


class SteeringWay(NamedTuple):
    """A way of drawing at one setting."""

    arm: str
    """Its name, ``"unsteered"`` for the generator as it is."""
    dial: str
    """Its setting, such as ``"strength 2"``."""
    method: SteeringMethod | Proposal
    strength: float


def steering_ways(
    strengths: Sequence[float],
    particles: int = 8,
    candidates: Sequence[int] = (2, 8, 32),
    gradient_steps: int = 3,
    step_size: float = 3.0,
) -> dict[str, SteeringWay]:
    """Return the ways of steering by their names and settings; the first is the generator unsteered.

    Args:
        strengths: of reweighting, of particles, and of both kinds of gradient steps.
        particles: of a population.
        candidates: of how many the best is taken.
        gradient_steps: for each token.
        step_size: of gradient steps at strength 1; of a tenth of it are those of one length.
    """
    methods: dict[str, SteeringMethod | Proposal] = {
        "reweighting": Reweighting(),
        f"{particles} particles": SequentialMonteCarlo(particles),
        "gradient": HiddenGradient(gradient_steps, step_size),
        "gradient, one length": HiddenGradient(gradient_steps, step_size / 10, gamma=1.0),
    }
    ways = [SteeringWay("unsteered", "", Reweighting(), 0.0)]
    ways += [SteeringWay(arm, f"strength {s:g}", way, s) for arm, way in methods.items() for s in strengths]
    ways.append(SteeringWay("rejection", "strength 1", Rejection(), 1.0))
    ways += [SteeringWay("best of several", f"of {n}", BestOf(n), 1.0) for n in candidates]
    return {f"{way.arm} {way.dial}".strip(): way for way in ways}
