"""The loop: closed forms of play, clipping, callbacks, and what it refuses."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Game, Loss, Player, TwoPlayerGame
from gan_ext.engine import (
    CheckpointError,
    Every,
    NonFiniteLossError,
    OptimizerFactory,
    SaveEvery,
    StopAfter,
    adam,
    alternating,
    simultaneous,
)
from gan_ext.testing import ConstantStream, DiracGame

CPU = Compute("cpu")


class Numbers(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Numbers(torch.zeros(1)))


class Counting:
    """A stream whose batch is its number, and which remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __getitem__(self, draw: int) -> Numbers:
        self.asked.append(draw)
        return Numbers(torch.tensor([float(draw)]))

    def place(self, device: torch.device, rank: int, ranks: int) -> "Counting":
        return self


def descent(rate: float, momentum: float = 0.0) -> OptimizerFactory:
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=momentum)


def both(factory: OptimizerFactory) -> dict[str, OptimizerFactory]:
    return {"discriminator": factory, "generator": factory}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def point(game: DiracGame) -> tuple[float, float]:
    return game.discriminator.value.item(), game.generator.value.item()


# --- play -------------------------------------------------------------------------------------------------------------

RATE, GAMMA = 0.3, 0.7


def discriminator_moves(psi: float, theta: float) -> float:
    return psi - RATE * (sigmoid(psi * theta) * theta + GAMMA * psi)


def generator_moves(psi: float, theta: float) -> float:
    return theta + RATE * sigmoid(psi * theta) * psi


def test_simultaneous_moves_are_taken_at_the_same_point() -> None:
    psi, theta = 0.5, 1.5
    game = DiracGame(theta, psi, GAMMA)
    Engine(game, both(descent(RATE)), simultaneous("discriminator", "generator"), compute=CPU).fit(NOTHING, steps=20)
    for _ in range(20):
        psi, theta = discriminator_moves(psi, theta), generator_moves(psi, theta)
    assert point(game) == pytest.approx((psi, theta), rel=1e-5)


def test_simultaneous_moves_do_not_depend_on_their_order() -> None:
    ends = []
    for names in (("discriminator", "generator"), ("generator", "discriminator")):
        game = DiracGame(1.5, 0.5, GAMMA)
        Engine(game, both(descent(RATE)), simultaneous(*names), compute=CPU).fit(NOTHING, steps=5)
        ends.append(point(game))
    assert ends[0] == ends[1]


@pytest.mark.parametrize(("critic", "actor"), [(1, 1), (5, 1), (1, 3), (3, 2)])
def test_alternating_moves_in_any_ratio_see_each_other(critic: int, actor: int) -> None:
    psi, theta = 0.5, 1.5
    game = DiracGame(theta, psi, GAMMA)
    turns = alternating({"discriminator": critic, "generator": actor})
    assert turns == ("discriminator",) * critic + ("generator",) * actor
    Engine(game, both(descent(RATE)), turns, compute=CPU).fit(NOTHING, steps=6)
    for _ in range(6):
        for _ in range(critic):
            psi = discriminator_moves(psi, theta)
        for _ in range(actor):
            theta = generator_moves(psi, theta)
    assert point(game) == pytest.approx((psi, theta), rel=1e-5)


def test_each_player_once_in_order_is_the_default() -> None:
    games = [DiracGame(), DiracGame()]
    for game, turns in zip(games, (None, ("discriminator", "generator")), strict=True):
        Engine(game, both(adam(0.1)), turns, compute=CPU).fit(NOTHING, steps=5)
    assert point(games[0]) == point(games[1])


def test_every_move_takes_the_next_batch() -> None:
    stream = Counting()
    engine = Engine(DiracGame(), both(descent(0.1)), alternating({"discriminator": 2, "generator": 1}), compute=CPU)
    engine.fit(stream, steps=3).fit(stream, steps=5)
    assert stream.asked == list(range(15))


def test_fit_counts_steps_in_all() -> None:
    engine = Engine(DiracGame(), both(descent(0.1)), compute=CPU).fit(NOTHING, steps=4)
    before = point(engine.game)
    assert (engine.step, engine.last_step) == (4, 4)
    engine.fit(NOTHING, steps=4)
    assert (engine.step, point(engine.game)) == (4, before)


class Frozen(TwoPlayerGame):
    """Remembers which parameters could be changed while each loss was computed."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1), nn.Linear(1, 1))
        self.seen: dict[str, tuple[bool, bool]] = {}

    def discriminator_loss(self, batch: Numbers) -> Loss:
        return self.play("discriminator")

    def generator_loss(self, batch: Numbers) -> Loss:
        return self.play("generator")

    def play(self, player: str) -> Loss:
        self.seen[player] = (self.discriminator.weight.requires_grad, self.generator.weight.requires_grad)
        return self.discriminator(self.generator(torch.ones(1, 1))).sum(), {}


@pytest.mark.parametrize("turns", [None, simultaneous("discriminator", "generator")])
def test_opponents_are_frozen_and_all_is_free_again_afterwards(turns: tuple[tuple[str, str]] | None) -> None:
    game = Frozen()
    Engine(game, both(descent(0.1)), turns, compute=CPU).fit(NOTHING, steps=2)
    assert game.seen == {"discriminator": (True, False), "generator": (False, True)}
    assert all(parameter.requires_grad and parameter.grad is None for parameter in game.parameters())


def test_the_callers_random_state_is_kept() -> None:
    before = torch.get_rng_state()
    Engine(DiracGame(), both(descent(0.1)), compute=CPU).fit(NOTHING, steps=2)
    assert torch.equal(torch.get_rng_state(), before)


class Noise(Game):
    """One player who only listens to noise."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1, bias=False)
        nn.init.zeros_(self.line.weight)

    def players(self) -> dict[str, Player]:
        return {"listener": Player((self.line,), lambda batch: (self.line(torch.randn(3)).sum(), {}))}


def test_noise_is_a_function_of_seed_and_step() -> None:
    def heard(seed: int, stop: int) -> Tensor:
        engine = Engine(Noise(), {"listener": descent(1.0)}, seed=seed, compute=CPU)
        engine.fit(NOTHING, steps=stop)
        torch.randn(7)  # what happens between two calls changes nothing
        return engine.fit(NOTHING, steps=4).game.line.weight.detach().clone()

    assert torch.equal(heard(1, 1), heard(1, 3))
    assert not torch.equal(heard(1, 1), heard(2, 1))


# --- clipping ---------------------------------------------------------------------------------------------------------


class Slopes(Game):
    """Two players with constant gradients (3, 4) and (0, 0.5)."""

    def __init__(self) -> None:
        super().__init__()
        self.steep, self.flat = nn.ParameterDict(), nn.ParameterDict()
        self.steep["x"], self.flat["x"] = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

    def players(self) -> dict[str, Player]:
        return {
            "steep": Player((self.steep,), lambda batch: (self.steep["x"] @ torch.tensor([3.0, 4.0]), {})),
            "flat": Player((self.flat,), lambda batch: (self.flat["x"] @ torch.tensor([0.0, 0.5]), {})),
        }


@pytest.mark.parametrize(
    ("clip", "steep", "flat"),
    [
        (None, [3.0, 4.0], [0.0, 0.5]),
        (1.0, [0.6, 0.8], [0.0, 0.5]),
        (0.1, [0.06, 0.08], [0.0, 0.1]),
        ({"steep": 2.5}, [1.5, 2.0], [0.0, 0.5]),
        ({"steep": 1e9, "flat": 0.25}, [3.0, 4.0], [0.0, 0.25]),
    ],
)
@pytest.mark.parametrize("turns", [None, simultaneous("steep", "flat")])
def test_a_gradient_is_scaled_down_to_the_norm(
    clip: float | dict[str, float] | None, steep: list[float], flat: list[float], turns: tuple[tuple[str, str]] | None
) -> None:
    game = Slopes()
    Engine(game, {"steep": descent(1.0), "flat": descent(1.0)}, turns, clip=clip, compute=CPU).fit(NOTHING, steps=1)
    torch.testing.assert_close(-game.steep["x"].detach(), torch.tensor(steep), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(-game.flat["x"].detach(), torch.tensor(flat), rtol=1e-5, atol=1e-6)


# --- callbacks --------------------------------------------------------------------------------------------------------


def test_every_fires_at_multiples_and_at_the_end() -> None:
    fired: list[tuple[str, int]] = []
    callbacks = [Every(n, lambda engine, n=n: fired.append((f"every {n}", engine.step))) for n in (3, 5)]
    Engine(DiracGame(), both(descent(0.1)), compute=CPU).fit(NOTHING, steps=7, callbacks=callbacks)
    assert [step for name, step in fired if name == "every 3"] == [3, 6, 7]
    assert [step for name, step in fired if name == "every 5"] == [5, 7]


def test_callbacks_are_called_once_a_step_in_order() -> None:
    order: list[str] = []
    callbacks = [lambda engine: order.append(f"a{engine.step}"), lambda engine: order.append(f"b{engine.step}")]
    Engine(DiracGame(), both(descent(0.1)), compute=CPU).fit(NOTHING, steps=2, callbacks=callbacks)
    assert order == ["a1", "b1", "a2", "b2"]


def test_every_at_a_multiple_that_is_the_end_fires_once() -> None:
    fired: list[int] = []
    Engine(DiracGame(), both(descent(0.1)), compute=CPU).fit(
        NOTHING, steps=6, callbacks=[Every(3, lambda engine: fired.append(engine.step))]
    )
    assert fired == [3, 6]


def test_a_fit_ends_in_time_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("gan_ext.engine.callbacks.time.monotonic", lambda: now[0])
    seen: list[int] = []

    def pass_time(engine: Engine) -> None:
        now[0] += 1

    engine, end = (
        Engine(DiracGame(), both(descent(0.1)), compute=CPU),
        Every(5, lambda engine: seen.append(engine.step)),
    )
    engine.fit(NOTHING, 10, [pass_time, StopAfter(2.5), end])
    assert (engine.step, seen) == (3, [3])  # later callbacks see the last step
    engine.fit(NOTHING, 10, [pass_time, StopAfter(None), end])
    assert (engine.step, seen) == (10, [3, 5, 10])
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="StopAfter needs seconds > 0"):
            StopAfter(wrong)


def test_fits_share_an_allowance_of_steps() -> None:
    stop, ended = StopAfter(steps=5), []
    first, second = (Engine(DiracGame(), both(descent(0.1)), compute=CPU) for _ in range(2))
    for engine in (first, second):
        engine.fit(NOTHING, 3, [stop, Every(10, lambda engine: ended.append(engine.step))])
    assert (first.step, second.step, ended) == (3, 2, [3, 2])
    assert stop.over
    assert not StopAfter().over
    with pytest.raises(ValueError, match="StopAfter needs steps > 0"):
        StopAfter(steps=0)


def test_save_every_keeps_the_newest(tmp_path: Path) -> None:
    engine = Engine(DiracGame(), both(adam(0.1)), compute=CPU)
    engine.fit(NOTHING, steps=10, callbacks=[SaveEvery(3, tmp_path / "made" / "here", keep=3)])
    names = sorted(path.name for path in (tmp_path / "made" / "here").iterdir())
    assert names == [f"step-{step:09d}.safetensors" for step in (6, 9, 10)]
    assert engine.last_checkpoint == tmp_path / "made" / "here" / names[-1]


@pytest.mark.parametrize("make", [lambda path: Every(0, print), lambda path: SaveEvery(0, path)])
def test_every_needs_a_positive_number(make: Callable[[Path], Every], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="steps >= 1, got 0"):
        make(tmp_path)


def test_save_every_needs_something_to_keep(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep >= 1, got 0"):
        SaveEvery(1, tmp_path, keep=0)


@pytest.mark.parametrize("where", ["file/checkpoints", "file"])
def test_a_folder_that_cannot_be_written_is_refused_before_training(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match=r"Cannot write to .*file.*; choose another folder\."):
        SaveEvery(100, tmp_path / where)
    with pytest.raises(CheckpointError, match=r"Cannot write to /proc/nope"):
        SaveEvery(100, "/proc/nope")


# --- losses that are not finite ---------------------------------------------------------------------------------------


class Breaking(TwoPlayerGame):
    """The generator's loss has the term 1 / (12 - draw), and is that too."""

    def __init__(self, spoil: str = "loss") -> None:
        super().__init__(nn.Linear(1, 1), nn.Linear(1, 1))
        self.spoil = spoil

    def discriminator_loss(self, batch: Numbers) -> Loss:
        return self.discriminator(batch.x[:, None]).square().mean() * 1e-3, {}

    def generator_loss(self, batch: Numbers) -> Loss:
        risk = (batch.x != 11).float().reciprocal().mean()
        loss = self.generator(torch.ones(1, 1)).square().mean()
        if self.spoil == "log":
            return loss, {"harmless": loss.detach(), "risk": risk}
        return loss * risk, {"harmless": loss.detach()} | ({"risk": risk} if self.spoil == "term" else {})


@pytest.mark.parametrize(("spoil", "term"), [("loss", "loss"), ("term", "risk"), ("log", "risk")])
def test_a_loss_that_is_not_finite_stops_training(spoil: str, term: str, tmp_path: Path) -> None:
    engine = Engine(Breaking(spoil), both(descent(1e-4)), compute=CPU)
    with pytest.raises(NonFiniteLossError) as raised:  # the generator sees draw 11 in step 5
        engine.fit(Counting(), steps=20, callbacks=[SaveEvery(2, tmp_path)])
    message = str(raised.value)
    good = tmp_path / "step-000000004.safetensors"
    assert message.startswith(f"Step 5: {term!r} of player 'generator' is not finite.")
    assert f"The last good checkpoint is {good}." in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002.safetensors", good.name]

    with pytest.raises(NonFiniteLossError, match="Step 5"):
        engine.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002.safetensors", good.name]

    fresh = Engine(Breaking(spoil), both(descent(1e-4)), compute=CPU)
    assert fresh.resume(tmp_path)
    assert fresh.step == 4
    assert all(parameter.isfinite().all() for parameter in fresh.game.parameters())
    with pytest.raises(NonFiniteLossError, match="Step 5"):
        fresh.fit(Counting(), steps=20)
    assert engine.resume(tmp_path), "the engine that failed can take up the good checkpoint too"
    engine.check_finite()


def without_a_number() -> DiracGame:
    game = DiracGame()
    for parameter in game.parameters():
        nn.init.constant_(parameter, math.nan)
    return game


def test_without_a_checkpoint_the_message_says_so() -> None:
    with pytest.raises(NonFiniteLossError, match=r"Step 0: 'loss' of player 'discriminator' .* None was saved\."):
        Engine(without_a_number(), both(adam(0.1)), compute=CPU).fit(NOTHING, steps=1)


class Cliff(Game):
    """sqrt(x) at 0: a finite loss with an infinite gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.ball = nn.ParameterDict()
        self.ball["height"] = nn.Parameter(torch.zeros(()))

    def players(self) -> dict[str, Player]:
        return {"ball": Player((self.ball,), lambda batch: (self.ball["height"].sqrt(), {}))}


def test_weights_spoilt_by_a_gradient_are_not_saved(tmp_path: Path) -> None:
    engine = Engine(Cliff(), {"ball": descent(0.1)}, compute=CPU)
    with pytest.raises(NonFiniteLossError, match="height"):
        engine.fit(NOTHING, steps=1, callbacks=[SaveEvery(1, tmp_path)])
    assert list(tmp_path.iterdir()) == []


# --- what cannot be played --------------------------------------------------------------------------------------------


class Owners(Game):
    """Two linear modules, given to whom you like."""

    def __init__(self, *owned: tuple[str, ...]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        self.owned = owned

    def players(self) -> dict[str, Player]:
        def loss(batch: Numbers) -> Loss:
            return self.b(self.a(torch.ones(1, 1))).sum(), {}

        return {
            f"p{i}": Player(tuple(getattr(self, name) for name in names), loss) for i, names in enumerate(self.owned)
        }


def test_every_parameter_has_exactly_one_owner() -> None:
    recipe = {"p0": adam(), "p1": adam()}
    Engine(Owners(("a",), ("b",)), recipe, compute=CPU)
    with pytest.raises(ValueError, match=r"'0.weight' of player 'p1' belongs to player 'p0' too"):
        Engine(Owners(("a", "b"), ("b",)), recipe, compute=CPU)
    with pytest.raises(ValueError, match=r"No player owns b\.weight, b\.bias"):
        Engine(Owners(("a",)), {"p0": adam()}, compute=CPU)
    with pytest.raises(ValueError, match="Player 'p1' has no trainable parameter"):
        Engine(Owners(("a", "b"), ()), recipe, compute=CPU)


def test_a_frozen_module_needs_no_owner_and_does_not_move() -> None:
    game = Owners(("a",))
    game.b.requires_grad_(False)
    before = game.b.weight.detach().clone()
    Engine(game, {"p0": adam(0.1)}, compute=CPU).fit(NOTHING, steps=3)
    assert torch.equal(game.b.weight, before)
    assert not game.b.weight.requires_grad


@pytest.mark.parametrize("names", [(), ("generator",), ("discriminator", "generator", "critic")])
def test_every_player_needs_an_optimizer(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"the players are \['discriminator', 'generator'\]"):
        Engine(DiracGame(), dict.fromkeys(names, adam()), compute=CPU)


@pytest.mark.parametrize("clip", [0, -1.0, math.nan, {"critic": 1.0}, {"generator": 0.0}])
def test_clip_must_be_positive_and_of_players(clip: float | dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"clip=.* must give positive norms to players among discriminator, generator"):
        Engine(DiracGame(), both(adam()), clip=clip, compute=CPU)


def test_terms_must_stay_the_same() -> None:
    class Fickle(Breaking):
        def discriminator_loss(self, batch: Numbers) -> Loss:
            loss, _ = super().discriminator_loss(batch)
            return loss, {f"draw {int(batch.x)}": loss.detach()}

    with pytest.raises(ValueError, match=r"first logged \['draw 0'\] and now \['draw 2'\]"):
        Engine(Fickle(), both(adam()), compute=CPU).fit(Counting(), steps=2)


# --- averages and records ---------------------------------------------------------------------------------------------


def test_averaged_is_the_bias_corrected_mean_of_the_path() -> None:
    path: list[tuple[float, float]] = []
    engine = Engine(DiracGame(), both(adam(0.1)), ema=0.8, compute=CPU)
    engine.fit(NOTHING, steps=9, callbacks=[lambda engine: path.append(point(engine.game))])
    weights = torch.tensor([0.8 ** (9 - t) for t in range(1, 10)], dtype=torch.float64)
    expected = (weights / weights.sum()) @ torch.tensor(path, dtype=torch.float64)
    assert point(engine.averaged) == pytest.approx(expected.tolist(), rel=1e-5)
    assert not engine.averaged.training
    assert engine.averaged is not engine.game
    assert Engine(game := DiracGame(), both(adam()), compute=CPU).averaged is game


def test_records_carry_their_step(tmp_path: Path) -> None:
    import numpy as np

    engine = Engine(DiracGame(), both(adam()), compute=CPU)
    engine.fit(NOTHING, steps=2, callbacks=[lambda engine: engine.record(accuracy=np.float32(engine.step) / 2)])
    assert engine.history == [{"step": 1, "accuracy": 0.5}, {"step": 2, "accuracy": 1.0}]
    engine.save(tmp_path)
    other = Engine(DiracGame(), both(adam()), compute=CPU)
    other.resume(tmp_path)
    assert other.history == engine.history
