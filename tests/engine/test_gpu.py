"""What only a GPU can show: placement, whole-step graphs, and the fall-back from them.  Run with ``-m gpu``."""

import pytest
import torch
from torch import nn

from gan_ext import Compute, Engine
from gan_ext.engine import (
    CompetitiveGradientDescent,
    Consensus,
    Every,
    Extragradient,
    ExtragradientFromPast,
    Lookahead,
    Momentum,
    Optimistic,
    SymplecticAdjustment,
    Unrolled,
    adam,
    linear,
)
from gan_ext.games import KPlusOne, RealBatch, SemiBatch, Standard
from gan_ext.latents import Gaussian, Uniform
from gan_ext.nets import mlp_discriminator, mlp_generator
from gan_ext.testing import ConstantStream, check_game

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]


def make_game():
    torch.manual_seed(0)
    return KPlusOne(mlp_generator((12,), 6, (16,)), mlp_discriminator((12,), 3, (24, 16)), Uniform(6))


def semi_batch():
    generator = torch.Generator().manual_seed(1)
    x, u = (torch.rand(n, 12, generator=generator) for n in (8, 16))
    return SemiBatch(x, torch.arange(8) % 3, u)


def engine(graph, precision="float32", solver=None):
    return Engine(
        make_game(),
        dict.fromkeys(("discriminator", "generator"), adam(1e-3)),
        solver,
        ema=0.9,
        clip=1.0,
        schedules={"discriminator.lr": linear(1e-3, 1e-4, 20)},
        compute=Compute("cuda", precision, cuda_graph=graph),
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_graphed_run_follows_the_eager_one(precision):
    runs = [engine(graph, precision).fit(ConstantStream(semi_batch()), 20) for graph in (False, True)]
    eager, graphed = (run.averaged.state_dict() for run in runs)
    for name, value in eager.items():
        torch.testing.assert_close(graphed[name], value, rtol=1e-3, atol=1e-4)
    assert runs[1].meters.read().keys() == runs[0].meters.read().keys()


SOLVERS = [
    Extragradient(),
    ExtragradientFromPast(),
    Optimistic(),
    Momentum(-0.3),
    Lookahead(every=4),
    Consensus(0.1),
    SymplecticAdjustment(0.1),
    CompetitiveGradientDescent(2),
    Unrolled(2, 0.01),
]


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_every_solver_is_the_same_in_a_graph(solver):
    runs = [engine(graph, solver=solver).fit(ConstantStream(semi_batch()), 12) for graph in (False, True)]
    eager, graphed = (run.averaged.state_dict() for run in runs)
    for name, value in eager.items():
        torch.testing.assert_close(graphed[name], value, rtol=1e-3, atol=1e-4)


def test_a_graphed_run_resumes_where_it_stopped(tmp_path):
    stream = ConstantStream(semi_batch())
    whole = engine(True).fit(stream, 20)
    engine(True).fit(stream, 10).save(tmp_path)
    resumed = engine(True)
    assert resumed.resume(tmp_path)
    resumed.fit(stream, 20)
    for name, value in whole.game.state_dict().items():
        torch.testing.assert_close(resumed.game.state_dict()[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.waits
def test_a_step_that_waits_for_the_host_falls_back_aloud():
    class Waits(Standard):
        def generator_loss(self, batch):
            loss, terms = super().generator_loss(batch)
            return loss * (1 if loss.item() > 0 else 2), terms

    game = Waits(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), Gaussian(2))
    run = Engine(game, dict.fromkeys(game.players(), adam()), compute=Compute("cuda"))
    with pytest.warns(UserWarning, match="cannot be recorded as a CUDA graph and runs eagerly"):
        run.fit(ConstantStream(RealBatch(torch.rand(5, 3))), 8)
    assert run.step == 8


def test_nothing_waits_for_the_device_inside_a_step():
    run = engine(False).fit(ConstantStream(semi_batch()), 3)
    stream = ConstantStream(semi_batch()).place(run.device, 0, 1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run._play([stream[0], stream[1]])
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_games_are_sound_on_a_gpu():
    check_game(make_game, semi_batch(), device="cuda")


def test_callbacks_see_every_step():
    seen = []
    engine(True).fit(ConstantStream(semi_batch()), 9, [Every(1, lambda run: seen.append(run.step))])
    assert seen == list(range(1, 10))
