"""Thresholds of the diagnosis, named after finding and sign: where a vital sign becomes a failure, and why there.

They were chosen on runs of the ring of 8, of digits and of games of two numbers with seeds 0 and 1; the tests fail and
pass on other seeds.
"""

__all__ = [
    "COLLAPSE_DISTANCE",
    "COLLAPSE_MISSING",
    "COLLAPSE_POINT",
    "COLLAPSE_SPREAD",
    "COLLAPSE_VARIETY",
    "CYCLING_AMPLITUDE",
    "CYCLING_LOST",
    "CYCLING_PASSES",
    "CYCLING_PATH",
    "CYCLING_RETURN",
    "CYCLING_SWING",
    "CYCLING_TURNED",
    "DEAD_CODE_INFORMATION",
    "EXPLODING_GROWTH",
    "EXPLODING_LOGITS",
    "EXPLODING_PENALTY",
    "EXPLODING_SPREAD",
    "EXPLODING_WEIGHTS",
    "LATE_SHARE",
    "LEAST_RECORDS",
    "MEMORIZATION_NEARNESS",
    "MEMORIZATION_NEW",
    "PERSISTENT_SHARE",
    "SATURATION_COVERAGE",
    "SATURATION_DISTANCE",
    "SATURATION_GRADIENT",
    "SATURATION_LOSS",
    "SATURATION_MARGIN",
    "SATURATION_RANKED",
    "SATURATION_STUCK",
]

LEAST_RECORDS = 8
"""Fewest records that are judged: the last third then has 3, and one odd record is not most of them."""

LATE_SHARE = 1 / 3
"""Share of the run, at its end, that is judged: what passes is no failure, and early records are of untrained nets."""

PERSISTENT_SHARE = 0.7
"""Share of the late records that must show a sign: 1 would let a lucky one hide a failure."""

COLLAPSE_MISSING = 0.25
"""Least share of real data in modes without samples: a fair sampler misses none of 10 cells, a slow one up to .15."""

COLLAPSE_SPREAD = 0.3
"""Largest standard deviation of samples over that of real data: a single one of 8 modes has .05; blurred digits still
have .7."""

COLLAPSE_VARIETY = 0.1
"""Largest distance to the nearest other sample over that of real data: 1 for a fair sampler, 0 if each mode is a
point."""

COLLAPSE_POINT = 0.05
"""Largest spread, as of :data:`COLLAPSE_SPREAD`, of samples that are one point or one mode even before any training."""

COLLAPSE_DISTANCE = 2.0
"""Distance of samples from the data, in standard deviations of the data, beyond which modes are not looked at: a single
mode of the ring is 1.2 away."""

CYCLING_LOST = 0.2
"""Least share of real data in modes that had samples in an earlier late record and have none now: of 8 modes, two have
come and gone.  A run that still finds modes loses none, and one that stays in the same modes neither."""

CYCLING_SWING = 0.5
"""Distance of the samples' mean from that of the data, in standard deviations, beyond which it is on one side of it."""

CYCLING_PASSES = 3
"""Fewest changes of side: a first overshoot and its correction are two."""

CYCLING_AMPLITUDE = 0.3
"""Least standard deviation over time of the samples' mean, in standard deviations of the data: smaller orbits are noise
of the players."""

CYCLING_PATH = 1e-3
"""Least standard deviation over time of the players' parameters, over their norm: below it a cycle has died out."""

CYCLING_TURNED = -0.3
"""Autocorrelation that a trajectory must fall to before it comes back; noise of 20 records is within .25 of 0."""

CYCLING_RETURN = 0.4
"""Autocorrelation that it must then come back to within a third of the records, so that three cycles are seen."""

SATURATION_RANKED = 0.99
"""Least share of pairs of a real and a generated sample that the discriminator ranks right: a K+1 discriminator of
digits reaches .99 and its generator learns all the same, hence the next three."""

SATURATION_COVERAGE = 0.1
"""Largest coverage of samples that are nowhere near the data."""

SATURATION_DISTANCE = 0.5
"""Least distance of samples from the data, in standard deviations of the data: below it they are no longer far off."""

SATURATION_STUCK = 0.9
"""Least distance late in the run over that early: a generator that learns comes a tenth nearer within two thirds of a
run."""

SATURATION_MARGIN = 0.1
"""Largest mean difference of logits, real less generated, of a discriminator that is held flat although it ranks all
pairs right: the slopes that the generator follows are in proportion."""

SATURATION_GRADIENT = 0.01
"""Largest norm of the generator's gradient over the largest of the run: below it nothing reaches the generator."""

SATURATION_LOSS = 0.02
"""Largest cross-entropy of a discriminator that is always right: log-odds of 4 for every sample, 70 times below log
4."""

DEAD_CODE_INFORMATION = 0.05
"""Largest information over entropy of a code (over 1 nat, if that is more) that the generator ignores; the report of
codes has the same limit."""

EXPLODING_PENALTY = 5.0
"""Least penalty with its weight, in nats: adversarial losses near balance are log 2 or log 4."""

EXPLODING_LOGITS = 50.0
"""Least size of logits: the sigmoid of -50 is 2e-22, and the other player has nothing to follow.  Scores of a critic
are in units of the data and may start large; they must have grown by :data:`EXPLODING_GROWTH` too."""

EXPLODING_GROWTH = 10.0
"""Least factor of growth since the first third of the run."""

EXPLODING_WEIGHTS = 10.0
"""Least factor of growth of the norm of weights since the start: healthy runs stay below 3."""

EXPLODING_SPREAD = 10.0
"""Least standard deviation of samples over that of real data: they have left the data."""

MEMORIZATION_NEARNESS = 0.6
"""Largest distance to the nearest training sample over that of held-out data: 1 for a fair sampler, within a tenth at
256."""

MEMORIZATION_NEW = 0.5
"""Largest share of samples that are no near-copies, over that of held-out data: 1 for a fair sampler, 0 for a table."""
