"""Where a vital sign becomes a failure: every number with its reason.

They were chosen on runs of the ring of 8, of digits and of games of two numbers with seeds 0 and 1; the tests fail and
pass on other seeds.
"""

__all__ = [
    "AGAIN",
    "AMPLITUDE",
    "ANSWERED",
    "COPIED",
    "DEAD",
    "ELSEWHERE",
    "FAR",
    "FLAT",
    "GROWN",
    "LATE",
    "LEAST",
    "LOGITS",
    "LOSS",
    "LOST",
    "MISSING",
    "MOVES",
    "NEAR",
    "PASSES",
    "PENALTY",
    "PERSISTENT",
    "POINT",
    "RANKED",
    "RUNAWAY",
    "SPREAD",
    "STUCK",
    "SWING",
    "TURNED",
    "VANISHED",
    "VARIETY",
    "WEIGHTS",
]

LEAST = 8
"""Records without which nothing is said: the last third then has 3, and one odd record is not most of them."""

LATE = 1 / 3
"""Share of the run, at its end, that is judged: what passes is no failure, and early records are of untrained nets."""

PERSISTENT = 0.7
"""Share of the late records that must show a sign: 1 would let a lucky one hide a failure."""

MISSING = 0.25
"""Share of real data in modes without samples: a fair sampler misses none of 10 cells, a slow one up to .15."""

SPREAD = 0.3
"""Deviation of generated over real samples: a single one of 8 modes has .05; blurred digits still have .7."""

POINT = 0.05
"""Spread of samples that are one point or one mode, even before any training."""

VARIETY = 0.1
"""Distance to the next generated sample over that of real ones: 1 for a fair sampler, 0 if each mode is a point."""

LOST = 0.2
"""Share of real data in modes that were reached among the late records and are not now: of 8 modes, two have come and
gone.  A run that still finds modes loses none, and one that stays in the same modes neither."""

SWING = 0.5
"""Deviations of the data beyond which the mean of samples is on one side of them."""

PASSES = 3
"""Times that it has gone from one side to the other: a first overshoot and its correction are two."""

ELSEWHERE = 2.0
"""Distance in deviations of the data: a single mode of the ring is 1.2 away from it, so that beyond 2 nothing can be
said of modes."""

AMPLITUDE = 0.3
"""Deviation of the samples' mean over time, in deviations of the data: smaller orbits are noise of the players."""

MOVES = 1e-3
"""Deviation of the players' path over time, in lengths of their parameters: below, a cycle has died out."""

TURNED = -0.3
"""Autocorrelation of a path below which it has turned round; noise of 20 records is within .25 of 0."""

AGAIN = 0.4
"""Autocorrelation to which it must come back within a third of the records, so that three rounds are seen."""

RANKED = 0.99
"""Share of pairs that the discriminator tells apart: a K+1 discriminator of digits reaches .99 and its generator
learns all the same, hence the next two."""

ANSWERED = 0.1
"""Coverage below which samples are nowhere near the data."""

STUCK = 0.9
"""Distance late over early: a generator that learns comes a tenth nearer within two thirds of a run."""

FAR = 0.5
"""Distance in deviations of the data below which samples are no longer far off."""

FLAT = 0.1
"""Margin of logits, real less generated, below which a discriminator that ranks all pairs right is held flat: the
slopes that the generator follows are in proportion."""

VANISHED = 0.01
"""Norm of the generator's gradient over its largest: below, nothing reaches it."""

LOSS = 0.02
"""Cross-entropy of a discriminator that is right always: log-odds of 4 for every sample, 70 times below log 4."""

DEAD = 0.05
"""Information over entropy of a code (over 1 nat, if that is more): what the code report calls dead."""

PENALTY = 5.0
"""Penalty with its weight, in nats: adversarial losses near balance are log 2 or log 4."""

LOGITS = 50.0
"""Size of logits: the sigmoid of -50 is 2e-22, and the other player has nothing to follow.  Scores of a critic are in
units of the data and may start large; they must have grown tenfold too."""

GROWN = 10.0
"""Factor of growth since the first third."""

WEIGHTS = 10.0
"""Factor of growth of the norm of weights since the start: healthy runs stay below 3."""

RUNAWAY = 10.0
"""Deviation of generated over real samples: they have left the data."""

NEAR = 0.6
"""Distance to the nearest training sample over that of held-out data: 1 for a fair sampler, within a tenth at 256."""

COPIED = 0.5
"""Share of samples that are no near-copies, over that of held-out data: 1 for a fair sampler, 0 for a table."""
