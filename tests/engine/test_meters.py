"""Running means on the device."""

import math

import pytest
import torch
from torch import Tensor

from gan_ext.engine.meters import Meters


def step(number: int) -> Tensor:
    return torch.tensor(number)


def filled(losses: list[float], terms: list[float]) -> Meters:
    meters = Meters(torch.device("cpu"))
    for number, (loss, term) in enumerate(zip(losses, terms, strict=True)):
        meters.add("critic", torch.tensor(loss), {"gap": torch.tensor(term)}, step(number))
    return meters


def test_means_are_exact() -> None:
    meters = filled([1.0, 2.0, 6.0], [0.5, -0.25, 0.5])
    assert meters.read() == {"critic/loss": 3.0, "critic/gap": 0.25}


def test_players_who_move_more_often_have_their_own_mean() -> None:
    meters = filled([1.0, 3.0], [0.0, 0.0])
    meters.add("actor", torch.tensor(8.0), {}, step(0))
    assert meters.read() == {"critic/loss": 2.0, "critic/gap": 0.0, "actor/loss": 8.0}


def test_reading_starts_anew() -> None:
    meters = filled([1.0, 2.0], [5.0, 5.0])
    meters.read()
    meters.add("critic", torch.tensor(4.0), {"gap": torch.tensor(1.0)}, step(2))
    assert meters.read() == {"critic/loss": 4.0, "critic/gap": 1.0}


def test_peeking_changes_nothing_and_there_is_nothing_after_reading() -> None:
    meters = filled([1.0, 2.0], [5.0, 5.0])
    assert meters.peek() == meters.peek() == meters.read()
    assert meters.peek() == meters.read() == {}


def test_a_loss_keeps_no_graph() -> None:
    meters = Meters(torch.device("cpu"))
    meters.add("critic", torch.ones((), requires_grad=True) * 2, {}, step(0))
    assert not meters.sums["critic"].requires_grad


def test_low_precision_is_summed_in_float32() -> None:
    meters = Meters(torch.device("cpu"))
    for number in range(1000):
        meters.add("critic", torch.tensor(1.0, dtype=torch.bfloat16), {}, step(number))
    assert meters.read() == {"critic/loss": 1.0}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_bad_step_and_term_are_named(bad: float) -> None:
    assert filled([0.0, 1.0], [0.0, 1.0]).first_non_finite() is None
    assert filled([0.0, 0.0, bad, bad], [0.0] * 4).first_non_finite() == (2, "critic", "loss")
    assert filled([0.0, bad, bad], [0.0, bad, 0.0]).first_non_finite() == (1, "critic", "gap")
    assert filled([0.0, 0.0, bad], [0.0, bad, 0.0]).first_non_finite() == (1, "critic", "gap")


def test_reading_does_not_forget_a_bad_step() -> None:
    meters = filled([1.0, math.nan], [0.0, 0.0])
    meters.read()
    meters.add("critic", torch.tensor(1.0), {"gap": torch.tensor(1.0)}, step(2))
    assert meters.first_non_finite() == (1, "critic", "loss")


def test_state_goes_on_where_it_was() -> None:
    meters = filled([1.0, 2.0], [0.5, 0.5])
    other = Meters(torch.device("cpu"))
    other.load(meters.names, meters.state())
    for each in (meters, other):
        each.add("critic", torch.tensor(6.0), {"gap": torch.tensor(2.0)}, step(2))
    assert other.read() == meters.read() == {"critic/loss": 3.0, "critic/gap": 1.0}
