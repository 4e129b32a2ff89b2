"""diagnose: from a run's records to a sentence: which failure it shows, and what to try first."""

from dataclasses import dataclass, field
from typing import Any

from gan_ext.doctor import thresholds as at
from gan_ext.doctor.findings import REMEDIES, Finding
from gan_ext.doctor.signs import CHECKS
from gan_ext.doctor.vitals import Recorded, Vitals, records_of
from gan_ext.engine import Engine

__all__ = ["Diagnosis", "diagnose"]

_EXPLAINS = {
    "exploding": ("saturation", "cycling", "collapse", "memorization"),
    "saturation": ("collapse", "cycling"),
    "memorization": ("collapse",),
    "cycling": ("collapse",),
}
"""Failures that show signs of others: those are not named besides."""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a run.  ``print`` it, or read its parts.

    Attributes:
        findings: failures, the likely cause first.
        healthy: whether enough was recorded, and nothing was found.
        records: how many records were read.
        steps: first and last step of them; None without records.
        looked_for: failures that the records could show.
        vitals: the records as columns over steps, for :func:`~gan_ext.pictures.diagnosis_figure`.
    """

    findings: tuple[Finding, ...]
    healthy: bool
    records: int
    steps: tuple[int, int] | None
    looked_for: tuple[str, ...]
    vitals: dict[str, list[float]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """The diagnosis in a sentence."""
        if self.findings:
            return self.findings[0].sentence
        if self.healthy:
            assert self.steps is not None
            return (
                f"The run looks healthy: {self.records} records from step {self.steps[0]} to {self.steps[1]} show no "
                f"{_listed(self.looked_for)}."
            )
        if self.records < at.LEAST_RECORDS:
            return (
                f"Too little to tell: {self.records} records, at least {at.LEAST_RECORDS} are needed; pass "
                "Watch(every=...) to the callbacks of fit, with smaller steps."
            )
        if self.looked_for:
            return (
                f"Too early to tell: up to step {self.steps[1] if self.steps else 0} samples have not come near the "
                "data, or no nearer, but nothing else is wrong; train longer."
            )
        return "Too little to tell: the records show no vitals; pass Watch(real=...) to the callbacks of fit."

    @property
    def failing(self) -> dict[str, tuple[int, int]]:
        """The stretch of steps of each failure, for :func:`~gan_ext.pictures.diagnosis_figure`."""
        return {finding.failure: (finding.since, finding.evidence["steps"][1]) for finding in self.findings}

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings] or [self.sentence]
        blind = [name for name in CHECKS if name not in self.looked_for]
        if blind and (self.findings or self.healthy):
            lines.append(f"Not looked for: {', '.join(_needs(name) for name in blind)}.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain data, ready for JSON, without the vitals."""
        return {
            "sentence": self.sentence,
            "healthy": self.healthy,
            "records": self.records,
            "steps": None if self.steps is None else list(self.steps),
            "looked_for": list(self.looked_for),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def diagnose(run: Recorded) -> Diagnosis:
    """Say which failure a run shows, with the evidence, and which documented remedy to try first.

    The last third of the records of :class:`~gan_ext.doctor.Watch` is judged by the thresholds in
    ``gan_ext.doctor.thresholds``, each with its reason: mode collapse, cycling, discriminator saturation, dead codes,
    exploding penalties (or logits, weights, samples), memorization.  Where one failure shows signs of another, the
    cause is named.  Losses that others recorded are read if there is no Watch; they tell less.

    Args:
        run: an engine, a fitted estimator with `history_`, a folder (or file) of checkpoints, or a list of records.

    Raises:
        ValueError: it is none of these, or the folder holds no checkpoint.
        CheckpointError: all checkpoints are damaged.
    """
    vitals = Vitals(records_of(run))
    answers = {name: check(vitals) for name, check in CHECKS.items()} if len(vitals) >= at.LEAST_RECORDS else {}
    found = [finding for answer in answers.values() for finding in answer or ()]
    found = _not_finite(run, vitals) + found
    hidden = {name for finding in found for name in _EXPLAINS.get(finding.failure, ())}
    looked = tuple(name for name, answer in answers.items() if answer is not None and _could_tell(name, vitals))
    return Diagnosis(
        tuple(finding for finding in found if finding.failure not in hidden),
        bool(looked) and not found and not (len(vitals) and (vitals.far or vitals.unmoved)),
        len(vitals),
        (int(vitals.steps[0]), int(vitals.steps[-1])) if len(vitals) else None,
        looked,
        {"step": vitals.steps.tolist()} | _shown(vitals),
    )


def _not_finite(run: Recorded, vitals: Vitals) -> list[Finding]:
    """Return that a loss was not finite, which ends a run before it can be recorded."""
    seen = run.meters.first_non_finite() if isinstance(run, Engine) else None
    if seen is None:
        return []
    step, player, term = seen
    sentence = f"Exploding loss: at step {step} {term!r} of player {player!r} was not finite, and the run ended."
    return [Finding("exploding", 1.0, sentence, REMEDIES["loss"], step, {"steps": [step, step]})]


def _could_tell(name: str, vitals: Vitals) -> bool:
    return name != "exploding" or vitals.watched


def _shown(vitals: Vitals) -> dict[str, list[float]]:
    """Return the columns that say something in a picture."""
    hidden = ("mean/", "moves/", "path/", "share/", "real/")
    shown = {name: column for name, column in vitals.columns.items() if not name.startswith(hidden)}
    for name, column in (("missing", vitals.missing), ("moved", vitals.moved)):
        if column is not None:
            shown[name] = column
    return {name: column.tolist() for name, column in shown.items()}


def _needs(name: str) -> str:
    needs = {"memorization": "Watch needs held_out", "dead code": "the game has no codes"}
    return f"{name} ({needs.get(name, 'Watch needs real')})"


def _listed(names: tuple[str, ...]) -> str:
    words = {"exploding": "explosion", "collapse": "mode collapse", "dead code": "dead code"}
    plain = [words.get(name, name) for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} or {plain[-1]}"
