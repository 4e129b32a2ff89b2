"""Ways for a recorded step to part from an eager one: each ends the same, silently or with a warning."""

import itertools
import os
import random
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.engine import Extragradient, InTurns, adam, linear, sgd
from gan_ext.game import Loss
from gan_ext.games import RealBatch, Standard
from gan_ext.latents import Gaussian
from gan_ext.testing import ConstantStream

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

STEPS, CHANGE = 14, 8
WEIGHT = 1.0
LOUD = "CUDA graph"


@dataclass
class Settings:
    weight: float = 1.0


class Tuned(Standard):
    """A game whose generator's loss reads a number from somewhere."""

    kind_weight = 1.0

    def __init__(self, read: Callable[["Tuned"], Any] = lambda game: 1.0) -> None:
        torch.manual_seed(0)
        judge = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(4, 1), nn.Flatten(0))
        super().__init__(nn.Linear(2, 3), judge, Gaussian(2))
        self.read = read
        self.settings = Settings()
        self.weights = [1.0]
        self.table = {"weight": 1.0}
        self.name = "plain"
        self.array = np.ones(1)
        self.scalar = torch.ones(())
        self.level = torch.ones(3, device="cuda")
        self.calls = 0
        self.generator_of_mine = torch.Generator().manual_seed(0)
        self.random_of_mine = random.Random(0)
        self.numbers = np.random.default_rng(0)

    def generator_loss(self, batch: Any) -> Loss:
        loss, terms = super().generator_loss(batch)
        return loss * self.read(self), terms


def stream(rows: int = 5, seed: int = 0) -> ConstantStream:
    return ConstantStream(RealBatch(torch.rand(rows, 3, generator=torch.Generator().manual_seed(seed))))


def engine(graph: bool, recipe: Any = None, game: Tuned | None = None, **options: Any) -> Engine:
    game = game or Tuned()
    recipes = dict.fromkeys(game.players(), recipe or adam(1e-2))
    return Engine(game, recipes, compute=Compute("cuda", cuda_graph=graph), **options)


def compared(play: Callable[[bool], Engine], loud: bool) -> Engine:
    """Play eagerly and with graphs; the ends must be equal, and a warning must have come if and only if `loud`."""
    eager = play(False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graphed = play(True)
    told = [str(each.message) for each in caught if LOUD in str(each.message)]
    for (name, value), other in zip(eager.game.state_dict().items(), graphed.game.state_dict().values(), strict=True):
        torch.testing.assert_close(other, value, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    for name, mean in eager.meters.read().items():
        assert graphed.meters.read().get(name, mean) == pytest.approx(mean, rel=1e-3, abs=1e-5), name
    assert bool(told) == loud, told
    return graphed


def test_the_comparison_can_fail() -> None:
    def play(graph: bool) -> Engine:
        return engine(graph, adam(1e-2 if graph else 1.1e-2)).fit(stream(), STEPS)

    with pytest.raises(AssertionError):
        compared(play, loud=False)


# What changes once, between steps, by a callback: recorded anew, silently.
def set_globally(run: Engine) -> None:
    global WEIGHT
    WEIGHT = 0.0


def replace_layer(run: Engine) -> None:
    run.game.discriminator[1] = nn.Tanh()


def swap_memory(run: Engine) -> None:
    weight = run.game.generator.weight
    weight.data = weight.data.clone().flip(0)


def set_option(**options: Any) -> Callable[[Engine], None]:
    def change(run: Engine) -> None:
        for group in run.optimizers["generator"].param_groups:
            group.update(options)

    return change


def reload_optimizer(run: Engine) -> None:
    optimizer = run.optimizers["generator"]
    whole = optimizer.state_dict()
    for entries in whole["state"].values():
        entries["exp_avg"] = torch.ones_like(entries["exp_avg"])
    optimizer.load_state_dict(whole)


ONCE: dict[str, tuple[Callable[[Tuned], Any], Callable[[Engine], object]]] = {
    "attribute": (lambda game: game.weights[0], lambda run: setattr(run.game, "weights", [0.0])),
    "entry of a list": (lambda game: game.weights[0], lambda run: run.game.weights.__setitem__(0, 0.0)),
    "entry of a dictionary": (lambda game: game.table["weight"], lambda run: run.game.table.update(weight=0.0)),
    "settings": (lambda game: game.settings.weight, lambda run: setattr(run.game.settings, "weight", 0.0)),
    "string": (lambda game: 0.0 if game.name == "none" else 1.0, lambda run: setattr(run.game, "name", "none")),
    "attribute that was none before": (
        lambda game: 0.0 if hasattr(game, "stop") else 1.0,
        lambda run: setattr(run.game, "stop", True),
    ),
    "array": (lambda game: float(game.array[0]), lambda run: run.game.array.fill(0)),
    "scalar on the CPU": (lambda game: game.scalar, lambda run: run.game.scalar.fill_(0)),
    "memory of a scalar on the CPU": (lambda game: game.scalar, lambda run: run.game.scalar.data.fill_(0)),
    "tensor": (lambda game: game.level.mean(), lambda run: setattr(run.game, "level", torch.zeros(3, device="cuda"))),
    "global": (lambda game: WEIGHT, set_globally),
    "environment": (
        lambda game: float(os.environ.get("GAN_EXT_WEIGHT", "1")),
        lambda run: os.environ.update(GAN_EXT_WEIGHT="0"),
    ),
    "attribute of the class": (lambda game: game.kind_weight, lambda run: setattr(Tuned, "kind_weight", 0.0)),
    "evaluation mode": (lambda game: 1.0, lambda run: run.game.eval()),
    "mode of one layer": (lambda game: 1.0, lambda run: run.game.discriminator[2].eval()),
    "rate of dropout": (lambda game: 1.0, lambda run: setattr(run.game.discriminator[2], "p", 0.9)),
    "layer": (lambda game: 1.0, replace_layer),
    "memory of a parameter": (lambda game: 1.0, swap_memory),
    "hook of a parameter": (lambda game: 1.0, lambda run: run.game.generator.weight.register_hook(lambda g: 0 * g)),
    "hook of a module": (
        lambda game: 1.0,
        lambda run: run.game.generator.register_forward_hook(lambda module, given, made: made * 2),
    ),
    "betas": (lambda game: 1.0, set_option(betas=(0.0, 0.5))),
    "eps": (lambda game: 1.0, set_option(eps=1.0)),
    "state of an optimizer": (lambda game: 1.0, reload_optimizer),
    "precision": (
        lambda game: 1.0,
        lambda run: setattr(run.board, "compute", Compute("cuda", "bfloat16")),
    ),
    "solver": (lambda game: 1.0, lambda run: setattr(run, "solver", InTurns(("generator", "discriminator")))),
    "clip": (lambda game: 1.0, lambda run: run.board.clip.update(generator=1e-3)),
}


@pytest.mark.parametrize("what", ONCE)
def test_what_changes_once_is_recorded_anew(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, change = ONCE[what]
    monkeypatch.setattr(Tuned, "kind_weight", 1.0)

    def play(graph: bool, changes: bool = True) -> Engine:
        global WEIGHT
        WEIGHT, Tuned.kind_weight = 1.0, 1.0
        monkeypatch.setenv("GAN_EXT_WEIGHT", "1")

        def callback(run: Engine) -> None:
            if run.step == CHANGE and changes:
                change(run)

        return engine(graph, game=Tuned(read)).fit(stream(), STEPS, [callback])

    run = compared(play, loud=False)
    assert run._run._graph is not None
    unchanged = play(False, changes=False).game.state_dict()  # the change matters
    assert any(not torch.allclose(value, unchanged[name]) for name, value in run.game.state_dict().items())


def test_a_closure_that_changes_is_recorded_anew() -> None:
    def play(graph: bool) -> Engine:
        weight = 1.0

        def change(run: Engine) -> None:
            nonlocal weight
            weight = float(run.step < CHANGE)

        return engine(graph, game=Tuned(lambda game: weight)).fit(stream(), STEPS, [change])

    assert compared(play, loud=False)._run._graph is not None


def test_a_module_of_constants_that_changes_is_recorded_anew() -> None:
    def play(graph: bool) -> Engine:
        config = types.ModuleType("config_of_mine")
        config.weight = 1.0

        def change(run: Engine) -> None:
            config.weight = float(run.step < CHANGE)

        namespace: dict[str, Any] = {"config": config, "__name__": "script_of_mine"}
        source = compile("lambda game: config.weight", "script", "eval")
        reader = types.FunctionType(source.co_consts[0], namespace)
        return engine(graph, game=Tuned(reader)).fit(stream(), STEPS, [change])

    assert compared(play, loud=False)._run._graph is not None


# Options of optimizers.
def rate(player: str = "generator") -> dict[str, Any]:
    return {f"{player}.lr": linear(1e-1, 0.0, STEPS)}


OPTIONS: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "adam, lr": (adam(1e-1), rate(), False),
    "sgd, lr": (sgd(1e-1, 0.9), rate(), False),
    "own capturable Adam, lr": (lambda owned: torch.optim.Adam(owned, lr=1e-1, capturable=True), rate(), False),
    "own fused SGD, lr": (lambda owned: torch.optim.SGD(owned, lr=1e-1, fused=True), rate(), False),
    "own SGD, lr": (lambda owned: torch.optim.SGD(owned, lr=1e-1), rate(), True),
    "adam, weight decay": (adam(1e-2, weight_decay=0.1), {"generator.weight_decay": linear(10.0, 0.0, STEPS)}, True),
    "adam, eps": (adam(1e-2), {"generator.eps": linear(1.0, 0.1, STEPS)}, True),
    "sgd, momentum": (sgd(1e-1, 0.9), {"generator.momentum": linear(0.9, 0.0, STEPS)}, True),
    "adam, a schedule that stays": (adam(1e-2), {"generator.eps": lambda step: float("1e-1")}, False),
    "own Adam": (lambda owned: torch.optim.Adam(owned, lr=1e-2), {}, True),
    "own RMSprop": (lambda owned: torch.optim.RMSprop(owned, lr=1e-2), {}, True),
    "own Adagrad": (lambda owned: torch.optim.Adagrad(owned, lr=1e-1, lr_decay=0.1), {}, True),
    "own NAdam": (lambda owned: torch.optim.NAdam(owned, lr=1e-2), {}, True),
    "own capturable RAdam": (lambda owned: torch.optim.RAdam(owned, lr=1e-2, capturable=True), {}, False),
    "own ASGD": (lambda owned: torch.optim.ASGD(owned, lr=1e-2), {}, True),
}


@pytest.mark.waits
@pytest.mark.parametrize("what", OPTIONS)
def test_options_of_optimizers(what: str) -> None:
    recipe, schedules, loud = OPTIONS[what]
    compared(lambda graph: engine(graph, recipe, schedules=schedules).fit(stream(), STEPS), loud)


def test_a_scheduler_of_torch_in_a_callback() -> None:
    def play(graph: bool) -> Engine:
        run = engine(graph, sgd(1e-1))
        scheduler = torch.optim.lr_scheduler.ExponentialLR(run.optimizers["generator"], 0.5)
        return run.fit(stream(), STEPS, [lambda run: scheduler.step()])

    compared(play, loud=False)


class Counting(torch.optim.Optimizer):
    """An optimizer of somebody's own, whose step size falls with a count in Python."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 1e-1})
        self.count = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.count += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] / self.count * parameter.grad


def test_an_optimizer_that_counts_in_python() -> None:
    compared(lambda graph: engine(graph, Counting).fit(stream(), STEPS), loud=True)


# What the step itself does to Python: given up aloud.
def counted(game: Tuned) -> float:
    game.calls += 1
    return 1.0 / game.calls


def carried(game: Tuned) -> Tensor:
    game.level = game.level * 0.5
    return game.level.mean()


def appended(game: Tuned) -> float:
    game.weights.append(0.9 * game.weights[-1])
    return game.weights[-1]


SELF: dict[str, Callable[[Tuned], Any]] = {
    "count": counted,
    "tensor that is bound anew": carried,
    "list that grows": appended,
    "random": lambda game: random.random(),
    "random of one's own": lambda game: game.random_of_mine.random(),
    "numpy.random": lambda game: float(np.random.rand()),
    "generator of numpy": lambda game: float(game.numbers.random()),
    "torch on the CPU": lambda game: torch.rand(()),
    "generator of torch": lambda game: torch.rand((), generator=game.generator_of_mine),
    "host": lambda game: 1.0 if game.level.sum().item() > 0 else 0.0,
}


@pytest.mark.waits
@pytest.mark.parametrize("what", SELF)
def test_what_the_step_itself_changes_is_told(what: str) -> None:
    def play(graph: bool) -> Engine:
        random.seed(0)
        np.random.seed(0)
        return engine(graph, game=Tuned(SELF[what])).fit(stream(), STEPS)

    compared(play, loud=True)


def test_an_iterator_is_told() -> None:
    def play(graph: bool) -> Engine:
        numbers = itertools.count(1)
        return engine(graph, game=Tuned(lambda game: 1.0 / next(numbers))).fit(stream(), STEPS)

    compared(play, loud=True)


@pytest.mark.waits
def test_a_recording_that_fails_leaves_python_as_it_was() -> None:
    """What the step did to Python before it failed is undone: it is done again, eagerly."""

    def failing(game: Tuned) -> Any:
        if torch.cuda.is_current_stream_capturing():
            game.calls += 100
            game.weights[0] = 7.0
            game.scalar.add_(7)
            game.level.sum().item()
        return game.weights[0] * game.scalar * (1 + game.calls)

    compared(lambda graph: engine(graph, game=Tuned(failing)).fit(stream(), STEPS), loud=True)


@pytest.mark.waits
def test_the_warning_says_what_went_wrong_first() -> None:
    run = engine(True, game=Tuned(SELF["host"]))
    with pytest.warns(UserWarning, match="cannot be recorded as a CUDA graph and runs eagerly") as caught:
        run.fit(stream(), STEPS)
    assert "previous error" not in str(caught[0].message)


def test_the_warning_names_what_changes() -> None:
    run = engine(True, adam(1e-2, weight_decay=0.1), schedules={"generator.weight_decay": linear(10.0, 0.0, STEPS)})
    with pytest.warns(
        UserWarning, match=r"optimizers\['generator'\]\.param_groups\[0\]\.weight_decay .*then"
    ) as caught:
        run.fit(stream(), STEPS)
    assert len(caught) == 1


def test_graphs_come_back_when_a_schedule_has_ended() -> None:
    def play(graph: bool) -> Engine:
        options = {"schedules": {"generator.weight_decay": linear(1.0, 0.1, 20)}}
        return engine(graph, adam(1e-3, weight_decay=0.1), **options).fit(stream(), 120)

    assert compared(play, loud=True)._run._graph is not None


# More fits, and resuming.
def test_going_back_with_the_same_engine(tmp_path: Path) -> None:
    whole = engine(False).fit(stream(), 12)
    again = engine(True).fit(stream(), 6)
    again.save(tmp_path)
    again.fit(stream(), 9).resume(tmp_path)
    again.fit(stream(), 12)
    for name, value in whole.game.state_dict().items():
        torch.testing.assert_close(again.game.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    means = again.meters.read()
    assert {name: pytest.approx(mean, rel=1e-3) for name, mean in whole.meters.read().items()} == means


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_a_second_fit_with_other_batches(rows: int) -> None:
    run = compared(lambda graph: engine(graph).fit(stream(), 7).fit(stream(rows, 1), STEPS), loud=False)
    assert run._run._graph is not None


def test_batches_whose_rows_differ_at_every_step_are_told() -> None:
    class Uneven(ConstantStream):
        def place(self, device: torch.device, rank: int, ranks: int) -> "Uneven":
            return Uneven(RealBatch(self.batch.x.to(device)))

        def __getitem__(self, draw: int) -> RealBatch:
            return RealBatch(self.batch.x[: 1 + draw % 5])

    def play(graph: bool) -> Engine:
        return engine(graph).fit(Uneven(RealBatch(torch.rand(5, 3, generator=torch.Generator().manual_seed(0)))), STEPS)

    compared(play, loud=True)


class Weighted(NamedTuple):
    """A batch with a number beside its rows."""

    x: Tensor
    weight: float


def test_batches_with_numbers_and_of_another_type() -> None:
    class Reads(Tuned):
        def generator_loss(self, batch: Weighted) -> Loss:
            loss, terms = super().generator_loss(RealBatch(batch.x.float()))
            return loss * batch.weight, terms

        def discriminator_loss(self, batch: Weighted) -> Loss:
            return super().discriminator_loss(RealBatch(batch.x.float()))

    class Numbers(ConstantStream):
        def place(self, device: torch.device, rank: int, ranks: int) -> "Numbers":
            return Numbers(Weighted(self.batch.x.to(device), self.batch.weight))

    def play(graph: bool) -> Engine:
        x = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
        run = engine(graph, game=Reads()).fit(Numbers(Weighted(x, 1.0)), 7)
        return run.fit(Numbers(Weighted(x, 0.5)), 12).fit(Numbers(Weighted(x.half(), 0.5)), 18)

    assert compared(play, loud=False)._run._graph is not None


def test_many_short_fits_go_on_with_the_same_graph() -> None:
    def play(graph: bool) -> Engine:
        run = engine(graph, ema=0.9)
        for steps in range(1, 40):
            run.fit(stream(), steps)
        return run

    assert compared(play, loud=False)._run._replays > 30


class Adds(InTurns):
    """A solver that adds gradients to those of the steps before."""

    def play(self, board: Any, batches: Any) -> None:
        for (player,), batch in zip(self.moves(board.players), batches, strict=True):
            own = board.parameters[player]
            for parameter, slope in zip(own, torch.autograd.grad(board.loss(player, batch), own), strict=True):
                if parameter.grad is None:
                    parameter.grad = slope
                else:
                    parameter.grad += slope
            board.step([player])


def test_gradients_that_add_up_until_a_callback_clears_them() -> None:
    def clear(run: Engine) -> None:
        if run.step == CHANGE:
            for optimizer in run.optimizers.values():
                optimizer.zero_grad(set_to_none=True)

    compared(lambda graph: engine(graph, sgd(1e-2), solver=Adds()).fit(stream(), STEPS, [clear]), loud=False)


def test_a_solver_that_moves_all_at_once() -> None:
    compared(lambda graph: engine(graph, solver=Extragradient()).fit(stream(), STEPS), loud=False)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_the_second_gpu_records_too() -> None:
    def play(graph: bool) -> Engine:
        game = Tuned()
        recipes = dict.fromkeys(game.players(), adam(1e-2))
        return Engine(game, recipes, compute=Compute("cuda:1", cuda_graph=graph)).fit(stream(), STEPS)

    before = torch.cuda.current_device()
    assert compared(play, loud=False)._run._graph is not None
    assert torch.cuda.current_device() == before
