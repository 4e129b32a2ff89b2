"""Speed and memory of metrics of sets: this package against `prdc` and `torchmetrics`, on the same features.

    python benchmarks/metrics.py --out benchmarks/results/metrics.json
    python benchmarks/metrics.py --device cuda --out benchmarks/results/metrics_cuda.json

Precision, recall, density and coverage of 10 000 against 10 000 rows in 1000 dimensions, and the Frechet distance of as
many in 2048.  Both sides run in turns in one process, with the same number of threads; the figures to believe are the
ratios.  Peak memory is that of a process of its own, less what it has before the call.  `prdc` knows processors only,
so that on a GPU it is what the same machine's processor does with it.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from prdc import compute_prdc
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from gan_ext.metrics import frechet_distance, manifold_scores
from gan_ext.runs import environment, source_commit, write_json


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/metrics.json")
    """Where the figures go."""
    rows: int = 10_000
    """Rows of each set."""
    width: int = 1000
    """Features, for precision, recall, density and coverage."""
    frechet_width: int = 2048
    """Features, for the Frechet distance."""
    rounds: int = 3
    """Rounds; each side is timed once in each."""
    device: str = "cpu"
    """Where ours runs, and torchmetrics: ``"cpu"`` or ``"cuda"``."""
    threads: int = 2
    """Threads of every side."""
    only: str = ""
    """One of the calls, whose peak memory is printed; the benchmark calls itself so."""
    sides: tuple[str, ...] = field(default=("prdc", "frechet"))
    """What to measure."""
    memory: bool = True
    """Whether the peak memory of each call is measured, in processes of their own."""


class Identity(nn.Module):
    """Passes features through; torchmetrics asks for their number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, x: Tensor) -> Tensor:
        """Return x."""
        return x


def draw(config: Config, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of standard normal rows."""
    draws = np.random.default_rng(0)
    first, second = (draws.standard_normal((config.rows, width), np.float32) for _ in range(2))
    return first, second


def torchmetrics_frechet(real: Tensor, generated: Tensor) -> float:
    """Return torchmetrics' distance of features."""
    metric = FrechetInceptionDistance(Identity(real.shape[1]), input_img_size=(real.shape[1],)).to(real.device)
    metric.update(real, real=True)
    metric.update(generated, real=False)
    return float(metric.compute())


def calls(config: Config) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name; features are made once and lie where they are used."""
    x, g = draw(config, config.width if "prdc" in config.sides else 1)
    a, b = draw(config, config.frechet_width if "frechet" in config.sides else 1)
    placed = [torch.tensor(each, device=config.device) for each in (x, g, a, b)]
    return {
        "prdc, ours": lambda: manifold_scores(placed[0], placed[1], 5)._asdict(),
        "prdc, theirs": lambda: compute_prdc(x, g, 5),
        "frechet, ours": lambda: frechet_distance(placed[2], placed[3]),
        "frechet, theirs": lambda: torchmetrics_frechet(placed[2], placed[3]),
    }


def timed(call: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Return seconds and result of a call."""
    start = time.perf_counter()
    result = call()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def megabytes(which: str) -> float:
    """Return the memory this process has (``VmRSS``), or the most it has had (``VmHWM``).

    `resource.getrusage` would say what its parent had, where that is more.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(which))


def peak(config: Config) -> None:
    """Print the memory that one call takes beside its features on the processor, and all that it takes on the GPU."""
    config.sides = (config.only.split(",")[0],)
    call, before = calls(config)[config.only], megabytes("VmRSS")
    call()
    gpu = torch.cuda.max_memory_allocated() / 2**20 if config.device != "cpu" else 0.0
    print(json.dumps([megabytes("VmHWM") - before, gpu]))


def measured_peak(config: Config, name: str) -> list[float]:
    """Return what a process of its own prints for one call."""
    numbers = [f"--{key}={getattr(config, key)}" for key in ("rows", "width", "device", "threads")]
    command = [sys.executable, __file__, f"--only={name}", f"--frechet-width={config.frechet_width}", *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def difference(ours: Any, theirs: Any) -> float:
    """Return the largest relative difference of two results."""
    pairs = [(ours[name], theirs[name]) for name in ours] if isinstance(ours, dict) else [(ours, theirs)]
    return max(abs(a - b) / abs(b) for a, b in pairs)


def main(config: Config) -> None:
    """Time all sides in turns and write medians, ratios and peaks."""
    torch.set_num_threads(config.threads)
    if config.only:
        return peak(config)
    named = {name: call for name, call in calls(config).items() if name.split(",")[0] in config.sides}
    seconds: dict[str, list[float]] = {name: [] for name in named}
    results: dict[str, Any] = {}
    for number in range(config.rounds):
        for name, call in named.items():
            spent, results[name] = timed(call, config.device)
            seconds[name].append(spent)
            print(f"round {number + 1}: {name}: {spent:.2f} s", flush=True)
    pairs = [(f"{side}, ours", f"{side}, theirs") for side in config.sides]
    peaks = {name: measured_peak(config, name) for name in named} if config.memory else {}
    report = {
        "benchmark": "metrics",
        "config": {name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()},
        "seconds": {name: round(statistics.median(values), 3) for name, values in seconds.items()},
        "ratios": {
            a.split(",")[0]: round(statistics.median(t / o for o, t in zip(seconds[a], seconds[b])), 2)
            for a, b in pairs
        },
        "peak_megabytes": {name: round(found[0], 1) for name, found in peaks.items()},
        "peak_gpu_megabytes": {name: round(found[1], 1) for name, found in peaks.items()},
        "largest_relative_difference": {a.split(",")[0]: difference(results[a], results[b]) for a, b in pairs},
        "scores": {name: result for name, result in results.items() if name.endswith("ours")},
        "environment": environment(config.device),
        "commit": source_commit(),
    }
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(config.out, report)
    print(json.dumps(report, indent=2, default=str))
    return None


if __name__ == "__main__":
    main(tyro.cli(Config))
