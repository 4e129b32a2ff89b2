"""Stop anywhere, go on later: the same bits as never stopping."""

import os
import random
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Game, Player
from gan_ext.data import SemiStream
from gan_ext.engine import (
    CheckpointError,
    CompetitiveGradientDescent,
    Consensus,
    Extragradient,
    ExtragradientFromPast,
    Lookahead,
    Momentum,
    Optimistic,
    OptimizerFactory,
    SaveEvery,
    Solver,
    SymplecticAdjustment,
    Turns,
    Unrolled,
    adam,
    alternating,
    cosine,
    linear,
    simultaneous,
)
from gan_ext.engine import checkpoint as files
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.nets import mlp_discriminator, mlp_generator
from gan_ext.terms import ConditionalEntropy
from gan_ext.testing import ConstantStream, DiracGame

STEPS = 6
TURNS: dict[str, Turns | Solver] = {
    "alternating": ("discriminator", "generator"),
    "simultaneous": simultaneous("discriminator", "generator"),
    "three to one": alternating({"discriminator": 3, "generator": 1}),
    "extragradient": Extragradient(),
    "from the past": ExtragradientFromPast(),
    "optimistic": Optimistic(),
    "negative momentum": Momentum(),
    "consensus": Consensus(0.1),
    "symplectic": SymplecticAdjustment(0.1),
    "competitive": CompetitiveGradientDescent(2),
    "lookahead": Lookahead(Optimistic(), every=4),
    "unrolled": Unrolled(2),
}


def data(seed: int = 0) -> SemiStream[SemiBatch]:
    generator = torch.Generator().manual_seed(11)
    x, u = torch.rand(9, 5, generator=generator), torch.rand(13, 5, generator=generator)
    return SemiStream(SemiBatch, x, torch.arange(9) % 3, u, batch_size=7, labeled_batch=4, seed=seed)


class Annealed(KPlusOne):
    """With dropout, batch normalization, noise, and a number that a schedule changes."""

    def __init__(self) -> None:
        generator = nn.Sequential(mlp_generator((5,), 4, (6, 6)), nn.Dropout(0.3))
        super().__init__(generator, mlp_discriminator((5,), 3, (8, 6)), Uniform(4), terms=[ConditionalEntropy(0.1)])
        self.register_buffer("temperature", torch.ones(()))

    def generator_loss(self, batch: SemiBatch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, terms = super().generator_loss(batch)
        return loss * self.temperature, terms | {"temperature": self.temperature.clone()}


def momentum(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True)


def engine(turns: Turns | Solver, start: int, precision: str = "float32") -> Engine:
    torch.default_generator.manual_seed(start)
    optimizers: dict[str, OptimizerFactory] = {"discriminator": adam(1e-2, weight_decay=0.1), "generator": momentum}
    return Engine(
        Annealed(),
        optimizers,
        turns,
        seed=5,
        ema=0.8,
        clip={"discriminator": 0.5},
        schedules={"discriminator.lr": cosine(1e-2, 1e-4, STEPS), "temperature": linear(1.0, 0.5, 4)},
        compute=Compute("cpu", precision=precision),  # type: ignore[arg-type]
    )


def diary(engine: Engine) -> None:
    engine.record(**engine.meters.read())


def kept(engine: Engine, directory: Path) -> Path:
    path = engine.save(directory)
    assert path is not None
    return path


def assert_same(one: Path, other: Path) -> None:
    """Compare two checkpoints: weights, buffers, averages, moments, meters, options, history."""
    a, b = files.read(one), files.read(other)
    assert a.tensors.keys() == b.tensors.keys()
    for name, value in a.tensors.items():
        assert torch.equal(value, b.tensors[name]), name
    assert a.index == b.index


@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS.keys())
@pytest.mark.parametrize("stop", range(STEPS + 1))
def test_stopping_after_any_step_changes_no_bit(turns: Turns | Solver, stop: int, tmp_path: Path) -> None:
    # The diary reads the meters at every third step only: they are full when a run stops between.
    def notes(engine: Engine) -> None:
        if engine.step % 3 == 0:
            diary(engine)

    whole = kept(engine(turns, start=1).fit(data(), STEPS, [notes]), tmp_path / "whole")
    engine(turns, start=1).fit(data(), stop, [notes]).save(tmp_path / "stopped")
    resumed = engine(turns, start=2)  # other first weights: all must come from the file
    torch.default_generator.manual_seed(99)
    assert resumed.resume(tmp_path / "stopped")
    assert resumed.step == stop
    end = kept(resumed.fit(data(), STEPS, [notes]), tmp_path / "resumed")
    assert_same(whole, end)
    assert [record["step"] for record in files.read(end).index["history"]] == [3, 6]


def test_stopping_in_bfloat16_changes_no_bit(tmp_path: Path) -> None:
    turns = TURNS["alternating"]
    whole = kept(engine(turns, 1, "bfloat16").fit(data(), 4), tmp_path / "whole")
    engine(turns, 1, "bfloat16").fit(data(), 2).save(tmp_path / "stopped")
    resumed = engine(turns, 2, "bfloat16")
    resumed.resume(tmp_path / "stopped")
    end = kept(resumed.fit(data(), 4), tmp_path / "resumed")
    assert_same(whole, end)


class Pictures(NamedTuple):
    x: Tensor


class Darker(Game):
    """Make pictures dark: one convolution whose weights have their channels last in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Conv2d(3, 4, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def players(self) -> dict[str, Player]:
        return {"net": Player((self.net,), lambda batch: (self.net(batch.x).square().mean(), {}))}


def test_stopping_changes_no_bit_where_weights_have_another_memory_format(tmp_path: Path) -> None:
    """Fused optimizers walk weights and moments side by side in memory, so moments must come back laid out alike."""
    stream = ConstantStream(Pictures(torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))))

    def fresh(start: int) -> Engine:
        torch.manual_seed(start)
        return Engine(Darker(), {"net": adam(1e-2)}, seed=3)

    whole = kept(fresh(1).fit(stream, 6), tmp_path / "whole")
    fresh(1).fit(stream, 3).save(tmp_path / "stopped")
    resumed = fresh(2)
    resumed.resume(tmp_path / "stopped")
    moments = next(iter(resumed.optimizers["net"].state.values()))["exp_avg"]
    assert moments.is_contiguous(memory_format=torch.channels_last)
    assert_same(whole, kept(resumed.fit(stream, 6), tmp_path / "resumed"))


def test_stopping_at_every_step_changes_no_bit(tmp_path: Path) -> None:
    turns = TURNS["alternating"]
    whole = kept(engine(turns, 1).fit(data(), STEPS, [diary]), tmp_path / "whole")
    for step in range(1, STEPS + 1):
        part = engine(turns, 1 if step == 1 else step)
        assert part.resume(tmp_path / "parts") == (step > 1)
        end = kept(part.fit(data(), step, [diary]), tmp_path / "parts")
    assert_same(whole, end)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    turns = TURNS["three to one"]
    quiet = kept(engine(turns, 1).fit(data(), STEPS), tmp_path / "quiet")
    saving = engine(turns, 1).fit(data(), STEPS, [SaveEvery(1, tmp_path / "often")])
    assert quiet is not None
    assert saving.last_checkpoint is not None
    assert_same(quiet, saving.last_checkpoint)


def test_the_runs_compared_here_do_differ(tmp_path: Path) -> None:
    """Every ingredient of the comparison above matters: leave one out and bits change."""
    turns = TURNS["alternating"]
    ends = [
        engine(turns, 1).fit(data(), STEPS),
        engine(turns, 2).fit(data(), STEPS),
        engine(turns, 1).fit(data(seed=1), STEPS),
        engine(TURNS["simultaneous"], 1).fit(data(), STEPS),
        engine(turns, 1).fit(data(), STEPS - 1),
    ]
    weights = [torch.cat([p.detach().flatten() for p in end.game.parameters()]) for end in ends]
    assert all(not torch.equal(weights[0], other) for other in weights[1:])


def test_the_file_and_its_folder_are_the_same_source(tmp_path: Path) -> None:
    path = kept(engine(TURNS["alternating"], 1).fit(data(), 2), tmp_path)
    for source in (path, tmp_path, str(tmp_path)):
        resumed = engine(TURNS["alternating"], 3)
        assert resumed.resume(source)
        assert (resumed.step, resumed.last_checkpoint) == (2, path)


@pytest.mark.parametrize(
    "optimizer",
    [
        adam(0.1),
        lambda parameters: torch.optim.RMSprop(parameters, lr=0.1),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.5),
        lambda parameters: torch.optim.Adam(parameters, lr=0.1, amsgrad=True, foreach=True),
        lambda parameters: torch.optim.Adam(parameters, lr=torch.tensor(0.1), fused=True),
        lambda parameters: torch.optim.Adagrad(parameters, lr=0.1),
        lambda parameters: torch.optim.NAdam(parameters, lr=0.1),
        lambda parameters: torch.optim.RAdam(parameters, lr=0.1),
    ],
)
def test_any_optimizer_resumes(
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer], tmp_path: Path
) -> None:
    def dirac() -> Engine:
        return Engine(DiracGame(1.0, 0.5), {"discriminator": optimizer, "generator": optimizer}, compute=Compute("cpu"))

    whole = kept(dirac().fit(data(), 9), tmp_path / "whole")
    dirac().fit(data(), 4).save(tmp_path / "stopped")
    resumed = dirac()
    resumed.resume(tmp_path / "stopped")
    end = kept(resumed.fit(data(), 9), tmp_path / "resumed")
    assert_same(whole, end)


# --- kill -9 ----------------------------------------------------------------------------------------------------------

KILLABLE = Path(__file__).with_name("killable.py")


def killed_at_random(directory: Path, beyond: int) -> None:
    """Train in another process, and kill it at a random moment after a step."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, str(KILLABLE), str(directory), "1000000"], env=environment)
    try:
        deadline = time.monotonic() + 600
        while not any(int(path.stem[5:]) > beyond for path in directory.glob("step-*.safetensors")):
            assert process.poll() is None, "the run must not end by itself"
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.05))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    train = runpy.run_path(str(KILLABLE))["train"]
    killed_at_random(tmp_path / "killed", beyond=3)
    found = files.newest(tmp_path / "killed")
    assert found is not None
    killed_at_random(tmp_path / "killed", beyond=found.index["step"] + 3)
    found = files.newest(tmp_path / "killed")
    assert found is not None
    last = found.index["step"] + 3
    assert_same(train(tmp_path / "killed", last), train(tmp_path / "whole", last))
    assert len(files.read(tmp_path / "whole" / f"step-{last:09d}.safetensors").index["history"]) == last


def test_another_solver_is_refused(tmp_path: Path) -> None:
    engine(Optimistic(), start=1).fit(data(), 1).save(tmp_path)
    with pytest.raises(CheckpointError, match=r"solver=Optimistic\(turns=None\), this engine has solver=Momentum"):
        engine(Momentum(-0.3, simultaneous("discriminator", "generator")), start=1).resume(tmp_path)
