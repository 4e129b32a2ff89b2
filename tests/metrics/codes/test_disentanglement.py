"""FactorVAE, BetaVAE and IRS: votes and ratios by hand, known ends, interventions, errors."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gan_ext.data import Sprites
from gan_ext.latents import Uniform
from gan_ext.metrics import (
    CodeInterventions,
    FactorInterventions,
    beta_vae_score,
    factor_vae_score,
    factor_vae_scores,
    irs,
)

GRID = np.stack(np.meshgrid(range(3), range(4), range(5), indexing="ij"), axis=-1).reshape(-1, 3)
ROTATION = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
FEW = {"train": 300, "evaluation": 300}


class Table:
    """Data that are their factors."""

    sizes = (3, 4, 5)

    def render(self, factors: torch.Tensor) -> torch.Tensor:
        return factors.float()


def moved(x: torch.Tensor) -> torch.Tensor:
    """Return the factors in another order, with other signs and scales."""
    return x[:, [2, 0, 1]] * torch.tensor([-3.0, 0.1, 7.0]) + 1


def rotated(x: torch.Tensor) -> torch.Tensor:
    return (x - torch.tensor([1.0, 1.5, 2.0])) @ torch.tensor(ROTATION).float()


def noise(seed: int = 0) -> Callable[[torch.Tensor], np.ndarray]:
    draws = np.random.default_rng(seed)
    return lambda x: draws.normal(size=(len(x), 3))


class Prepared:
    """Interventions whose batches of two are known: codes -a and a, with a by factor."""

    n_factors = 2
    a = np.array([[2.0, 1.0], [1.0, 2.0]])

    def __init__(self, free: tuple[float, float]) -> None:
        self.free = np.array(free)

    def batches(self, factor: int, n_batches: int, batch: int, rng: np.random.Generator) -> np.ndarray:
        half = self.free if batch == 1 else self.a[factor]
        return np.tile([-half, half], (n_batches * batch // 2, 1))


@pytest.mark.parametrize(
    ("free", "winners"),
    [
        ((1.0, 1.0), (1, 0)),  # the smaller variance
        ((100.0, 1.0), (0, 0)),  # variances are divided by those of free draws: 4/1e4 < 1/1, 1/1e4 < 4/1
        ((1.0, 3.0), (1, 1)),  # 4/1 > 1/9, 1/1 > 4/9
    ],
)
def test_votes_by_hand(free: tuple[float, float], winners: tuple[int, int]) -> None:
    found = factor_vae_score(lambda x: x, Prepared(free), batch=2, train=50, evaluation=400, variance=4)
    votes = np.array(found.votes)
    assert votes.sum() == 50
    for factor, winner in enumerate(winners):
        assert votes[winner, factor] == votes[:, factor].sum() > 0
    if winners[0] != winners[1]:
        assert found.score == found.train_score == 1
    else:
        assert found.train_score == votes.max() / 50
        assert abs(found.score - 0.5) < 0.1


def test_true_factors_in_any_order_sign_and_scale_give_one() -> None:
    found = factor_vae_score(moved, Table(), **FEW)
    assert found.score == found.train_score == 1
    assert np.array(found.votes).argmax(1).tolist() == [2, 0, 1]
    assert found.active == (0, 1, 2)
    assert beta_vae_score(moved, Table(), **FEW) == (1, 1)
    assert irs(GRID[:, [2, 0, 1]] * [-3, 0.1, 7], GRID) == pytest.approx(1)
    assert json.loads(json.dumps(found._asdict()))["score"] == 1


def test_noise_gives_chance() -> None:
    assert factor_vae_score(noise(), Table(), train=600, evaluation=1500).score == pytest.approx(1 / 3, abs=0.06)
    assert beta_vae_score(noise(), Table(), train=600, evaluation=1500).score == pytest.approx(1 / 3, abs=0.06)
    draws = np.random.default_rng(0)
    assert irs(draws.uniform(-1, 1, (20_000, 3)), draws.integers(0, 3, (20_000, 3))) < 0.03


def test_a_rotation_is_between_if_it_is_strong() -> None:
    # Two of three codes turned by 45 degrees vote alike for both their factors, so half of those votes are wrong.
    source = CodeInterventions(Uniform(3, -1, 1).sample, lambda c: c)
    turned = lambda c: torch.stack([c[:, 0] + c[:, 1], c[:, 0] - c[:, 1], c[:, 2]], 1)  # noqa: E731
    assert factor_vae_score(turned, source, train=1500, evaluation=1500).score == pytest.approx(2 / 3, abs=0.04)
    assert beta_vae_score(turned, source, train=1500, evaluation=1500).score < 0.8
    # A milder turn goes unnoticed by both: each code still moves least with one factor.
    assert factor_vae_score(rotated, Table(), **FEW).score == 1
    assert beta_vae_score(rotated, Table(), **FEW).score == 1
    assert 0.05 < irs(rotated(torch.tensor(GRID).float()), GRID) < 0.8


def test_dead_codes_take_no_part() -> None:
    with_dead = factor_vae_score(lambda x: torch.cat([0 * x[:, :1] + 0.1, moved(x)], 1), Table(), prune=0, **FEW)
    assert (with_dead.score, with_dead.active) == (1, (1, 2, 3))
    faint = factor_vae_score(lambda x: x * torch.tensor([0.01, 1, 1]), Table(), **FEW)
    assert faint.active == (1, 2)
    assert faint.score < 0.9
    assert factor_vae_score(lambda x: x * torch.tensor([0.01, 1, 1]), Table(), prune=0, **FEW).score == 1
    none = factor_vae_score(lambda x: 0 * x, Table(), **FEW)
    assert (none.score, none.active) == (0, ())
    codes = np.c_[np.full(60, 0.1), GRID]
    assert irs(codes, GRID) == pytest.approx(1)
    assert irs(codes[:, :1], GRID) == 0


def test_several_encoders_at_once_equal_each_by_itself() -> None:
    both = factor_vae_scores([moved, rotated], Table(), random_state=3, **FEW)
    assert both == [factor_vae_score(encode, Table(), random_state=3, **FEW) for encode in (moved, rotated)]
    assert both[1] != factor_vae_score(rotated, Table(), random_state=4, **FEW)


def test_blocks_change_how_many_are_encoded_at_once() -> None:
    seen: list[int] = []

    def encode(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return moved(x)

    assert factor_vae_score(encode, Table(), block=640, variance=1000, **FEW).score == 1
    assert max(seen) == 640
    assert sum(seen) == 1000 + 600 * 64
    assert beta_vae_score(encode, Table(), block=100, batch=7, train=50, evaluation=50).score > 0.5


def test_beta_vae_points_by_hand() -> None:
    # Pairs (-a, a) differ by 2a; the factor with the small difference is told by any line between.
    seen: list[np.ndarray] = []

    class Keep:
        """Enough of a classifier to see what it is trained on."""

        def get_params(self, deep: bool = True) -> dict:
            return {}

        def fit(self, points: np.ndarray, fixed: np.ndarray) -> "Keep":
            seen.extend([points, fixed])
            return self

        def predict(self, points: np.ndarray) -> np.ndarray:
            return (points[:, 0] < points[:, 1]).astype(int)

    assert beta_vae_score(lambda x: x, Prepared((1, 1)), batch=5, train=20, evaluation=20, classifier=Keep()) == (1, 1)
    assert seen[0] == pytest.approx(2 * Prepared.a[seen[1]])
    assert len(seen[0]) == 20


def test_irs_by_hand() -> None:
    # z = v + w / 2 with v, w in {-1, 1}: mean 0, largest deviation 3/2. While v is fixed z moves by 1/2, while w is
    # fixed by 1; the better parent counts.
    pair = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    v, w = (2.0 * pair - 1).T
    assert irs((v + w / 2)[:, None], pair, quantile=1) == pytest.approx(1 - (1 / 2) / (3 / 2))
    # A second code, v alone, has robustness 1 and weight 1 against 3/2.
    assert irs(np.stack([v + w / 2, v], 1), pair, quantile=1) == pytest.approx((3 / 2 * 2 / 3 + 1) / (5 / 2))


def test_factor_interventions_fix_one_factor_and_draw_the_others_uniformly() -> None:
    class OneValue(Table):
        sizes = (3, 1, 5)

    source = FactorInterventions(OneValue())
    assert source.n_factors == 2
    x = source.batches(1, 500, 8, np.random.default_rng(0)).reshape(500, 8, 3).numpy()
    assert (np.ptp(x[:, :, 2], axis=1) == 0).all()
    assert not x[:, :, 1].any()
    for column, size in ((0, 3), (2, 5)):
        values = x[:, 0, column]
        assert np.bincount(values.astype(int), minlength=size) / 500 == pytest.approx(1 / size, abs=0.08)
    assert (np.ptp(x[:, :, 0], axis=1) > 0).mean() > 0.99


def test_sprites_are_factor_data() -> None:
    # The center of the ink, from left to right, stays where it is if x does, and only then.
    data = Sprites()
    column = torch.arange(64.0)
    encode = lambda x: (x * column).sum((1, 2, 3))[:, None] / x.sum((1, 2, 3))[:, None]  # noqa: E731
    source = FactorInterventions(data)
    assert source.n_factors == len(data.sizes) == 5
    spread = [encode(source.batches(j, 4, 16, np.random.default_rng(0))).view(4, 16).std(1).mean() for j in range(5)]
    assert int(np.argmin(spread)) == 3
    assert min(spread[:3] + spread[4:]) > 10 * spread[3]


def test_code_interventions_fix_groups_of_columns_and_keep_the_callers_random_state() -> None:
    source = CodeInterventions(Uniform(5, -1, 1).sample, lambda c: c, [[0, 1], [3]])
    assert source.n_factors == 2
    before = torch.random.get_rng_state()
    x = source.batches(0, 10, 6, np.random.default_rng(0)).view(10, 6, 5)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(x[:, :, :2], x[:, :1, :2].expand(-1, 6, -1))
    assert (x[:, 1:, 2:] != x[:, :1, 2:]).all()
    assert torch.equal(x.view(60, 5), source.batches(0, 10, 6, np.random.default_rng(0)))
    assert not torch.equal(x.view(60, 5), source.batches(0, 10, 6, np.random.default_rng(1)))
    assert CodeInterventions(Uniform(5).sample, lambda c: c).n_factors == 5


def test_codes_of_a_generator_take_the_place_of_factors() -> None:
    # Two codes and three noise columns; the encoder returns the codes, or noise.
    source = CodeInterventions(Uniform(5, -1, 1).sample, lambda c: c, [[0], [1]])
    assert factor_vae_score(lambda x: x[:, [1, 0]], source, **FEW).score == 1
    assert factor_vae_score(lambda x: x[:, 2:], source, **FEW).score < 0.65
    assert beta_vae_score(lambda x: x[:, [1, 0]], source, **FEW).score == 1


@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score])
@pytest.mark.parametrize(
    ("encode", "numbers", "sentence"),
    [
        (lambda x: x[:, 0], {}, r"codes from encode must be \[n, d\]"),
        (lambda x: x * np.nan, {}, "codes from encode must be finite"),
        (lambda x: x[:-1], {}, r"encode returned \d+ rows of codes for \d+ samples"),
        (moved, {"batch": 0}, r"batch=0 must be at least"),
        (moved, {"train": 0}, r"train=0 must be at least"),
        (moved, {"evaluation": 0}, "evaluation=0 must be at least 1"),
        (moved, {"block": 0}, "block=0 must be at least 1"),
    ],
)
def test_errors_of_encoders_and_numbers(score: object, encode: object, numbers: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        score(encode, Table(), **{**FEW, **numbers})


class NoValues(Table):
    sizes = (1, 1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: factor_vae_scores([], Table()), "encoders is empty"),
        (lambda: factor_vae_score(moved, Table(), variance=1), "variance=1 must be at least 2"),
        (lambda: factor_vae_score(moved, Table(), prune=-1), "prune=-1 must not be negative"),
        (lambda: factor_vae_score(moved, NoValues()), r"sizes=\(1, 1\) must be positive"),
        (lambda: beta_vae_score(moved, CodeInterventions(Uniform(1).sample, abs)), "data has 1 factor"),
        (lambda: beta_vae_score(moved, Table(), train=2, random_state=4), "train=2 points all have the same"),
        (lambda: CodeInterventions(Uniform(2).sample, abs, [[0], []]), r"columns=.* must name at least one column"),
        (lambda: CodeInterventions(Uniform(2).sample, abs, [[0, 2]]), "must lie from 0 to 1, since draw returns 2"),
        (lambda: irs(GRID, GRID, quantile=0), r"quantile=0 must be in \(0, 1\]"),
        (lambda: irs(GRID, GRID[:, :0]), "factors has 0 columns"),
        (lambda: irs(GRID * np.nan, GRID), "codes must be finite"),
        (lambda: irs(GRID, GRID[1:]), "with the 60 rows of codes"),
        (lambda: irs(GRID, GRID * [1, 1, 0]), r"factors\[:, 2\] has one value only"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_data_without_interventions_are_refused() -> None:
    with pytest.raises(TypeError, match="data is ndarray: give an object with `sizes` and `render`"):
        factor_vae_score(moved, GRID)
