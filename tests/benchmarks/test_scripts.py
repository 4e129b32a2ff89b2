"""Every script of benchmarks/ runs at its smallest size, and what it writes is what the tables of the pages read."""

import gzip
import importlib
import json
import math
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
LAYOUT = {name for name in SCRIPTS if name.endswith("_tables")}  # parts of tables.py, tried in tests/test_results.py


@pytest.fixture
def benchmark(monkeypatch):
    """Import a script of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def leaves(value: Any) -> Iterator[Any]:
    """Yield every number and word of a result."""
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value


def checked(path: Path, output: tuple[int, str]) -> dict[str, Any]:
    """Return what a script wrote, which says where it comes from and has only finite figures."""
    assert output[0] == 0, output[1]
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert result["environment"]["torch"] == torch.__version__
    assert {"config", "commit"} <= result.keys()
    assert all(math.isfinite(each) for each in leaves(result) if isinstance(each, float))
    return result


def table(
    benchmark, monkeypatch: pytest.MonkeyPatch, name: str, result: dict[str, Any], file: str, folder: Path
) -> str:
    """Lay out a table of the documentation from a fresh result."""
    tables = benchmark("tables")
    monkeypatch.setattr(tables, "RESULTS", folder)
    (folder / f"{file}.json").write_text(json.dumps(result), encoding="utf-8")
    laid_out: str = tables.TABLES[name]()
    assert laid_out.startswith("| ")
    return laid_out


def write_idx(folder: Path, n_train: int, n_test: int, bright: int) -> Path:
    """Write ten kinds of bars, 28 x 28 pixels, as MNIST's four files."""
    folder.mkdir()
    draws = np.random.default_rng(bright)
    for part, n in (("train", n_train), ("t10k", n_test)):
        labels = np.arange(n) % 10
        images = draws.integers(0, 40, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2:26, 2 + 2 * label : 6 + 2 * label] += bright
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
            content = gzip.compress(header + values.astype(np.uint8).tobytes())
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def test_every_script_is_named_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [
        name for name in SCRIPTS if name not in LAYOUT | {"tables"} and f'benchmarks/{name}.py"' not in source
    ] == []


def test_engine_speed(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "speed.json"
    small = ("--rounds", 2, "--steps", 1, "--side", 64)
    result = checked(out, run_script("benchmarks/engine_speed.py", *small, "--out", out))
    assert result["ratios"].keys() == {
        "plain / engine, float32", "plain float32 / engine bfloat16", "engine / by hand, float32",
    }  # fmt: skip
    assert "by hand" in table(
        benchmark, monkeypatch, "engine speed, one thread", result, "engine_speed_1_thread", tmp_path
    )


def test_engine_speed_compares_like_with_like(benchmark) -> None:
    """The step by hand has as much arithmetic as the engine's, and as much as the page's share of peak is said of."""
    speed, device = benchmark("engine_speed"), torch.device("cpu")
    data = torch.rand(200, *speed.SHAPE)
    setting = data, data[:100], torch.arange(100) % 10, device
    by_hand, engine = speed.hand_written(*setting), speed.engine_step(*setting, "float32")

    def arithmetic(step: Any) -> int:
        step()
        with FlopCounterMode(display=False) as counter:
            step()
        return counter.get_total_flops()

    assert arithmetic(by_hand) == arithmetic(lambda: engine(1)) == pytest.approx(1e9 * speed.arithmetic(), rel=1e-3)
    assert arithmetic(speed.plain_loop(*setting)) > 1.1e9 * speed.arithmetic()


def test_gradient_bias(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "gradient_bias.json"
    small = "--calls 8 --n 8 --learn 1 --rounds 1 --seeds 1 --placebo-steps 2 --entropy-sequences 50 --vocabulary 20"
    result = checked(out, run_script("benchmarks/gradient_bias.py", *small.split(), "--out", out))
    assert {row["estimator"] for row in result["language"]} == set(benchmark("gradient_bias").ESTIMATORS)
    for name in ("gradient bias", "gradient coin", "gradient placebo"):
        table(benchmark, monkeypatch, name, result, "gradient_bias", tmp_path)


def test_metrics(run_script, tmp_path) -> None:
    out = tmp_path / "metrics.json"
    small = "--rows 40 --width 5 --frechet-width 8 --rounds 1 --threads 1 --no-memory"
    result = checked(out, run_script("benchmarks/metrics.py", *small.split(), "--out", out))
    assert max(result["largest_relative_difference"].values()) < 1e-3, "both sides say the same"
    assert result["peak_megabytes"] == {}


@pytest.mark.slow
def test_metrics_measures_memory_in_processes(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "metrics.json"
    small = "--rows 2000 --width 5 --frechet-width 8 --rounds 1 --threads 1"
    result = checked(out, run_script("benchmarks/metrics.py", *small.split(), "--out", out))
    assert result["peak_megabytes"]["prdc, theirs"] > 2000 * 2000 * 4 / 2**20, "at least one matrix of distances"
    table(benchmark, monkeypatch, "metrics", result, "metrics", tmp_path)


def test_seeds_side_by_side(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "seeds.json"
    small = "--seeds 1 --processes 1 --width 8 --batch 4 --steps 1 --rounds 1"
    result = checked(out, run_script("benchmarks/seeds_side_by_side.py", *small.split(), "--out", out))
    assert len(result["rows"]) == 3
    table(benchmark, monkeypatch, "seeds side by side", result, "seeds_side_by_side", tmp_path)


def test_sequence_nets(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "nets.json"
    small = ("--rounds", 1, "--batch", 2, "--continuations", 2)
    result = checked(out, run_script("benchmarks/sequence_nets.py", *small, "--out", out))
    gaps = [figures["largest_difference_of_logits"] for figures in result["figures"].values()]
    assert len(gaps) == 4
    assert max(gaps) < 1e-3, "the plain nets say the same"
    table(benchmark, monkeypatch, "sequence nets", result, "sequence_nets", tmp_path)


def test_sequence_speed(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "speed.json"
    small = "--rounds 1 --passes 1 --batch 4 --rollouts 2 --draws 20 --plain-draws 4 --batches 1 --lengths 5"
    result = checked(out, run_script("benchmarks/sequence_speed.py", *small.split(), "--out", out))
    assert "whole protocol, composed" in result["ratios"]
    result["microseconds_per_token_by_length"] |= {"20": 1.0, "40": 1.0, "80": 1.0}  # the lengths that the page names
    table(benchmark, monkeypatch, "sequence speed, one thread", result, "sequence_speed_1_thread", tmp_path)


def test_text_metrics(run_script, benchmark, monkeypatch, tmp_path) -> None:
    out = tmp_path / "text_metrics.json"
    small = ("--sentences", 40, "--rounds", 1, "--nltk", 2)
    result = checked(out, run_script("benchmarks/text_metrics.py", *small, "--out", out))
    assert result["largest_difference"] < 1e-9, "both sides say the same"
    table(benchmark, monkeypatch, "text metrics", result, "text_metrics", tmp_path)


def test_ablation(run_script, tmp_path) -> None:
    small = "--labels 20 --seeds 2 --steps 1 --validation 50 --cost-steps 7 --cost-repeats 1"
    arguments = (*small.split(), "--only", "base", "the game alone", "--out", tmp_path)
    result = checked(tmp_path / "result.json", run_script("benchmarks/ablation.py", *arguments))
    committed = json.loads((ROOT / "benchmarks/results/ablation_digits.json").read_text(encoding="utf-8"))
    assert result["metrics"].keys() <= committed["metrics"].keys()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert run_script("benchmarks/ablation.py", *arguments)[0] == 0
    again = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert again == {tmp_path / "result.json"}, "what was finished is not done again"


@pytest.mark.slow
def test_every_arm_of_the_ablation(run_script, benchmark, monkeypatch, tmp_path) -> None:
    small = "--labels 20 50 100 --seeds 2 --steps 1 --validation 50 --cost-steps 7 --cost-repeats 1"
    status = run_script("benchmarks/ablation.py", *small.split(), "--out", tmp_path)
    table(benchmark, monkeypatch, "ingredients", checked(tmp_path / "result.json", status), "ablation_digits", tmp_path)


def test_actor_critic(run_script, tmp_path) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra `reinforcement`")
    rows = ("base: value, PPO, R1", "four moves: no clip, no baseline")
    small = "--seeds 1 --steps 4 --expert-steps 1 --episodes 2 --passes 2"
    arguments = ("--rows", *rows, *small.split(), "--out", tmp_path)
    result = checked(tmp_path / "result.json", run_script("benchmarks/actor_critic.py", *arguments))
    assert {f"{row}, {figure}" for row in rows for figure in ("mean", "last", "seconds")} < result["metrics"].keys()
    status, output = run_script("benchmarks/actor_critic.py", "--rows", "nothing like this", "--out", tmp_path)
    assert status != 0
    assert rows[0] in output, "the rows that there are"


@pytest.mark.slow
def test_every_row_of_actor_critic(run_script, benchmark, monkeypatch, tmp_path) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra `reinforcement`")
    small = "--seeds 2 --steps 4 --expert-steps 1 --episodes 2 --passes 2"
    status = run_script("benchmarks/actor_critic.py", *small.split(), "--out", tmp_path)
    table(benchmark, monkeypatch, "actor-critic", checked(tmp_path / "result.json", status), "actor_critic", tmp_path)


def test_after_fit(run_script, tmp_path) -> None:
    data, fashion = (write_idx(tmp_path / name, 60, 20, bright) for name, bright in (("data", 200), ("fashion", 60)))
    small = "--labels 20 --validation 20 --members 2 --steps 1"
    arguments = ("--data", data, "--fashion", fashion, *small.split(), "--out", tmp_path)
    result = checked(tmp_path / "result.json", run_script("benchmarks/after_fit.py", *arguments))
    assert "ensemble: Fashion-MNIST: AUROC, disagreement" in result["metrics"]
    committed = json.loads((ROOT / "benchmarks/results/after_fit.json").read_text(encoding="utf-8"))
    assert result["metrics"].keys() <= committed["metrics"].keys()


@pytest.mark.parametrize("honest", [True, False])
def test_check_torchtext_018_tells_a_twin_from_a_liar(run_script, benchmark, monkeypatch, honest) -> None:
    """The real torchtext 0.18 needs an old torch; here the package's own vocabulary stands in for it."""
    script = "benchmarks/check_torchtext_018.py"
    real = benchmark("check_torchtext_018").load(ROOT / "gan_ext" / "data" / "sequences" / "vocabulary.py")
    monkeypatch.setitem(sys.modules, real.__name__, real)
    torchtext = ModuleType("torchtext")
    torchtext.__version__, torchtext.vocab = "0.18.0", real
    monkeypatch.setitem(sys.modules, "torchtext", torchtext)
    if honest:
        status, output = run_script(script)
        assert status == 0
        assert "answers equal, torchtext 0.18.0" in output
    else:
        monkeypatch.setattr(real.Vocab, "lookup_token", lambda self, index: "wrong")
        with pytest.raises(AssertionError, match="in torchtext"):
            run_script(script)


def test_robustness(run_script, benchmark, monkeypatch, tmp_path) -> None:
    small = ["--kills", "1", "--files", "7", "--no-recipes", "--only", "kills", "files", "threads"]
    result = checked(tmp_path / "result.json", run_script("benchmarks/robustness.py", *small, "--out", tmp_path))
    metrics = result["metrics"]
    assert (metrics["kills, tried"], metrics["kills, fine"]) == (1, 1), result["rows"]
    assert metrics["files, fine"] + metrics["files, clear"] == metrics["files, tried"] == 7, result["rows"]
    assert metrics["threads, fine"] == metrics["threads, tried"] == 24, result["rows"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("rows/*.json")}
    assert len(before) == 16
    assert run_script("benchmarks/robustness.py", *small, "--out", tmp_path)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before, "what was finished is not done again"
    table(benchmark, monkeypatch, "robustness", result, "robustness", tmp_path)


def test_robustness_sees_what_is_wrong(benchmark) -> None:
    """Each outcome that is not as it should be, by what would have it."""
    robustness = benchmark("robustness")
    row = robustness.Row()

    def fails(error: Exception) -> None:
        raise error

    for call, never in (
        (lambda: None, True), (lambda: None, False), (lambda: fails(ValueError("steps must be")), True),
        (lambda: fails(ValueError("no")), True), (lambda: fails(KeyError("steps")), True),
    ):  # fmt: skip
        robustness.refused(row, call, "Thing", "steps", object(), never)
    assert row.counts == {"silent": 1, "fine": 1, "clear": 1, "unclear": 2}
    assert [said.split(":")[0] for said in row.figures()["said"]] == ["silent", "unclear", "unclear"]
