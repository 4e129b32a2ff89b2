"""Findings: the failures that are told apart (collapse, cycling, ...), and the remedies that are tried first."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["REMEDIES", "Failure", "Finding"]

Failure = Literal["exploding", "saturation", "cycling", "collapse", "dead code", "memorization"]

REMEDIES: dict[str, str] = {
    "penalty": "lower the weight of the penalty tenfold or to what was published (10 for WGANGP), and the learning "
    "rates to adam(1e-4, (0.0, 0.9))",
    "loss": "lower the learning rates tenfold, or pass clip=1.0 to Engine",
    "logits": "add the penalty R1(1.0) to Adversarial, or wrap the discriminator in spectral_normalized",
    "weights": "lower the learning rate of that player, or pass clip=1.0 to Engine",
    "samples": "lower the learning rates tenfold, the generator's first (two_time_scales), or play R3GAN",
    "vanished": "give Adversarial the loss NonSaturating() in place of Minimax(), with the penalty R1(1.0), and both "
    "players one learning rate of at most 1e-3",
    "overpowered": "give both players one learning rate of at most 1e-3, and add the penalty R1(1.0) to Adversarial",
    "flat": "lower the weight of the penalty tenfold (penalties=[R1(0.1)]), and use adam for both players",
    "swinging": "let the discriminator move more often (InTurns(alternating({{'discriminator': 5, 'generator': 1}}))), "
    "or pass solver=Extragradient() to Engine",
    "hopping": "play R3GAN (Relativistic with the penalties R1 and R2), both players at one learning rate of at most "
    "1e-3, without momentum: adam(1e-3, (0.0, 0.99))",
    "turning": "pass solver=Extragradient() to Engine, or damp the game with the penalty R1(1.0)",
    "collapse": "play R3GAN (Relativistic with the penalties R1 and R2), both players at one learning rate of at most "
    "1e-3, without momentum: adam(1e-3, (0.0, 0.99)); then packing=2 of Adversarial",
    "point": "see that noise reaches the generator (scale and length of the prior); then play R3GAN, both players at "
    "one learning rate of at most 1e-3, without momentum: adam(1e-3, (0.0, 0.99))",
    "dead code": "raise the weight of the code (InfoGAN(weights={{'{code}': 1.0}})), or train longer; of an estimator, "
    "the weight is its parameter information",
    "memorization": "augment what the discriminator sees (Adversarial(view=AdaptiveAugment(DiffAugment())), for tables "
    "view=InstanceNoise(0.1)), stop earlier, or give it more data",
}
"""What to try first, by kind of failure; every name in it is one of the package."""


@dataclass(frozen=True)
class Finding:
    """A failure, and what speaks for it.

    Attributes:
        failure: ``"exploding"``, ``"saturation"``, ``"cycling"``, ``"collapse"``, ``"dead code"`` or
            ``"memorization"``.
        certainty: share of the late records that show its signs, from 0.7 to 1; half of that if samples were not seen.
        sentence: what is wrong, with numbers.
        remedy: what to try first.
        since: step from which on it shows.
        evidence: numbers by name, beside their thresholds.
    """

    failure: Failure
    certainty: float
    sentence: str
    remedy: str
    since: int
    evidence: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.sentence} Try first: {self.remedy}."

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data, ready for JSON."""
        return asdict(self)
