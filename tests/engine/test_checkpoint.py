"""Checkpoint files: whole or not at all, and refused when they are damaged, foreign, or of something else."""

import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.engine import (
    CheckpointError,
    OptimizerFactory,
    SaveEvery,
    adam,
    check_weights,
    ensure_writable,
    write_atomically,
    write_tensors,
)
from gan_ext.engine import checkpoint as files
from gan_ext.games import MaximumLikelihood
from gan_ext.testing import ConstantStream, DiracGame

CPU = Compute("cpu")


class Numbers(NamedTuple):
    x: Tensor


DATA = ConstantStream(Numbers(torch.linspace(-1, 1, 4)[:, None]))


class Line(nn.Module):
    """log p(x) = -(w x + b)^2, with a width of your choice."""

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self.line = nn.Linear(1, width)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def log_prob(self, batch: Numbers) -> Tensor:
        self.count += 1
        return -self.line(batch.x).square().sum(1)


def line_game(width: int = 1) -> MaximumLikelihood:
    model = Line(width)
    return MaximumLikelihood(model, model.log_prob)


def engine(width: int = 1, optimizer: OptimizerFactory | None = None, **settings: Any) -> Engine:
    return Engine(line_game(width), {"model": optimizer or adam(0.1)}, compute=CPU, **settings)


def saved(directory: Path, *steps: int, **settings: Any) -> Engine:
    trained = engine(**settings)
    for step in steps:
        trained.fit(DATA, steps=step).save(directory, keep=len(steps))
    return trained


def file(directory: Path, step: int) -> Path:
    return directory / f"step-{step:09d}.safetensors"


def photograph(engine: Engine) -> dict[str, Any]:
    state = {name: value.clone() for name, value in engine.game.state_dict().items()}
    optimizer = engine.optimizers["model"]
    moments = [{name: value.clone() for name, value in entry.items()} for entry in optimizer.state.values()]
    rates = [group["lr"] for group in optimizer.param_groups]
    return {"state": state, "moments": moments, "rates": rates, "step": engine.step, "history": list(engine.history)}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, list) else bool(a == b)


# --- whole files ------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path) -> None:
    shared = torch.randn(4)
    tensors = {
        "float": torch.randn(2, 3),
        "transposed": torch.randn(2, 3).T,
        "double": torch.randn((), dtype=torch.float64),
        "half": torch.randn(3).bfloat16(),
        "whole": torch.arange(5),
        "truth": torch.tensor([True, False]),
        "empty": torch.empty(0, 2),
        "shared": shared,
        "slice": shared[1:3],
    }
    index = {"step": 3, "text": "ä", "nested": {"numbers": [0.1, 1e-300, None]}}
    path = files.write(tmp_path, 3, tensors, index, keep=1)
    found = files.newest(tmp_path)
    assert found is not None
    assert (found.path, found.index) == (path, index)
    assert found.tensors.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found.tensors[name].dtype == value.dtype
        assert torch.equal(found.tensors[name], value)


def test_the_newest_is_the_highest_step(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        files.write(tmp_path, step, {}, {"step": step}, keep=3)
    (tmp_path / ".step-000000999.safetensors.77.partial").write_bytes(b"left behind by kill -9")
    (tmp_path / "notes.txt").write_text("mine")
    found = files.newest(tmp_path)
    assert found is not None
    assert found.index["step"] == 100
    assert (tmp_path / "notes.txt").exists()


def test_no_checkpoint_is_not_an_error(tmp_path: Path) -> None:
    fresh = engine()
    assert not fresh.resume(tmp_path)
    assert not fresh.resume(tmp_path / "never made")
    assert (fresh.step, fresh.last_checkpoint) == (0, None)


@pytest.mark.parametrize("keep", [1, 2])
def test_what_was_just_saved_is_never_removed(keep: int, tmp_path: Path) -> None:
    """Later steps lie there when the newest was damaged, or when a folder is used for another run."""
    saved(tmp_path, 5, 6, 7)
    path = engine().fit(DATA, steps=2).save(tmp_path, keep=keep)
    assert path is not None
    assert path.exists()


def test_keep_removes_the_oldest(tmp_path: Path) -> None:
    trained = engine()
    for step in (1, 2, 3, 4):
        trained.fit(DATA, steps=step).save(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [file(tmp_path, 3).name, file(tmp_path, 4).name]


# --- damage -----------------------------------------------------------------------------------------------------------


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path, position: int = -3) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def replace(path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, path)


@pytest.mark.parametrize("damage", [truncate, empty, flip, replace])
def test_an_older_checkpoint_stands_in_for_a_damaged_one(damage: Callable[[Path], None], tmp_path: Path) -> None:
    whole = saved(tmp_path, 2, 4)
    damage(file(tmp_path, 4))
    resumed = engine()
    with pytest.warns(UserWarning, match=r"step-000000004.* Using the older step-000000002\.safetensors instead\."):
        assert resumed.resume(tmp_path)
    assert resumed.step == 2
    assert resumed.last_checkpoint == file(tmp_path, 2)
    resumed.fit(DATA, steps=4)
    assert same(photograph(resumed), photograph(whole))


@pytest.mark.parametrize("damage", [truncate, empty, flip, replace])
def test_when_all_are_damaged_nothing_is_resumed(damage: Callable[[Path], None], tmp_path: Path) -> None:
    saved(tmp_path, 2, 4)
    damage(file(tmp_path, 2))
    damage(file(tmp_path, 4))
    fresh = engine()
    before = photograph(fresh)
    with pytest.raises(CheckpointError, match=r"No checkpoint in .* can be read\..*step-000000004.*step-000000002"):
        fresh.resume(tmp_path)
    assert same(photograph(fresh), before)


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    path = file(tmp_path, 3)
    content = path.read_bytes()
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            files.read(path)
    path.write_bytes(content)
    assert files.read(path).index["step"] == 3


def test_no_truncation_goes_unseen(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    path = file(tmp_path, 3)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            files.read(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"is a safetensors file, but not a checkpoint of gan_ext\."):
        engine().resume(tmp_path / "model.safetensors")


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def with_torch(trap: Trap, path: Path) -> None:
    torch.save({"game": trap}, path)


def with_pickle(trap: Trap, path: Path) -> None:
    path.write_bytes(pickle.dumps(trap))


@pytest.mark.parametrize("write", [with_torch, with_pickle])
def test_a_pickle_is_refused_and_never_run(write: Callable[[Trap, Path], None], tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    write(Trap(sprung), file(tmp_path, 1))
    for source in (tmp_path, file(tmp_path, 1)):
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            engine().resume(source)
    assert not sprung.exists()
    if write is with_torch:
        torch.load(file(tmp_path, 1).rename(tmp_path / "model.pt"), weights_only=False)
    else:
        pickle.loads(file(tmp_path, 1).read_bytes())
    assert sprung.exists(), "the trap works"


# --- checkpoints of something else ------------------------------------------------------------------------------------


def momentum(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def frozen() -> Engine:
    game = line_game()
    game.model.line.bias.requires_grad_(False)
    return Engine(game, {"model": adam(0.1)}, seed=1, ema=0.5, compute=CPU)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (
            lambda: engine(2, seed=1, ema=0.5),
            r"'model\.line\.bias' is torch\.float32\[1\] there and .*\[2\] here \(2 dif",
        ),
        (lambda: engine(seed=2, ema=0.5), "made with seed=1, this engine has seed=2"),
        (lambda: engine(seed=1, ema=0.9), r"made with ema=0\.5, this engine has ema=0\.9"),
        (lambda: engine(seed=1), r"made with ema=0\.5, this engine has ema=None"),
        (lambda: engine(1, momentum, seed=1, ema=0.5), "the optimizer Adam for player 'model', this engine has SGD"),
        (frozen, "trains 2 tensors of player 'model', this engine 1"),
    ],
)
def test_a_checkpoint_of_another_run_changes_nothing(
    other: Callable[[], Engine], difference: str, tmp_path: Path
) -> None:
    saved(tmp_path, 3, seed=1, ema=0.5)
    mine = other().fit(DATA, steps=1)
    before = photograph(mine)
    with pytest.raises(CheckpointError, match=difference) as raised:
        mine.resume(tmp_path)
    assert str(file(tmp_path, 3)) in str(raised.value)
    assert same(photograph(mine), before)
    assert mine.last_checkpoint is None


def test_a_checkpoint_of_another_game_changes_nothing(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    game = DiracGame()
    other = Engine(game, {"discriminator": adam(), "generator": adam()}, compute=CPU)
    with pytest.raises(CheckpointError, match=r"is of the game gan_ext\.games\..*MaximumLikelihood, not .*DiracGame"):
        other.resume(tmp_path)
    assert (game.generator.value.item(), other.step) == (1.0, 0)


# --- whole files with content that no run wrote -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        (
            {"estimator": "SequenceGAN", "vocabulary": []},
            r"is a saved SequenceGAN, not a checkpoint of a run; read it with",
        ),
        ({"step": 30}, "holds 1 tensors, but no run: no step, no optimizers. It is not a file"),
        ({}, "but no run"),
    ],
)
def test_a_file_of_something_else_is_named(index: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    files.write(tmp_path, 1, {"line.weight": torch.zeros(1)}, index, keep=1)
    with pytest.raises(CheckpointError, match=sentence):
        engine().resume(tmp_path)


def test_an_index_that_is_no_object_is_refused(tmp_path: Path) -> None:
    for text in ("[]", "3", "{", "[" * 100_000, '"game"'):
        metadata = {"format": files._FORMAT, "index": text, "checksum": str(files._checksum(text, {}))}
        save_file({}, file(tmp_path, 1), metadata=metadata)
        with pytest.raises(CheckpointError, match=r"has an index that is no JSON.*no gan_ext wrote it"):
            engine().resume(tmp_path / "step-000000001.safetensors")


NUMBERS: tuple[Any, ...] = (None, [], {}, "x", -1, True, [[]], {"model": None}, {"model": {}}, [3])


@pytest.mark.parametrize("key", ["game", "optimizers", "meters", "history", "step", "seed", "moves", "ema", "solver"])
def test_a_crafted_index_with_a_right_checksum_is_refused_and_changes_nothing(key: str, tmp_path: Path) -> None:
    saved(tmp_path, 3, ema=0.5)
    whole = files.read(file(tmp_path, 3))
    mine = engine(ema=0.5).fit(DATA, steps=1)
    before = photograph(mine)
    for wrong in NUMBERS:
        if (wrong == [] and key == "history") or (wrong == {} and key == "meters"):  # as before the first step
            continue
        files.write(tmp_path, 3, whole.tensors, whole.index | {key: wrong}, keep=1)
        with pytest.raises(CheckpointError, match=r"step-000000003\.safetensors"):
            mine.resume(tmp_path)
        assert same(photograph(mine), before)


def test_tensors_that_are_missing_or_of_another_kind_are_refused_and_change_nothing(tmp_path: Path) -> None:
    saved(tmp_path, 3, ema=0.5)
    whole = files.read(file(tmp_path, 3))
    mine = engine(ema=0.5).fit(DATA, steps=1)
    before = photograph(mine)
    for name, value in whole.tensors.items():
        without = {key: each for key, each in whole.tensors.items() if key != name}
        others = [without, without | {name: torch.zeros(7, 7)}]
        if name.split("/")[0] in ("game", "ema", "optimizers") and value.is_floating_point():
            others += [without | {name: torch.full_like(value, bad)} for bad in (torch.nan, torch.inf)]
        for tensors in others:
            files.write(tmp_path, 3, tensors, whole.index, keep=1)
            with pytest.raises(CheckpointError, match=r"step-000000003\.safetensors"):
                mine.resume(tmp_path)
            assert same(photograph(mine), before), name
    files.write(tmp_path, 3, whole.tensors, whole.index, keep=1)
    assert mine.resume(tmp_path)


def test_a_run_goes_on_only_with_the_library_it_was_made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, 3)
    assert files.read(file(tmp_path, 3)).index["linear"] == "default"
    monkeypatch.setattr("gan_ext.engine.state.linear_backend", lambda: "onednn")
    with pytest.raises(CheckpointError, match=r"this process has 'onednn'.*Start it with GAN_EXT_LINEAR=default"):
        engine().resume(tmp_path)


def test_weights_of_another_network_are_refused_and_spoilt_ones_too(tmp_path: Path) -> None:
    net, path = nn.Linear(2, 1), tmp_path / "net"
    for tensors, sentence in (
        ({}, r"'bias' is absent there and \[1\] here \(2 differ\)"),
        (nn.Linear(3, 1).state_dict(), r"'weight' is \[1, 3\] there and \[1, 2\] here \(1 differ\)"),
        (net.state_dict() | {"more": torch.zeros(1)}, r"'more' is \[1\] there and absent here"),
        (net.state_dict() | {"bias": torch.tensor([torch.nan])}, r"has weights that are NaN \(bias\)"),
    ):
        write_tensors(path, tensors, {})
        with pytest.raises(CheckpointError, match=sentence):
            check_weights(files.read(path), net.state_dict())
    write_tensors(path, net.state_dict(), {})
    net.load_state_dict(check_weights(files.read(path), net.state_dict()))


# --- disks ------------------------------------------------------------------------------------------------------------


def test_write_atomically_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_atomically(path, b"a long first version")
    write_atomically(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomically_leaves_the_old_file_when_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="what was saved before is still there"):
        write_atomically(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_ensure_writable_makes_the_folder(tmp_path: Path) -> None:
    assert ensure_writable(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_save_into_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="choose another folder"):
        SaveEvery(1, tmp_path / "file" / "x")
    with pytest.raises(CheckpointError, match="choose another folder"):
        engine().save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "in the way"


FULL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    from typing import NamedTuple
    import torch
    from gan_ext import Compute, Engine
    from gan_ext.engine import CheckpointError, SaveEvery, adam
    from gan_ext.testing import ConstantStream, DiracGame

    class Nothing(NamedTuple):
        x: torch.Tensor

    def engine():
        return Engine(DiracGame(), {"discriminator": adam(0.1), "generator": adam(0.1)}, compute=Compute("cpu"))

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    directory, stream = Path(sys.argv[1]), ConstantStream(Nothing(torch.zeros(1)))
    before = engine().fit(stream, steps=2, callbacks=[SaveEvery(1, directory)])
    contents = {path.name: path.read_bytes() for path in directory.iterdir()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        before.fit(stream, steps=3, callbacks=[SaveEvery(1, directory)])
    except CheckpointError as error:
        print(error)
    assert contents == {path.name: path.read_bytes() for path in directory.iterdir()}
    after = engine()
    assert after.resume(directory) and after.step == 2, after.step
    assert before.last_checkpoint == after.last_checkpoint
"""


def test_a_full_disk_costs_no_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "step-000000003.safetensors (File too large); what was saved before is still there" in done.stdout
