"""Numbers that change with the step."""

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.engine import OptimizerFactory, Schedule, adam, cosine, flat_then_linear, linear, sigmoid_rise
from gan_ext.testing import ConstantStream, DiracGame

CPU = Compute("cpu")


class Nothing(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Nothing(torch.zeros(1)))


def descent(rate: float) -> OptimizerFactory:
    return lambda parameters: torch.optim.SGD(parameters, lr=rate)


def both(factory: OptimizerFactory) -> dict[str, OptimizerFactory]:
    return {"discriminator": factory, "generator": factory}


# --- the curves -------------------------------------------------------------------------------------------------------


def test_linear_is_a_line_that_ends() -> None:
    schedule = linear(2.0, 1.0, 4)
    assert [schedule(step) for step in range(7)] == [2.0, 1.75, 1.5, 1.25, 1.0, 1.0, 1.0]
    assert [linear(2.0, 1.0, 2, wait=3)(step) for step in range(7)] == [2.0, 2.0, 2.0, 2.0, 1.5, 1.0, 1.0]
    with pytest.raises(ValueError, match="wait must be at least 0, got -1"):
        linear(2.0, 1.0, 2, wait=-1)


def test_cosine_is_half_a_wave() -> None:
    schedule = cosine(3.0, 1.0, 8)
    assert [schedule(step) for step in (0, 4, 8, 100)] == pytest.approx([3.0, 2.0, 1.0, 1.0])
    assert schedule(2) == pytest.approx(2 + math.cos(math.pi / 4))


def test_flat_then_linear_waits_and_falls_to_nothing() -> None:
    schedule = flat_then_linear(0.6, 10, flat=0.5)
    assert [schedule(step) for step in (0, 5, 6, 10, 11)] == pytest.approx([0.6, 0.6, 0.48, 0.0, 0.0])
    assert [flat_then_linear(1.0, 4, flat=0)(step) for step in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_sigmoid_rise_starts_flat_and_ends_flat() -> None:
    schedule = sigmoid_rise(2.0, 10)
    expected = [2 * math.exp(-5), 2 * math.exp(-5 / 4), 2.0, 2.0]
    assert [schedule(step) for step in (0, 5, 10, 11)] == pytest.approx(expected)


@pytest.mark.parametrize(
    "make",
    [lambda: sigmoid_rise(1, 0), lambda: linear(1, 0, 0), lambda: cosine(1, 0, -1), lambda: flat_then_linear(1, 0)],
)
def test_a_schedule_needs_steps(make: type[Schedule]) -> None:
    with pytest.raises(ValueError, match="steps >= 1"):
        make()


@pytest.mark.parametrize("flat", [-0.1, 1.0])
def test_flat_is_a_share(flat: float) -> None:
    with pytest.raises(ValueError, match=r"flat must be in \[0, 1\)"):
        flat_then_linear(1.0, 10, flat=flat)


# --- in the engine ----------------------------------------------------------------------------------------------------


def test_a_learning_rate_follows_its_schedule() -> None:
    game = DiracGame(1.5, 0.5)
    schedules: dict[str, Schedule] = {"generator.lr": lambda step: 0.1 * (step + 1)}
    engine = Engine(game, both(descent(9.0)), schedules=schedules | {"discriminator.lr": lambda step: 0.0}, compute=CPU)
    engine.fit(NOTHING, steps=3)
    theta = 1.5
    for rate in (0.1, 0.2, 0.3):
        theta += rate * 0.5 / (1 + math.exp(-0.5 * theta))
    assert game.generator.value.item() == pytest.approx(theta, rel=1e-5)
    assert game.discriminator.value.item() == 0.5


def test_a_buffer_of_the_game_follows_its_schedule() -> None:
    game = DiracGame(theta=0.0, psi=1.0, gamma=99.0)
    engine = Engine(game, both(descent(0.5)), schedules={"gamma": linear(1.0, 0.0, 4)}, compute=CPU)
    engine.fit(NOTHING, steps=6)
    psi, theta = 1.0, 0.0
    for gamma in (1.0, 0.75, 0.5, 0.25, 0.0, 0.0):
        psi -= 0.5 * (theta / (1 + math.exp(-psi * theta)) + gamma * psi)
        theta += 0.5 * psi / (1 + math.exp(-psi * theta))
    assert game.discriminator.value.item() == pytest.approx(psi, rel=1e-4)
    assert game.gamma == 0


@pytest.mark.parametrize("key", ["generator.lr", "generator.eps", "generator.weight_decay", "discriminator.lr"])
def test_any_number_of_an_optimizer_can_be_scheduled(key: str) -> None:
    engine = Engine(DiracGame(), both(adam()), schedules={key: lambda step: 0.25 + step}, compute=CPU)
    engine.fit(NOTHING, steps=2)
    player, option = key.split(".")
    assert [float(group[option]) for group in engine.optimizers[player].param_groups] == [1.25]


@pytest.mark.parametrize(
    "key",
    ["critic.lr", "lr", "generator.momentum", "generator.betas", "generator.params", "generator.fused", "beta", ""],
)
def test_unknown_names_are_refused(key: str) -> None:
    with pytest.raises(
        ValueError, match=r"has the key '.*', which .* generator\.lr\) nor .* \(gamma, noise, wgan_gp\)"
    ):
        Engine(DiracGame(), both(adam()), schedules={key: linear(1, 0, 5)}, compute=CPU)


@pytest.mark.parametrize("arguments", [{"lr": 0}, {"eps": 0}, {"betas": (0.5, 1.0)}, {"betas": (-0.1, 0.9)}])
def test_adam_refuses_nonsense(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="adam needs lr > 0"):
        adam(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_is_the_published_update(weight_decay: float) -> None:
    x = torch.tensor([2.0], requires_grad=True)
    optimizer = adam(0.1, betas=(0.5, 0.9), eps=1e-3, weight_decay=weight_decay)([x])
    value, m, v = 2.0, 0.0, 0.0
    for t in range(1, 6):
        optimizer.zero_grad()
        (x**2).sum().backward()
        optimizer.step()
        gradient = 2 * value
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        value -= 0.1 * weight_decay * value
        value -= 0.1 * (m / (1 - 0.5**t)) / (math.sqrt(v / (1 - 0.9**t)) + 1e-3)
    assert x.item() == pytest.approx(value, rel=1e-5)
