"""The frontier: limits of the temperature, straight lines, folds, and the rule of dominance."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_ext.metrics import (
    FrontierPoint,
    Gap,
    best_sum,
    coverage_at,
    dominated_by,
    frontier_band,
    gap,
    nll_oracle,
    nll_test,
    sample_score,
    seed_gap,
    sequence_log_prob,
    temperature_frontier,
)
from gan_ext.nets.sequences.recurrent import LSTMGenerator
from gan_ext.sequences import sample

V, T, N = 3, 3, 4000


def net(**more: object) -> LSTMGenerator:
    return LSTMGenerator(V, T, embedding=3, hidden=4, init=1.0, **more)


def line(*points: tuple[float, float]) -> list[FrontierPoint]:
    """Make a frontier of (quality, coverage), at temperatures 1, 2, ..."""
    return [FrontierPoint(1.0 + number, *point) for number, point in enumerate(points)]


def test_the_true_model_meets_its_entropy_and_is_best_at_temperature_one() -> None:
    oracle = net()
    every = torch.tensor(list(itertools.product(range(V), repeat=T)))
    logs = sequence_log_prob(oracle, every)
    entropy = -(np.exp(logs) * logs).sum() / T
    test = sample(oracle, N)
    frontier = temperature_frontier(
        oracle, [0.02, 0.7, 1.0, 1.4, 1e4], lambda x: nll_oracle(oracle, x), lambda m, t: nll_test(m, test, t), N
    )
    cold, _, true, _, hot = frontier
    error = logs.std() / T / math.sqrt(N)
    assert abs(true.quality - entropy) < 8 * error
    assert abs(true.coverage - entropy) < 8 * error
    assert min(frontier, key=lambda point: point.coverage).temperature == 1.0
    # Cold: one sequence, the greedy one. Hot: all alike.
    greedy = sample(oracle, 1, top_k=1)
    assert cold.quality == pytest.approx(nll_oracle(oracle, greedy), abs=0.02)
    assert cold.coverage > 2 * entropy
    assert hot.coverage == pytest.approx(math.log(V), abs=1e-3)
    assert hot.quality == pytest.approx(-logs.mean() / T, abs=0.1)


def test_frontiers_are_seeded_restore_everything_and_share_their_noise() -> None:
    model = net(dropout=0.5).train()
    seen: list[Tensor] = []

    def quality(tokens: Tensor) -> float:
        seen.append(tokens)
        assert not model.training
        return 0.0

    def coverage(other: LSTMGenerator, temperature: float) -> float:
        assert other is model
        assert not model.training
        return temperature

    before = torch.random.get_rng_state()
    for seed in (1, 1, 2):
        found = temperature_frontier(model, [1.0, 1.0 + 1e-7], quality, coverage, 200, seed)
    assert torch.equal(before, torch.random.get_rng_state())
    assert model.training
    assert found == [(1.0, 0.0, 1.0), (1.0 + 1e-7, 0.0, 1.0 + 1e-7)]
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[4])
    assert (seen[0] != seen[1]).float().mean() < 0.01, "the same noise at every temperature"
    sample_score(quality, 200, 1)(model, 1.0)
    assert torch.equal(seen[-1], seen[0]), "coverage may score the very samples that quality scored"
    assert model.training


def test_labels_reach_the_samples() -> None:
    model = net(classes=2)
    labels = torch.tensor([0, 1] * 50)
    kept: list[Tensor] = []
    temperature_frontier(model, [1.0], lambda x: kept.append(x) or 0.0, lambda m, t: 0.0, 100, 3, labels)
    temperature_frontier(model, [1.0], lambda x: kept.append(x) or 0.0, lambda m, t: 0.0, 100, 3, 1 - labels)
    assert not torch.equal(*kept)


def test_best_sum() -> None:
    best = best_sum(line((5, 9), (6, 7.5), (9, 7)))
    assert best == (2.0, 6, 7.5)
    assert best.sum == 13.5


def test_gap_between_straight_lines() -> None:
    reference, lower = line((0, 10), (10, 0)), line((2, 6), (8, 0), (20, -12))
    assert gap(reference, lower) == [Gap(2, 2), Gap(8, 2), Gap(10, 2)]
    assert gap(lower, reference) == [Gap(2, -2), Gap(8, -2), Gap(10, -2)]
    assert gap(reference, reference) == [Gap(0, 0), Gap(10, 0)]
    crossing = gap(reference, line((0, 12), (10, -2)))
    assert crossing == [Gap(0, -2), Gap(10, 2)]


def test_gap_finds_vertices_of_both_curves() -> None:
    bent = line((0, 10), (5, 0), (10, 0))
    assert gap(bent, line((0, 10), (10, 0))) == [Gap(0, 0), Gap(5, -5), Gap(10, 0)]


def test_no_common_quality_is_no_gap() -> None:
    assert gap(line((2, 1), (3, 0)), line((0, 1), (1, 0))) == []
    assert math.isnan(coverage_at(line((0, 1), (1, 0)), 1.5))


def test_curves_that_fold_back_count_with_their_lowest_coverage() -> None:
    folded = line((0, 5), (4, 1), (2, 9))
    assert coverage_at(folded, 3) == pytest.approx(2)
    assert coverage_at(folded, 0) == 5
    assert coverage_at(line((1, 3), (1, 2), (2, 4)), 1) == 2
    assert coverage_at(line((1, 3)), 1) == 3
    assert coverage_at(list(reversed(folded)), 3) == pytest.approx(2), "the order of the list does not matter"


def test_seed_gap_by_hand_and_the_rule_of_dominance() -> None:
    reference = [line((0, 10), (10, 0)), line((0, 12), (10, 2))]  # mean 11 - q, std sqrt 2
    arm = [line((0, 6), (10, 6)), line((0, 7), (10, 7)), line((0, 8), (10, 8))]  # mean 7, std 1
    found = seed_gap(reference, arm)
    assert found == [pytest.approx((0, 4, math.sqrt(3))), pytest.approx((10, -6, math.sqrt(3)))]
    assert dominated_by(reference, arm) == found[:1]
    assert dominated_by(arm, reference) == [pytest.approx((10, 6, math.sqrt(3)))]
    noisy = [line((0, 2), (10, 2)), line((0, 12), (10, 12))]  # mean 7, std 7.07: not beyond the seeds
    assert dominated_by(reference, noisy) == []
    assert [each.spread for each in gap(reference[0], arm[0])] == [0, 0]


def test_only_qualities_of_all_seeds_count() -> None:
    arm = [line((0, 5), (6, 5)), line((2, 5), (9, 5))]
    assert [each.quality for each in seed_gap([line((-5, 6), (4, 6), (20, 6))], arm)] == [2, 4, 6]


def test_band_over_seeds() -> None:
    first, second = frontier_band([line((1, 10), (2, 8)), line((3, 10), (2, 9))])
    assert first == pytest.approx((1, 2, 10, math.sqrt(2), 0))
    assert second == pytest.approx((2, 2, 8.5, 0, math.sqrt(0.5)))
    assert frontier_band([line((1, 10))]) == [(1, 1, 10, 0, 0)]


GOOD = line((0, 1), (1, 0))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: temperature_frontier(net(), [], len, max), "temperatures is empty"),
        (lambda: temperature_frontier(net(), [1.0, 0.0], len, max), "temperature=0.0 must be a positive number"),
        (lambda: temperature_frontier(net(), [1.0], len, max, n=0), "n=0 must be at least 1"),
        (lambda: sample_score(len, n=0), "n=0 must be at least 1"),
        (lambda: best_sum([]), "A frontier has at least one point"),
        (lambda: frontier_band([]), "at least one frontier"),
        (lambda: frontier_band([GOOD, GOOD[:1]]), "a band needs the same ones for every seed"),
        (lambda: gap([], GOOD), "A frontier has at least one point"),
        (lambda: gap(line((0, math.nan)), GOOD), "A frontier holds NaN"),
        (lambda: gap(GOOD, line((0, math.inf))), "A frontier holds NaN or infinity"),
        (lambda: seed_gap([GOOD], []), "at least one frontier"),
        (lambda: dominated_by([GOOD, GOOD], [GOOD]), r"arm has 1 seed\(s\); a spread over seeds needs at least 2"),
        (lambda: dominated_by([GOOD], [GOOD, GOOD]), r"reference has 1 seed\(s\)"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
