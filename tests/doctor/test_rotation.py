"""Rotation of vector fields: closed forms of games of two numbers, and estimates against exact shares."""

import math

import pytest
import torch
from torch import nn

from gan_ext import Compute, Engine
from gan_ext.doctor import rotation
from gan_ext.engine import sgd
from gan_ext.games import Adversarial, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.losses import R1
from gan_ext.testing import ConstantStream
from gan_ext.toys import BilinearGame, DiracGame, field_jacobian

BATCH = RealBatch(torch.zeros(1, 1))


def test_the_bilinear_game_only_turns() -> None:
    found = rotation(BilinearGame(), BATCH)
    assert found.antisymmetric == 1
    assert found.ratio == math.inf
    assert found.growth == 0
    assert sorted(found.eigenvalues.imag.tolist()) == [-1, 1]


@pytest.mark.parametrize("gamma", [0.1, 0.5, 2.0])
def test_dirac_at_its_solution(gamma: float) -> None:
    r"""Eigenvalues :math:`-\gamma/2 \pm \sqrt{\gamma^2/4 - 1/4}`, and :math:`J = ((0, -1/2), (1/2, -\gamma))`."""
    found = rotation(DiracGame(0.0, 0.0, gamma), BATCH)
    turning = math.sqrt(max(0.0, 1 / 4 - gamma**2 / 4)) / (gamma / 2)
    assert found.ratio == pytest.approx(turning, rel=1e-5)
    assert found.antisymmetric == pytest.approx(0.5 / (0.5 + gamma**2), rel=1e-5)
    assert found.growth == pytest.approx(-gamma / 2 + math.sqrt(max(0.0, gamma**2 / 4 - 1 / 4)), abs=1e-6)


def small() -> Adversarial:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    discriminator = nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0))
    return Adversarial(generator, discriminator, Gaussian(2), penalties=(R1(0.5),))


def test_products_estimate_what_is_exact() -> None:
    batch = RealBatch(torch.randn(32, 2))
    exact = rotation(small(), batch)
    estimated = rotation(small(), batch, small=1, directions=400)
    assert estimated.ratio is None
    assert estimated.eigenvalues is None
    assert estimated.antisymmetric == pytest.approx(exact.antisymmetric, abs=0.05)
    assert 0 < exact.antisymmetric < 1


def test_the_jacobian_is_that_of_the_toys() -> None:
    game = DiracGame(0.7, -0.4, 0.3)
    wanted = torch.linalg.eigvals(field_jacobian(game, BATCH).double())
    found = rotation(game, BATCH).eigenvalues
    assert torch.allclose(found.real.sort().values, wanted.real.sort().values, atol=1e-6)
    assert torch.allclose(found.imag.sort().values, wanted.imag.sort().values, atol=1e-6)


def test_nothing_in_the_game_changes() -> None:
    game, batch = small(), RealBatch(torch.randn(32, 2))
    before, drawn = {name: value.clone() for name, value in game.state_dict().items()}, torch.get_rng_state()
    first, second = rotation(game, batch), rotation(game, batch)
    assert all(torch.equal(value, before[name]) for name, value in game.state_dict().items())
    assert torch.equal(drawn, torch.get_rng_state())
    assert first.antisymmetric == second.antisymmetric


def test_players_that_are_held_in_a_run_count() -> None:
    """After a move all but its player are frozen, and still they are part of the field."""
    seen = []
    engine = Engine(small(), dict.fromkeys(("generator", "discriminator"), sgd(1e-3)), compute=Compute("cpu"))
    batch = RealBatch(torch.randn(32, 2))
    engine.fit(ConstantStream(batch), 1, [lambda engine: seen.append(rotation(engine, batch))])
    assert seen[0].antisymmetric == rotation(engine.game, batch).antisymmetric
    assert len(seen[0].eigenvalues) == sum(value.numel() for value in engine.game.parameters())


def test_no_direction() -> None:
    with pytest.raises(ValueError, match="directions=0"):
        rotation(BilinearGame(), BATCH, directions=0)
