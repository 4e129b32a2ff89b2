"""Two processes are one run: the same bits on both, and the same weights as one process with the whole batch."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from gan_ext.engine import Ranks, simultaneous
from gan_ext.engine import checkpoint as files
from gan_ext.engine.state import capture

SCRIPT = Path(__file__).with_name("play_on_ranks.py")

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs Gloo")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the script under torchrun on two processes, once for all tests."""
    directory = tmp_path_factory.mktemp("ranks")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, str(SCRIPT), str(directory)], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return directory


def ends(played: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return what both ranks ended with, less the meters, which are each rank's own."""
    both = [load_file(played / f"{name}-{rank}.safetensors") for rank in (0, 1)]
    first, second = ({key: value for key, value in end.items() if not key.startswith("meters/")} for end in both)
    return first, second


def test_there_were_two(played: Path) -> None:
    assert [(played / f"ranks-{rank}.txt").read_text() for rank in (0, 1)] == ["2", "2"]


@pytest.mark.parametrize("name", ["alternating", "simultaneous", "whole", "resumed"])
def test_replicas_are_the_same_bits(name: str, played: Path) -> None:
    first, second = ends(played, name)
    assert first.keys() == second.keys()
    assert {key.split("/")[0] for key in first} == {"game", "ema", "ema_updates", "optimizers"}
    assert any("running_mean" in key for key in first) == (name in ("whole", "resumed"))
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


def test_ranks_saw_different_halves(played: Path) -> None:
    losses = [load_file(played / f"whole-{rank}.safetensors")["meters/discriminator/sums"] for rank in (0, 1)]
    assert not torch.equal(*losses)


@pytest.mark.parametrize(
    ("name", "turns"),
    [("alternating", ("discriminator", "generator")), ("simultaneous", simultaneous("discriminator", "generator"))],
)
def test_two_ranks_are_one_with_the_whole_batch(
    name: str, turns: tuple[str | tuple[str, ...], ...], played: Path
) -> None:
    engine = runpy.run_path(str(SCRIPT))["least_squares"](turns)
    assert engine.ranks == Ranks(0, 1)
    alone, _ = capture(engine)
    together, _ = ends(played, name)
    for key, value in together.items():
        torch.testing.assert_close(value, alone[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


def test_two_ranks_resume_bit_for_bit(played: Path) -> None:
    whole, _ = ends(played, "whole")
    resumed, _ = ends(played, "resumed")
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


def test_only_the_first_rank_writes_and_nothing_bad(played: Path) -> None:
    assert [path.name for path in (played / "stopped").iterdir()] == ["step-000000003.safetensors"]
    found = files.newest(played / "unlucky")
    assert found is not None
    assert found.index["step"] == 2
    assert all(value.isfinite().all() for value in found.tensors.values())


def test_a_loss_that_one_rank_cannot_see_stops_both(played: Path) -> None:
    first, second = ((played / f"unlucky-{rank}.txt").read_text() for rank in (0, 1))
    assert first.startswith("Step 2: a loss of process 1, which says which one, is not finite.")
    assert "step-000000002.safetensors" in first
    assert second.startswith("Step 2: 'loss' of player 'generator' is not finite.")


def test_a_term_that_is_not_finite_on_one_rank_stops_both_without_checkpoints(played: Path) -> None:
    first, second = ((played / f"term-{rank}.txt").read_text() for rank in (0, 1))
    assert first.startswith("Step 2: a loss of process 1, which says which one, is not finite. None was saved.")
    assert second.startswith("Step 2: 'told' of player 'generator' is not finite. None was saved.")


def test_no_thread_outlives_the_run(played: Path) -> None:
    """One that does can abort the process after all is done."""
    left = [(played / f"threads-{rank}.txt").read_text() for rank in (0, 1)]
    assert not any("gloo" in names for names in left)


def test_a_batch_is_shared_evenly(played: Path) -> None:
    sentence = "batch_size=5 cannot be shared evenly by 2 ranks."
    assert [(played / f"odd-{rank}.txt").read_text() for rank in (0, 1)] == [sentence, sentence]


def test_alone_there_is_nothing_to_average() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    values = [torch.randn(3)]
    before = values[0].clone()
    alone = Ranks()
    alone.average(values)
    alone.average_gradients([parameter])
    alone.wait()
    assert alone.is_main
    assert parameter.grad is None
    assert torch.equal(values[0], before)
