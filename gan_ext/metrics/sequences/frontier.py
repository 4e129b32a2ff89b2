"""Temperature sweeps: the frontier of quality against coverage (diversity), and how two frontiers compare."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.seeds import RandomStateLike, as_seed, seeded
from gan_ext.sequences import SequenceModel, check_sharpening, evaluating, sample

__all__ = [
    "Band",
    "Coverage",
    "Frontier",
    "FrontierPoint",
    "Gap",
    "Quality",
    "best_sum",
    "coverage_at",
    "dominated_by",
    "frontier_band",
    "gap",
    "largest_gain",
    "sample_score",
    "seed_gap",
    "temperature_frontier",
]


class FrontierPoint(NamedTuple):
    """A generator at one temperature; of both scores lower is better."""

    temperature: float
    """What divided the logits."""
    quality: float
    """How good the samples are, such as NLL_oracle in nats per token."""
    coverage: float
    """How much of the real data is covered, such as NLL_test in nats per token."""

    @property
    def sum(self) -> float:
        """Quality + coverage."""
        return self.quality + self.coverage


Frontier = Sequence[FrontierPoint]
Quality = Callable[[Tensor], float]
Coverage = Callable[[SequenceModel, float], float]


def temperature_frontier(
    model: SequenceModel,
    temperatures: Sequence[float],
    quality: Quality,
    coverage: Coverage,
    n: int = 10_000,
    random_state: RandomStateLike = 0,
    labels: Tensor | None = None,
) -> list[FrontierPoint]:
    r"""Return quality and coverage of a generator at each temperature.

    .. math:: \bigl( \mathrm{quality}(x_1, \dots, x_n),\ \mathrm{coverage}(p_\tau) \bigr), \qquad
              x_i \sim p_\tau, \qquad p_\tau(x_t \mid x_{<t}) \propto p(x_t \mid x_{<t})^{1/\tau}

    A single score can be lowered by sharpening alone; a curve cannot.  The same random numbers are used at every
    temperature and for every model of the same length, so that curves are smooth and their differences small-noise.

    References: Language GANs Falling Short (Caccia et al., 2020), https://arxiv.org/abs/1811.02549

    Args:
        model: the generator; put into evaluation mode and back.
        temperatures: positive numbers; below 1 sharpens (published figures name the inverse, alpha).
        quality: of sampled tokens [n, T], lower is better; for example ``lambda x: nll_oracle(oracle, x)``.
        coverage: of the model at a temperature, lower is better; for example
            ``lambda model, t: nll_test(model, test, t)``, or :func:`sample_score`.
        n: how many sequences are sampled at each temperature.
        random_state: of the draws; the caller's random state is kept.
        labels: classes [n] of a class-conditional model.

    Raises:
        ValueError: no temperature, one that is not positive, or n below 1.
    """
    if not temperatures:
        raise ValueError("temperatures is empty: a frontier has at least one point.")
    _check_n(n)
    for temperature in temperatures:
        check_sharpening(temperature)
    points, seed = [], as_seed(random_state)
    with evaluating(model):
        for temperature in temperatures:
            tokens = _sample(model, n, temperature, seed, labels)
            points.append(FrontierPoint(temperature, float(quality(tokens)), float(coverage(model, temperature))))
    return points


def sample_score(
    score: Quality, n: int = 10_000, random_state: RandomStateLike = 0, labels: Tensor | None = None
) -> Coverage:
    """Return a coverage that scores samples, such as self-BLEU or the reverse language-model score.

    With the integer, n and labels of :func:`temperature_frontier` they are the very samples that its quality scores.

    Args:
        score: of sampled tokens [n, T], lower is better.
        n: how many sequences are sampled.
        random_state: of the draws.
        labels: classes [n] of a class-conditional model.

    Raises:
        ValueError: n below 1.
    """
    _check_n(n)
    seed = as_seed(random_state)

    def coverage(model: SequenceModel, temperature: float) -> float:
        with evaluating(model):
            return score(_sample(model, n, temperature, seed, labels))

    return coverage


def best_sum(frontier: Frontier) -> FrontierPoint:
    """Return the point with the lowest quality + coverage.

    The lowest of many noisy sums is a little too low: state the grid, and sample anew for a figure to be believed.

    Args:
        frontier: points, at least one.

    Raises:
        ValueError: no points.
    """
    _check([frontier])
    return min(frontier, key=lambda point: point.sum)


class Band(NamedTuple):
    """Mean and standard deviation over seeds at one temperature."""

    temperature: float
    quality: float
    coverage: float
    quality_std: float
    coverage_std: float


def frontier_band(frontiers: Sequence[Frontier]) -> list[Band]:
    """Return mean and standard deviation (with N - 1; 0 for one seed) over seeds at each temperature.

    Args:
        frontiers: one for each seed, all at the same temperatures.

    Raises:
        ValueError: no frontier, or other temperatures.
    """
    _check(frontiers)
    temperatures = [[point.temperature for point in frontier] for frontier in frontiers]
    if any(other != temperatures[0] for other in temperatures):
        raise ValueError("The frontiers have other temperatures; a band needs the same ones for every seed.")
    scores = np.array([[(point.quality, point.coverage) for point in frontier] for frontier in frontiers])
    mean, std = scores.mean(0), scores.std(0, ddof=1) if len(scores) > 1 else np.zeros_like(scores[0])
    columns = zip(temperatures[0], *mean.T.tolist(), *std.T.tolist(), strict=True)
    return [Band(*row) for row in columns]


def coverage_at(frontier: Frontier, quality: float) -> float:
    """Return the coverage of a frontier at a quality, by straight lines between points; NaN where it has none.

    Points are joined in the order of their temperatures.  Where the line has a quality more than once, the lowest
    coverage counts.

    Args:
        frontier: points, at least one.
        quality: where.
    """
    _check([frontier])
    ordered = sorted(frontier)
    found = [
        _between(a, b, quality)
        for a, b in zip(ordered, ordered[1:] or ordered, strict=False)
        if min(a.quality, b.quality) <= quality <= max(a.quality, b.quality)
    ]
    return min(found, default=math.nan)


class Gap(NamedTuple):
    """How far one curve lies below another at one quality."""

    quality: float
    """Where."""
    gap: float
    """Coverage of the reference minus coverage of the curve; positive if the curve is better."""
    spread: float = 0.0
    """Standard deviation over seeds of that difference."""


def gap(reference: Frontier, frontier: Frontier) -> list[Gap]:
    r"""Return how far a frontier lies below a reference at equal quality; positive where it is better.

    .. math:: g(q) = c_\text{reference}(q) - c(q)

    c(q) is :func:`coverage_at`.  The qualities are those of all points of both that lie within both; for curves that do
    not fold back g is linear between them, so they hold its extremes.  Empty if no quality is common.

    Args:
        reference: points of what is compared with, at least one.
        frontier: points, at least one.
    """
    return [Gap(quality, distance) for quality, distance, _ in seed_gap([reference], [frontier])]


def seed_gap(reference: Sequence[Frontier], arm: Sequence[Frontier]) -> list[Gap]:
    r"""Return the mean gap of several seeds, with the spread that the seeds give it.

    .. math:: \bar g(q) = \bar c_\text{reference}(q) - \bar c(q), \qquad s(q) = \sqrt{s_\text{reference}^2(q) + s^2(q)}

    :math:`\bar c` and s are mean and standard deviation (with N - 1; 0 for one seed) of :func:`coverage_at` over seeds.
    The qualities are those of all points of all seeds that lie within the frontiers of all seeds.

    Args:
        reference: a frontier for each seed.
        arm: a frontier for each seed; their number may differ.

    Raises:
        ValueError: no frontier, or one without points.
    """
    _check(arm)
    _check(reference)
    qualities = sorted({point.quality for frontier in (*arm, *reference) for point in frontier})
    (ours, our_std), (theirs, their_std) = _moments(arm, qualities), _moments(reference, qualities)
    rows = zip(qualities, (theirs - ours).tolist(), np.hypot(our_std, their_std).tolist(), strict=True)
    return [Gap(*row) for row in rows if not math.isnan(row[1])]


def dominated_by(reference: Sequence[Frontier], arm: Sequence[Frontier]) -> list[Gap]:
    """Return where a reference is beaten by an arm, by more than the seeds differ: the gaps with ``gap > spread``.

    The rule is that of :func:`seed_gap`: at equal quality the mean coverage must be lower by more than one standard
    deviation of the difference between a single run of each.  An empty list is no dominance.  It is no test of
    significance: of many qualities some may pass by luck, so believe runs of neighbors and not single points.

    Args:
        reference: a frontier for each seed, at least two.
        arm: a frontier for each seed, at least two.

    Raises:
        ValueError: fewer than two seeds, which have no spread.
    """
    for name, frontiers in {"reference": reference, "arm": arm}.items():
        if len(frontiers) < 2:
            raise ValueError(f"{name} has {len(frontiers)} seed(s); a spread over seeds needs at least 2.")
    return [each for each in seed_gap(reference, arm) if each.gap > each.spread]


def largest_gain(reference: Sequence[Frontier], arm: Sequence[Frontier]) -> Gap:
    """Return the largest gap of :func:`dominated_by`; one of 0 at a quality that is not a number, if there is none.

    Args:
        reference: a frontier for each seed, at least two.
        arm: a frontier for each seed, at least two.

    Raises:
        ValueError: fewer than two seeds, which have no spread.
    """
    return max(dominated_by(reference, arm), key=lambda each: each.gap, default=Gap(math.nan, 0.0))


def _sample(model: SequenceModel, n: int, temperature: float, seed: int, labels: Tensor | None) -> Tensor:
    device = next(model.parameters()).device
    with seeded(seed, device=device):
        uniforms = torch.rand(n, model.length, device=device)
    return sample(model, n, labels=labels, temperature=temperature, uniforms=uniforms)


def _between(a: FrontierPoint, b: FrontierPoint, quality: float) -> float:
    if a.quality == b.quality:
        return min(a.coverage, b.coverage)
    share = (quality - a.quality) / (b.quality - a.quality)
    return a.coverage + share * (b.coverage - a.coverage)


def _moments(
    frontiers: Sequence[Frontier], qualities: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = np.array([[coverage_at(frontier, quality) for quality in qualities] for frontier in frontiers])
    return found.mean(0), found.std(0, ddof=1) if len(found) > 1 else np.zeros(len(qualities))


def _check(frontiers: Sequence[Frontier]) -> None:
    if not frontiers or not all(frontiers):
        raise ValueError("A frontier has at least one point, and a list of seeds at least one frontier.")
    if any(not math.isfinite(point.quality + point.coverage) for frontier in frontiers for point in frontier):
        raise ValueError("A frontier holds NaN or infinity: at some temperature it has no quality or no coverage.")


def _check_n(n: int) -> None:
    if n < 1:
        raise ValueError(f"n={n} must be at least 1 sequence.")
