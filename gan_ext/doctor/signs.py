"""Signs of mode collapse, cycling, saturation, explosion, dead codes and memorization in the records of a run."""

import math
from collections.abc import Callable

import numpy as np

from gan_ext.doctor import thresholds as at
from gan_ext.doctor.cycles import Cycle, find_cycle, swings
from gan_ext.doctor.findings import Failure, Finding
from gan_ext.doctor.judging import (
    beside,
    early_of,
    if_persistent,
    last_of,
    late_of,
    make_finding,
    persistence,
    share_of,
    since,
)
from gan_ext.doctor.vitals import Floats, Vitals, late_rows

__all__ = ["CHECKS", "Check"]

Check = Callable[[Vitals], list[Finding] | None]


def exploding(v: Vitals) -> list[Finding] | None:
    """A penalty, the logits, the weights or the samples grow out of all bounds."""
    found = [
        *(_penalty(v, name, size) for name, size in v.group("penalty/").items()),
        *(_growing(v, name, size) for name, size in _unweighted(v).items()),
        _logits(v),
        *(_weights(v, player, norm) for player, norm in v.group("weight/").items()),
        _runaway(v),
    ]
    return [each for each in found if each is not None][:1]


def saturation(v: Vitals) -> list[Finding] | None:
    """The discriminator is right always, and the generator learns nothing."""
    ranked, distance, coverage = v.get("ranked"), v.get("distance"), v.get("coverage")
    if ranked is None or distance is None or coverage is None:
        return _saturated_loss(v)
    bad = (ranked >= at.SATURATION_RANKED) & (coverage <= at.SATURATION_COVERAGE) & (distance >= at.SATURATION_DISTANCE)
    certainty, stuck = persistence(v, bad), late_of(v, distance) / max(early_of(v, distance), 1e-12)
    spread = v.get("spread")
    point = spread is not None and late_of(v, spread) <= at.COLLAPSE_POINT  # what collapsed to one is told apart too
    if not certainty or stuck < at.SATURATION_STUCK or point:
        return []
    gradient, margin = v.get("gradient/generator"), late_of(v, v.columns["real_logit"] - v.columns["fake_logit"])
    fallen = math.nan if gradient is None else late_of(v, gradient) / max(float(np.nanmax(gradient)), 1e-300)
    evidence = beside(
        ranked=(late_of(v, ranked), at.SATURATION_RANKED), coverage=(late_of(v, coverage), at.SATURATION_COVERAGE),
        distance=(late_of(v, distance), at.SATURATION_DISTANCE), distance_late_over_early=(stuck, at.SATURATION_STUCK),
        gradient_late_over_largest=(fallen, at.SATURATION_GRADIENT), margin=(margin, at.SATURATION_MARGIN),
    )  # fmt: skip
    remedy, why = "overpowered", f", by {margin:.2g} on average"
    if margin <= at.SATURATION_MARGIN:
        remedy, why = "flat", f", but by {margin:.2g} only, as if a penalty held it flat"
    elif fallen <= at.SATURATION_GRADIENT:
        remedy, why = "vanished", f"{why}; the generator's gradient has fallen to {fallen:.2g} of its largest"
    sentence = (
        f"Discriminator saturation: {since(v, bad)} the generator learns nothing, and its samples stay "
        f"{late_of(v, distance):.2g} deviations from the data. The discriminator's logit is larger for the real sample "
        f"in {late_of(v, ranked):.0%} of the pairs{why}."
    )
    return [make_finding(v, "saturation", certainty, sentence, remedy, bad, evidence)]


def cycling(v: Vitals) -> list[Finding] | None:
    """Samples hop between modes, their mean cycles, or (in games without samples) the players' parameters do."""
    if v.shares is None:
        return _turning(v, v.group("path/"), "the players' parameters go", v.group("weight/"), at.CYCLING_PATH)
    turning = _turning(v, v.group("mean/"), "the mean of generated samples goes", {}, at.CYCLING_AMPLITUDE)
    return _hopping(v) or turning or _swinging(v)


def collapse(v: Vitals) -> list[Finding] | None:
    """Modes of the data have no samples, or each has one."""
    missing, spread, variety = v.missing, v.get("spread"), v.get("variety")
    if missing is None or spread is None or variety is None:
        return None
    if v.far or v.unmoved:  # samples elsewhere say nothing about modes, and untrained ones neither
        return []
    signs: dict[str, tuple[Floats, float, str]] = {
        "missing": (missing, at.COLLAPSE_MISSING, "{:.0%} of the real data lie in modes without samples"),
        "spread": (spread, at.COLLAPSE_SPREAD, "samples spread {:.2g} times as far as real data"),
        "variety": (variety, at.COLLAPSE_VARIETY, "samples lie {:.2g} times as far apart as real data"),
    }
    for name, (values, limit, says) in signs.items():
        bad = values >= limit if name == "missing" else values <= limit
        certainty = persistence(v, bad)
        if certainty:
            sentence = f"Mode collapse: {since(v, bad)} {says.format(late_of(v, values))}."
            evidence = beside(**{name: (late_of(v, values), limit)})
            remedy = "point" if late_of(v, spread) <= at.COLLAPSE_SPREAD else "collapse"
            return [make_finding(v, "collapse", certainty, sentence, remedy, bad, evidence)]
    return []


def dead_codes(v: Vitals) -> list[Finding] | None:
    """The generator ignores a code."""
    codes = v.group("loss/generator/information/")
    if not codes:
        return None
    found = []
    for code, information in codes.items():
        entropy = last_of(v.get(f"entropy/{code}"))
        bad = information < at.DEAD_CODE_INFORMATION * max(entropy, 1.0)
        certainty = persistence(v, bad)
        if certainty:
            of_all = f" of its {entropy:.2g} nats" if v.get(f"entropy/{code}") is not None else " nats"
            sentence = (
                f"Dead code: {since(v, bad)} samples tell {max(0.0, late_of(v, information)):.2g}{of_all} of the code "
                f"{code!r}: the generator does not use it."
            )
            evidence = beside(information=(late_of(v, information), at.DEAD_CODE_INFORMATION * max(entropy, 1.0)))
            found.append(make_finding(v, "dead code", certainty, sentence, "dead code", bad, evidence, code=code))
    return found


def memorization(v: Vitals) -> list[Finding] | None:
    """Samples are copies of training data."""
    near, copies, usual = v.get("nearness"), v.get("copies"), v.get("held_out_copies")
    if near is None or copies is None or usual is None:
        return None
    new = (1 - copies) / np.maximum(1 - usual, 1e-12)
    bad = (near <= at.MEMORIZATION_NEARNESS) & (new <= at.MEMORIZATION_NEW)
    certainty = persistence(v, bad)
    if not certainty:
        return []
    sentence = (
        f"Memorization: {since(v, bad)} samples lie {late_of(v, near):.2g} times as far from the training data as "
        f"held-out data, and {late_of(v, copies):.0%} of them are near-copies (held-out data: {late_of(v, usual):.0%})."
    )
    evidence = beside(
        nearness=(late_of(v, near), at.MEMORIZATION_NEARNESS), new_over_held_out=(late_of(v, new), at.MEMORIZATION_NEW)
    )
    return [make_finding(v, "memorization", certainty, sentence, "memorization", bad, evidence)]


CHECKS: dict[Failure, Check] = {
    "exploding": exploding,
    "saturation": saturation,
    "memorization": memorization,
    "cycling": cycling,
    "collapse": collapse,
    "dead code": dead_codes,
}
"""What is looked for, causes before what may follow from them."""


def _penalty(v: Vitals, name: str, size: Floats) -> Finding | None:
    bad, loss = size >= at.EXPLODING_PENALTY, v.get("loss/discriminator/adversarial")
    beside_it = "" if loss is None else f" (the adversarial loss is {late_of(v, loss):.2g})"
    sentence = (
        f"Exploding penalty: {since(v, bad)} {name!r}, with its weight, is {late_of(v, size):.3g} and rules the "
        f"discriminator's loss{beside_it}."
    )
    evidence = beside(penalty=(late_of(v, size), at.EXPLODING_PENALTY))
    return if_persistent(v, "exploding", sentence, "penalty", bad, evidence)


def _unweighted(v: Vitals) -> dict[str, Floats]:
    """Return penalties that were logged without a Watch; other terms have names that are not known here."""
    terms = v.group("loss/discriminator/")
    known = ("r1", "r2", "wgan_gp", "dragan", "lecam", "gradient_penalty")
    return {} if v.watched else {name: size for name, size in terms.items() if name in known}


def _growing(v: Vitals, name: str, size: Floats) -> Finding | None:
    early = max(early_of(v, size), 1.0)
    bad = size >= at.EXPLODING_GROWTH**2 * early
    sentence = f"Exploding penalty: {since(v, bad)} {name!r} is {late_of(v, size):.3g}, after {early:.3g} at first."
    evidence = beside(penalty=(late_of(v, size), at.EXPLODING_GROWTH**2 * early))
    return if_persistent(v, "exploding", sentence, "penalty", bad, evidence)


def _logits(v: Vitals) -> Finding | None:
    size = v.get("logit_size")
    if size is None:
        return None
    limit = max(at.EXPLODING_LOGITS, at.EXPLODING_GROWTH * early_of(v, size))
    sentence = (
        f"Exploding logits: {since(v, size >= limit)} the discriminator's logits are {late_of(v, size):.3g} large."
    )
    evidence = beside(logit_size=(late_of(v, size), limit))
    return if_persistent(v, "exploding", sentence, "logits", size >= limit, evidence)


def _weights(v: Vitals, player: str, norm: Floats) -> Finding | None:
    limit = at.EXPLODING_WEIGHTS * max(float(norm[0]), 1e-12)
    sentence = (
        f"Exploding weights: {since(v, norm >= limit)} the weights of player {player!r} have a norm of "
        f"{late_of(v, norm):.3g}, after {float(norm[0]):.3g} at first."
    )
    evidence = beside(weight=(late_of(v, norm), limit))
    return if_persistent(v, "exploding", sentence, "weights", norm >= limit, evidence)


def _runaway(v: Vitals) -> Finding | None:
    spread = v.get("spread")
    if spread is None:
        return None
    bad = spread >= at.EXPLODING_SPREAD
    sentence = f"Exploding samples: {since(v, bad)} they spread {late_of(v, spread):.3g} times as far as real data."
    return if_persistent(
        v, "exploding", sentence, "samples", bad, beside(spread=(late_of(v, spread), at.EXPLODING_SPREAD))
    )


def _saturated_loss(v: Vitals) -> list[Finding] | None:
    loss = v.get("loss/discriminator/adversarial")
    if loss is None:
        return None
    bad = np.abs(loss) <= at.SATURATION_LOSS
    sentence = (
        f"Discriminator saturation: {since(v, bad)} the discriminator's loss is {late_of(v, loss):.2g}; whether the "
        "generator still learns was not recorded (Watch needs real=)."
    )
    found = if_persistent(
        v, "saturation", sentence, "vanished", bad, beside(loss=(late_of(v, loss), at.SATURATION_LOSS)), 0.5
    )
    return [] if found is None else [found]


def _hopping(v: Vitals) -> list[Finding]:
    lost, missing, moved = v.lost, v.missing, v.moved
    if lost is None or missing is None or moved is None:
        return []
    bad, late = lost >= at.CYCLING_LOST, late_rows(v)
    gone = float(np.nanmedian(lost[late][len(lost[late]) // 2 :]))
    if gone < at.CYCLING_LOST or late_of(v, missing) < at.COLLAPSE_MISSING:
        return []
    sentence = (
        f"Cycling: {since(v, missing >= at.COLLAPSE_MISSING)} samples hop between modes. At any time "
        f"{late_of(v, missing):.0%} of the real data lie in modes without samples, most of which had some a few "
        f"records before; from record to record {late_of(v, moved):.0%} of the samples go elsewhere."
    )
    evidence = beside(
        lost=(gone, at.CYCLING_LOST),
        missing=(late_of(v, missing), at.COLLAPSE_MISSING),
        moved=(late_of(v, moved), math.nan),
    )
    certainty = max(at.PERSISTENT_SHARE, share_of(v, bad))
    return [make_finding(v, "cycling", certainty, sentence, "hopping", missing >= at.COLLAPSE_MISSING, evidence)]


def _swinging(v: Vitals) -> list[Finding]:
    """The mean of samples passes that of the data again and again, in cycles too few to have a period."""
    means = v.group("mean/")
    name = max(means, key=lambda each: swings(means[each], at.CYCLING_SWING), default=None)
    if name is None or swings(means[name], at.CYCLING_SWING) < at.CYCLING_PASSES:
        return []
    size = float(np.nanmax(np.abs(means[name][late_rows(v)])))
    if size < 2 * at.CYCLING_SWING:
        return []
    passes = swings(means[name], at.CYCLING_SWING)
    sentence = (
        f"Cycling: samples swing from one side of the data to the other ({passes} times so far), lately as far as "
        f"{size:.2g} deviations of the data."
    )
    bad = np.abs(means[name]) >= at.CYCLING_SWING
    evidence = beside(passes=(passes, at.CYCLING_PASSES), farthest=(size, 2 * at.CYCLING_SWING))
    return [make_finding(v, "cycling", max(at.PERSISTENT_SHARE, share_of(v, bad)), sentence, "swinging", bad, evidence)]


def _turning(
    v: Vitals, paths: dict[str, Floats], what: str, sizes: dict[str, Floats], least: float
) -> list[Finding] | None:
    if not paths:
        return None
    best: tuple[str, Cycle] | None = None
    for name, path in paths.items():
        size = sizes.get(name.split("/")[0])
        found = find_cycle(path[len(path) // 3 :]) or (find_cycle(path) if size is not None else None)
        scale = 1.0 if size is None else max(float(np.nanmax(size)), 1e-12)
        if (
            found is not None
            and found.amplitude / scale >= least
            and (best is None or found.returned > best[1].returned)
        ):
            best = name, found
    if best is None:
        return []
    seen, period = best[1], best[1].period * float(np.median(np.diff(v.steps)))
    rotation = v.get("rotation")
    turns = "" if rotation is None else f" The field turns: |Im|/|Re| of its eigenvalues is {late_of(v, rotation):.3g}."
    sentence = f"Cycling: {what} round with a period of about {period:.0f} steps, without settling.{turns}"
    evidence = beside(
        autocorrelation_back=(seen.returned, at.CYCLING_RETURN),
        autocorrelation_turned=(seen.turned, at.CYCLING_TURNED),
        late_over_early_amplitude=(seen.lasting, 0.5), period=(period, math.nan),
    )  # fmt: skip
    bad = np.arange(len(v)) >= len(v) // 3
    return [
        make_finding(
            v, "cycling", min(1.0, max(at.PERSISTENT_SHARE, seen.returned)), sentence, "turning", bad, evidence
        )
    ]
