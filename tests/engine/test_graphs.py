"""The watch over the Python state of a step, which needs no GPU; what it is for is in test_graphs_gpu.py."""

import random
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_ext import Compute, Engine
from gan_ext.engine import adam
from gan_ext.engine.graphs import PythonState
from gan_ext.engine.ranks import own_gpu
from gan_ext.games import RealBatch, Standard
from gan_ext.latents import Gaussian
from gan_ext.testing import ConstantStream


class Owner:
    """Something with parts."""

    def __init__(self) -> None:
        self.net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.parts = SimpleNamespace(numbers=[1.0, 2.0], table={"a": 1}, words={"x"}, pair=(1, [2]))
        self.array = np.arange(3.0)
        self.count = torch.zeros(())
        self.long = list(range(5000))
        self.function: Callable[[], Any] = lambda: None


NAMES = ("net", "parts", "array", "count", "long", "function")

CHANGES: dict[str, tuple[Callable[[Owner], object], str]] = {
    "number": (lambda owner: owner.parts.numbers.__setitem__(1, 3.0), r"parts.numbers\[1\] \(2.0, then 3.0\)"),
    "length": (lambda owner: owner.parts.numbers.append(3.0), r"parts.numbers"),
    "key": (lambda owner: owner.parts.table.update(b=2), "parts.table"),
    "value": (lambda owner: owner.parts.table.update(a=2), r"parts.table.a \(1, then 2\)"),
    "set": (lambda owner: owner.parts.words.add("y"), "parts.words"),
    "list in a tuple": (lambda owner: owner.parts.pair[1].append(3), "parts.pair"),
    "new attribute": (lambda owner: setattr(owner.parts, "other", 1), "parts"),
    "mode": (lambda owner: owner.net.eval(), r"net.training \(True, then False\)"),
    "probability": (lambda owner: setattr(owner.net[2], "p", 0.1), r"net.2.p \(0.5, then 0.1\)"),
    "module": (lambda owner: owner.net.__setitem__(2, nn.Dropout(0.5)), "net.2"),
    "parameter": (lambda owner: setattr(owner.net[0], "weight", nn.Parameter(torch.ones(3, 2))), "net.0.weight"),
    "memory": (lambda owner: setattr(owner.net[0].weight, "data", torch.ones(3, 2)), "net.0.weight"),
    "layout": (lambda owner: setattr(owner.net[0].weight, "data", owner.net[0].weight.data.t()), "net.0.weight"),
    "hook": (lambda owner: owner.net.register_forward_hook(lambda *given: None), "hook"),
    "frozen": (lambda owner: owner.net[0].bias.requires_grad_(False), "requires_grad"),
    "array": (lambda owner: owner.array.fill(1), "array"),
    "tensor": (lambda owner: owner.count.add_(1), "count"),
    "long list": (lambda owner: owner.long.append(1), "long"),
    "function": (lambda owner: setattr(owner, "function", lambda: 1), "function"),
    "autocast": (lambda owner: torch.set_autocast_enabled("cuda", True), "autocast"),
    "cudnn": (lambda owner: setattr(torch.backends.cudnn, "benchmark", True), "cudnn.benchmark"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changes_are_seen_once_and_named(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    change, name = CHANGES[what]
    owner = Owner()
    state = PythonState(owner, NAMES)
    assert state.changed() is None
    try:
        change(owner)
        told = state.changed()
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert told is not None
    assert re.search(name, told), told
    assert state.changed() is None or what in ("autocast",)


def test_equal_values_are_no_change() -> None:
    owner = Owner()
    state = PythonState(owner, NAMES)
    owner.parts.numbers[0] = float("1.0")
    owner.net.train()
    owner.net.requires_grad_(True)
    assert state.changed() is None


def test_what_is_kept_is_put_back() -> None:
    owner = Owner()
    state = PythonState(owner, NAMES)
    kept = state.keep()
    assert kept.drawn() is None
    owner.parts.numbers.append(3.0)
    owner.parts.table.clear()
    owner.parts.words.add("y")
    owner.net[2].p = 0.1
    owner.count.add_(1)
    owner.net[0].weight.grad = torch.ones(3, 2)
    first, second, third = torch.rand(()), random.random(), np.random.rand()
    assert kept.drawn() is not None
    assert state.changed() is not None
    kept.put_back()
    assert owner.parts == SimpleNamespace(numbers=[1.0, 2.0], table={"a": 1}, words={"x"}, pair=(1, [2]))
    assert (owner.net[2].p, float(owner.count), owner.net[0].weight.grad) == (0.5, 0, None)
    assert (torch.rand(()), random.random(), np.random.rand()) == (first, second, third)


def test_iterators_and_too_many_things_are_said() -> None:
    owner = Owner()
    assert PythonState(owner, NAMES).unseen is None
    owner.parts.batches = iter([1, 2])
    assert "parts.batches is an iterator" in str(PythonState(owner, NAMES).unseen)
    owner = Owner()
    owner.parts.many = [[[] for _ in range(900)] for _ in range(900)]
    assert "too many to watch" in str(PythonState(owner, NAMES).unseen)


def test_each_process_has_its_own_gpu() -> None:
    def gpu(named: int | None, rank: int | None, processes: int, gpus: int) -> int:
        return own_gpu(named, rank, processes, gpus, current=1)

    assert gpu(None, None, 1, 2) == 1  # torch's current one
    assert gpu(0, None, 1, 2) == 0
    assert gpu(1, 0, 1, 2) == 1  # torchrun with one process
    assert [gpu(None, rank, 2, 2) for rank in (0, 1)] == [0, 1]
    assert [gpu(rank, rank, 2, 2) for rank in (0, 1)] == [0, 1]
    assert [gpu(None, rank, 2, 1) for rank in (0, 1)] == [0, 0]  # each sees one
    with pytest.raises(ValueError, match="asked for by process 1 of 2 on this machine, whose GPU is cuda:1"):
        gpu(0, 1, 2, 2)
    with pytest.raises(ValueError, match="process 2 of 3 on its machine, which has 2 GPUs"):
        gpu(None, 2, 3, 2)


def test_several_ranks_record_only_if_asked() -> None:
    gpu, cpu = torch.device("cuda", 0), torch.device("cpu")
    assert Compute("cpu").records(gpu, 1)
    assert not Compute("cpu").records(gpu, 2)
    assert Compute("cpu", cuda_graph="ranks").records(gpu, 2)
    assert not Compute("cpu", cuda_graph="ranks").records(cpu, 2)
    assert not Compute("cpu", cuda_graph=False).records(gpu, 1)


def test_an_engine_whose_game_has_other_parameters_is_told() -> None:
    game = Standard(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), Gaussian(2))
    stream = ConstantStream(RealBatch(torch.rand(5, 3)))
    run = Engine(game, dict.fromkeys(game.players(), adam())).fit(stream, 2)
    copies = {name: value.clone() for name, value in game.state_dict().items()}
    game.load_state_dict(copies)
    run.fit(stream, 3)
    game.load_state_dict(copies, assign=True)
    with pytest.raises(ValueError, match="Parameters of player 'discriminator' are others than when this engine"):
        run.fit(stream, 4)
    assert run.step == 3
