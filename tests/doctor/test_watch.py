"""What is recorded: numbers that can be computed otherwise, and a run that does not notice."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Watch
from gan_ext.data import ArrayStream
from gan_ext.doctor.probe import Probe
from gan_ext.doctor.protocol import judge, make_samples
from gan_ext.engine import SaveEvery, adam, sgd
from gan_ext.games import Adversarial, Conditional, InfoGANGame, RealBatch
from gan_ext.latents import Categorical, Gaussian, Product
from gan_ext.losses import R1, LeCam, realness
from gan_ext.metrics import density_coverage
from gan_ext.nets import mlp_info_discriminator
from gan_ext.testing import ConstantStream, DiracGame

REAL = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
HELD_OUT = torch.randn(32, 3, generator=torch.Generator().manual_seed(2))


def game() -> Adversarial:
    """Batch statistics, noise in the discriminator and a penalty with a memory: all that a look could disturb."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    discriminator = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0))
    return Adversarial(generator, discriminator, Gaussian(2), penalties=(LeCam(0.5, decay=0.9),))


def engine(played: Any = None, **more: Any) -> Engine:
    played = game() if played is None else played
    return Engine(played, dict.fromkeys(played.players(), adam(1e-2)), seed=5, compute=Compute("cpu"), **more)


def stream() -> ArrayStream:
    return ArrayStream(RealBatch(REAL), 16, 0)


def watch(**more: Any) -> Watch:
    return Watch(2, real=REAL, held_out=HELD_OUT, n=32, batch=RealBatch(REAL[:16]), **more)


def state(run: Engine) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in run.game.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_does_not_notice() -> None:
    plain, watched = engine(), engine()
    plain.fit(stream(), 6)
    watched.fit(stream(), 6, [watch()])
    assert same(state(plain), state(watched))
    assert plain.meters.read() == watched.meters.read()
    assert [entry["step"] for entry in watched.history] == [2, 4, 6]


def test_a_resumed_run_has_the_same_bits_and_records(tmp_path: Path) -> None:
    whole = engine().fit(stream(), 7, [watch()])
    engine().fit(stream(), 4, [watch(), SaveEvery(4, tmp_path)])
    resumed = engine()
    assert resumed.resume(tmp_path)
    resumed.fit(stream(), 7, [watch()])
    assert same(state(whole), state(resumed))
    assert whole.history == resumed.history


def test_draws_of_the_caller_are_left_alone() -> None:
    run = engine().fit(stream(), 1)
    before = torch.get_rng_state()
    first, second = watch().look(run), watch().look(run)
    assert torch.equal(before, torch.get_rng_state())
    assert first == second
    assert run.history == []


def test_norms_paths_and_logits() -> None:
    run, seen = engine(), {}

    def by_hand(run: Engine) -> None:
        for player, parameters in run.parameters.items():
            seen[f"gradient/{player}"] = math.sqrt(sum(float(p.grad.square().sum()) for p in parameters))
            seen[f"weight/{player}"] = math.sqrt(sum(float(p.detach().square().sum()) for p in parameters))

    look = watch()
    run.fit(stream(), 2, [by_hand, look])
    entry = {name.removeprefix("watch/"): value for name, value in run.history[0].items()}
    for name, value in seen.items():
        assert entry[name] == pytest.approx(value, rel=1e-5)
    run.game.eval()
    with torch.no_grad():
        real = run.game.discriminator(look._probe.data)
    assert entry["real_logit"] == pytest.approx(float(real.mean()), rel=1e-5)
    direction = look._directions["generator"][0]
    assert float(direction.norm()) == pytest.approx(1, abs=1e-5)
    flat = torch.cat([p.detach().flatten() for p in run.parameters["generator"]])
    assert entry["path/generator/0"] == pytest.approx(float(flat @ direction), abs=1e-5)
    assert entry["penalty/lecam"] == pytest.approx(0.5 * entry["loss/discriminator/lecam"])


def test_losses_are_means_since_the_record_before() -> None:
    run, each = engine(), []
    losses: list[float] = []

    def remember(run: Engine) -> None:
        mean, count = run.meters.peek()["generator/loss"], run.step
        each.append(mean * count)
        losses.append(each[-1] - (each[-2] if len(each) > 1 else 0.0))

    run.fit(stream(), 6, [remember, watch()])
    watched = [entry["watch/loss/generator/loss"] for entry in run.history]
    wanted = [sum(losses[start : start + 2]) / 2 for start in (0, 2, 4)]
    assert watched == pytest.approx(wanted, rel=1e-4)


def test_meters_that_somebody_else_reads() -> None:
    """As estimators do: the record of the same step, or what has come since, stands for the loss."""
    run = engine()
    run.fit(stream(), 6, [lambda run: run.step % 3 == 0 and run.record(**run.meters.read()), watch()])
    mine = {entry["step"]: entry for entry in run.history if "watch/loss/generator/loss" in entry}
    theirs = {entry["step"]: entry for entry in run.history if "generator/loss" in entry}
    assert sorted(mine) == [2, 4, 6]
    assert mine[6]["watch/loss/generator/loss"] == pytest.approx(theirs[6]["generator/loss"])
    alone = engine()
    alone.fit(stream(), 4, [Watch(1)])
    assert mine[4]["watch/loss/generator/loss"] == pytest.approx(
        alone.history[3]["watch/loss/generator/loss"], rel=1e-4
    )


def probe(**more: Any) -> Probe:
    settings = {"n": 64, "cells": 4, "features": None, "modes": None, "random_state": 0} | more
    return Probe(REAL, HELD_OUT, **settings)


def test_real_data_against_themselves() -> None:
    seen = probe()
    scores = seen.scores(seen.data)
    assert scores["coverage"] == 1
    assert scores["distance"] == scores["mean/0"] == 0
    assert scores["spread"] == pytest.approx(1)
    assert scores["variety"] == pytest.approx(1)
    assert scores["copies"] == 1
    assert scores["nearness"] == 0
    assert all(scores[f"share/{k}"] == scores[f"real/{k}"] for k in range(4))
    assert sum(scores[f"real/{k}"] for k in range(4)) == pytest.approx(1)


def test_held_out_data_are_no_copies() -> None:
    scores = probe().scores(HELD_OUT)
    assert scores["nearness"] == 1
    assert scores["copies"] == scores["held_out_copies"]


def test_scores_are_those_of_the_metrics() -> None:
    made = 0.3 * HELD_OUT + 2
    seen = probe()
    found = density_coverage(seen.rows, made)
    scores = seen.scores(made)
    assert (scores["density"], scores["coverage"]) == (found.density, found.coverage)
    assert scores["spread"] == pytest.approx(0.3 * float(HELD_OUT.var(0).sum().sqrt()) / seen.scale, rel=1e-5)


def test_copies_of_one_sample() -> None:
    scores = probe().scores(REAL[:1].repeat(32, 1))
    assert scores["spread"] == scores["variety"] == 0
    assert sorted(scores[f"share/{k}"] for k in range(4)) == [0, 0, 0, 1]


def test_modes_by_a_function_and_samples_of_none() -> None:
    seen = probe(modes=lambda x: torch.where(x[:, 1] > 5, -1, (x[:, 0] > 0).long()))
    scores = seen.scores(torch.tensor([[1.0, 0, 0]] * 3 + [[0.0, 9, 0]]))
    assert (scores["share/0"], scores["share/1"]) == (0, 0.75)


def test_features_and_samples_that_are_not_finite() -> None:
    assert probe(features=lambda x: x[:, :2]).rows.shape == (64, 2)
    assert probe().scores(torch.full((32, 3), math.nan)) == {}


class Said(NamedTuple):
    logits: Tensor
    features: Tensor


class Says(nn.Module):
    def __init__(self, said: Any) -> None:
        super().__init__()
        self.said = said

    def forward(self, x: Tensor) -> Any:
        return self.said


def test_how_discriminators_are_asked() -> None:
    played, several = game(), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    for said, wanted in (
        (torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0])),
        (Said(several, REAL), realness(several)),
        ((several, REAL), realness(several)),
    ):
        played.discriminator = Says(said)
        assert torch.equal(judge(played, REAL[:2]), wanted)


def test_packed_samples_are_judged_together() -> None:
    discriminator = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))
    packed = Adversarial(nn.Linear(2, 3), discriminator, Gaussian(2), packing=2)
    assert judge(packed, REAL[:7]).shape == (3,)


def test_codes_have_an_entropy_and_samples() -> None:
    codes = Product(digit=Categorical(10))
    played = InfoGANGame(nn.Linear(12, 3), mlp_info_discriminator((3,), codes.width, (8,)), codes, Gaussian(2), r1=0.5)
    assert make_samples(played, 5).shape == (5, 3)
    run = engine(played).fit(stream(), 2, [Watch(2, real=REAL, n=32)])
    entry = run.history[0]
    assert entry["watch/entropy/digit"] == pytest.approx(math.log(10))
    assert "watch/loss/generator/information/digit" in entry
    assert entry["watch/penalty/r1"] == pytest.approx(0.25 * entry["watch/loss/discriminator/r1"])


def test_games_without_samples() -> None:
    run = Engine(DiracGame(), dict.fromkeys(("generator", "discriminator"), sgd(0.1)), compute=Compute("cpu"))
    batch = RealBatch(torch.zeros(1, 1))
    run.fit(ConstantStream(batch), 3, [Watch(1, batch=batch)])
    entry = run.history[-1]
    assert {"watch/rotation", "watch/antisymmetric", "watch/path/generator/0"} <= entry.keys()
    assert "watch/coverage" not in entry


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 0}, "every >= 1"),
        ({"n": 8}, "n >= 16"),
        ({"cells": 1}, "cells >= 2"),
        ({"real": torch.zeros(40)}, r"real must be a tensor \[N, ...\]"),
        ({"real": [1.0]}, "got list"),
        ({"real": REAL[:4]}, "at least 16 samples"),
        ({"held_out": REAL}, "pass real too"),
        ({"real": REAL, "held_out": torch.zeros(40, 2)}, "held_out must be at least 16 samples"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Watch(**settings)


def test_games_that_no_default_fits() -> None:
    classes = Conditional(Says(REAL), Says(REAL), Gaussian(2))
    classes.generator.weight = nn.Parameter(torch.zeros(1))
    classes.discriminator.weight = nn.Parameter(torch.zeros(1))
    run = engine(classes)
    with pytest.raises(ValueError, match="does not know how Conditional samples"):
        Watch(real=REAL).look(run)
    seen = Watch(real=REAL, samples=lambda game, n: torch.zeros(n, 3)).look(run)
    assert "real_logit" not in seen
    assert seen["spread"] == 0
    with pytest.raises(ValueError, match=r"made samples of shape \(2,\), but real has \(3,\)"):
        Watch(real=REAL, samples=lambda game, n: torch.zeros(n, 2)).look(run)
    asked = Watch(real=REAL, samples=lambda game, n: torch.zeros(n, 3), logits=lambda game, x: x.sum(1)).look(run)
    assert asked["fake_logit"] == 0
    assert asked["real_logit"] == pytest.approx(float(REAL.sum(1).mean()), abs=1e-5)


def test_slopes_of_a_penalty_are_weighted() -> None:
    generator, discriminator = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    run = engine(Adversarial(generator, discriminator, Gaussian(2), penalties=(R1(4.0),)))
    run.fit(stream(), 2, [Watch(2)])
    entry = run.history[0]
    assert entry["watch/penalty/r1"] == pytest.approx(2 * entry["watch/loss/discriminator/r1"])
